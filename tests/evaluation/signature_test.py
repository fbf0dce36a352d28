import jax
import pytest

from epik_jax.evaluation.signature import signature
from epik_jax.text.normalise import NORMALISER_VERSION


def test_signature_names_all_that_changes_the_number():
    found = signature("cer", decode="greedy", data="names-dev")
    parts = dict(part.split(":", 1) for part in found.split("|")[1:])
    assert found.startswith("cer|")
    assert parts.pop("epik_jax")
    assert parts == {
        "norm": f"epik-{NORMALISER_VERSION}",
        "refs": "any",
        "level": "corpus",
        "decode": "greedy",
        "data": "names-dev",
        "jax": jax.__version__,
    }


def test_per_word_figures_say_so():
    assert "|level:word|" in signature("top1", decode="beam-4")
    assert "|level:word|" in signature("cer_mean", decode="beam-4")


def test_value_that_breaks_the_line_is_refused():
    with pytest.raises(ValueError, match="greedy"):
        signature("cer", decode="greedy|beam")
    with pytest.raises(ValueError, match="data"):
        signature("cer", decode="greedy", data="")
