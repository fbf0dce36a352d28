# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   language_info:
#     name: python
# ---

# %% [markdown]
# # EPIK: a chain of two models becomes one
#
# [![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/epik-jax/epik_jax/blob/main/notebooks/epik_quickstart.ipynb)
#
# A network that knows English and four Indic scripts goes from one Indic script to
# another by writing English in between. Here such a *chain* is trained and condensed
# into one *student*, which never writes English, and both are compared on names that
# neither has seen.
#
# Everything runs on the corpus that ships with the package: some hundred names and
# made-up words. That is enough to see each step work, and too little for a good model.
# A CPU is enough; with two cores it takes about ten minutes.

# %% [markdown]
# ## Install
#
# Skipped where the package is installed already.

# %%
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("epik_jax") is None:
    repository = "https://github.com/epik-jax/epik_jax"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", repository, "epik_jax-main"],
        check=True,
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "./epik_jax-main"],
        check=True,
    )

# %% [markdown]
# ## Distil
#
# One call reads the configuration, trains the teacher, asks the chain, trains the
# student and measures. With the environment variable `SMOKE=1` it is the size of tests:
# it finishes sooner, and its models write nonsense.

# %%
import html
import logging
import os
import tempfile

from IPython.display import HTML, display

from epik_jax import host
from epik_jax.evaluation import appendix, sections
from epik_jax.evaluation.markup import Markup, tag
from epik_jax.evaluation.style import CSS
from epik_jax.recipes.run import run
from epik_jax.recipes.transliteration.answerer import model_answerer
from epik_jax.recipes.transliteration.phrase import Writer

logging.getLogger().handlers.clear()  # or each line would come twice
host.set_logging()
host.set_allocator()  # before JAX takes its first buffer: faster on a CPU
host.set_compilation_cache()

here = Path.cwd()
clone = next(
    folder
    for folder in (here / "epik_jax-main", here, *here.parents)
    if (folder / "configs" / "epik.py").is_file()
)
if os.environ.get("SMOKE") == "1":
    size, workdir = "tiny", Path(tempfile.mkdtemp())
else:
    size, workdir = "builtin", clone / "runs" / "notebook"
print(f"{size}; the run lies in {workdir}")

# %% [markdown]
# A cell that was interrupted can be run again: it goes on where it was.

# %%
report = run(f"{clone}/configs/epik.py:{size}", [], workdir, evaluate=True)

# %% [markdown]
# ## Who is how good
#
# The student is compared with the chain, with the chain when it sums over several
# English spellings, and with a table of rules that learned nothing. Under each figure
# stands its 95 % interval; the third line is the student's lead on the same words.
#
# On so small a corpus the table of rules is hard to beat. On real data it is the floor.


# %%
def show(part: Markup, height: int = 520) -> None:
    """Displays a part of the report in a frame of its own."""
    page = tag("style", Markup(CSS)) + tag("main", part)
    shape = f'width="100%" height="{height}" style="border: 0"'
    frame = f'<iframe srcdoc="{html.escape(page)}" {shape}></iframe>'
    display(HTML(f"<div>{frame}</div>"))


show(sections.systems(report))

# %% [markdown]
# ## Learning curves
#
# `loss` is what is minimised; `cost` and `top1` come from validations: the error rate
# per character, and the share of words without an error.

# %%
show(appendix.curves(report), height=760)

# %% [markdown]
# ## Language pairs
#
# From the language of the row to that of the column. The chain's matrix also has
# English, which it writes and reads in one pass.

# %%
show(sections.pairs(report), height=900)

# %% [markdown]
# ## Words side by side
#
# Drawn blindly. The pivot is the English that the chain wrote on its way.

# %%
show(sections.samples(report), height=760)

# %% [markdown]
# ## Time, and how alike the encoders are

# %%
show(appendix.times(report))
show(appendix.similarity(report), height=320)

# %% [markdown]
# ## Words of your own
#
# Whatever is not a word of an Indic script stays as it is.

# %%
student = model_answerer(workdir / "student")
for lang in ("ta", "kn", "bn"):
    writer = Writer(lang, student.predictor, student.max_length)
    for line in writer.write(["नमस्ते, दिल्ली!", "कोलकाता 1911"]):
        print(lang, line.output)

# %% [markdown]
# ## And now
#
# - `report.html` in the run's folder is the whole report.
# - [Other ways to distil](https://github.com/epik-jax/epik_jax/blob/main/docs/epik.md#which-way):
#   put a hyphen and the way behind the size, such as `builtin-faithful`, and take
#   another folder.
# - [Real data](https://github.com/epik-jax/epik_jax/blob/main/docs/data.md#your-own-lists).
