"""What documents tell a reader to type is understood; their links lead somewhere.

Commands are parsed, not run; configurations that they name are built.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import jupytext
import pytest
from floors import DOORS

from epik_jax import arguments
from epik_jax.recipes import settings
from epik_jax.recipes.run import RECIPES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")
)
FENCED = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]+)?\)")


def fenced_commands(text):
    """Command lines in fenced blocks, joined where they are continued."""
    for block in FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "epik-jax" in words:
                yield words[words.index("epik-jax") + 1 :]


def typed():
    return [
        pytest.param(words, id=f"{path.name}: {' '.join(words)[:60]}")
        for path in DOCUMENTS
        for words in fenced_commands(path.read_text(encoding="utf-8"))
    ]


def test_commands_are_found():
    assert len(typed()) > 20


@pytest.mark.parametrize("words", typed())
def test_what_is_told_to_be_typed_is_understood(words, monkeypatch):
    monkeypatch.chdir(ROOT)
    given = arguments.parse(words)
    if getattr(given, "config", None):
        plain = settings.read_config(given.config, given.overrides)
        settings.build(RECIPES[plain.pop("recipe")].settings, plain)


def anchors(text):
    """How the headings of a document are linked to."""
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        yield "#" + plain.replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_within_the_project_lead_somewhere(document):
    for target, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path = (document.parent / target) if target else document
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path.read_text(encoding="utf-8")), anchor


def test_the_doors_that_are_told_are_those_that_are_checked():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| library | door |")[2].partition("\n\n")[0]
    told = {}
    for row in table.splitlines()[2:]:
        one, its, other, others = (cell.strip() for cell in row.split("|")[1:-1])
        for names, doors in ((one, its), (other, others)):
            paths = [d.removesuffix(".py") for d in re.findall(r"`([^`]+)`", doors)]
            found = {path.strip("/").replace("/", ".") for path in paths}
            for name in re.sub(r"\(.*\)", "", names).split(","):
                told[name.strip()] = found - {"configs"}  # No part of the package.
    told.pop("", None)
    checked = {k: set(doors.split()) for k, doors in DOORS.items() if doors}
    parts_of_jax = {k for k in checked if k.startswith("jax.")} - {"jax.sharding"}
    assert told == {k: v for k, v in checked.items() if k not in parts_of_jax}


@pytest.mark.parametrize("script", sorted((ROOT / "notebooks").glob("*.py")))
def test_a_notebook_is_what_its_script_says(script):
    notebook = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
    said = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    cells = jupytext.read(script).cells
    assert said == [(cell.cell_type, cell.source) for cell in cells]


def test_figures_of_scaling_are_those_that_were_written_down():
    written = json.loads((ROOT / "results/tpu/scaling.json").read_text())["rows"]
    text = (ROOT / "docs" / "tpu.md").read_text(encoding="utf-8")
    table = text.partition("<!-- scaling -->\n")[2].partition("<!-- /scaling")[0]
    told = [[c.strip() for c in row.split("|")[3:-1]] for row in table.splitlines()[2:]]
    assert len(told) == len(written) == 24
    for row in written:
        figures = f"{row['chips']} | {row['rows']:,} | {row['GiB a chip']:.2f} | "
        figures += f"{row['MB exchanged']:.1f} | {row['ms']:.3f} | {row['MFU %']:.0f} %"
        assert [*figures.split(" | "), f"{row['rows/s a chip']:,.0f}"] in told
