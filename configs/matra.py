"""MATra: the multilingual transliteration teacher.

    epik-jax run --config=configs/matra.py:real --config.data.root=FOLDER \
        --workdir=runs/matra-real

`real`: Dakshina and Aksharantar, hi ta kn bn; about 90 minutes on two CPU cores.
`release`: the same from these data sets as they unpack; see docs/data.md.
`builtin`: the corpus that ships; a few minutes. `tiny`: seconds, for tests.
"""

import importlib.util
import pathlib

import ml_collections

_spec = importlib.util.spec_from_file_location(
    "common", pathlib.Path(__file__).with_name("common.py")
)
common = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(common)


SIZES = ("builtin", "tiny", "real", "release")


def get_config(variant: str = "builtin") -> ml_collections.ConfigDict:
    """The recipe as "builtin", "real", "release" or "tiny"."""
    if variant not in SIZES:
        raise KeyError(f"known are {', '.join(SIZES)}")
    size = common.SIZES.get(variant, variant)
    return ml_collections.ConfigDict(
        {
            "recipe": "matra",
            "data": common.data(variant),
            "teacher": common.teacher(size),
            "lexicons": {
                "num_words": 20 if size == "tiny" else 0,
                "beam_width": 2 if size == "tiny" else 4,
                "tables": ("builtin",),
            },
            "mesh": {"data": 1, "model": 1},
        }
    )
