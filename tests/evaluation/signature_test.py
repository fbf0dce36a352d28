import jax
import pytest

from epik_jax.evaluation.signature import signature, signatures
from epik_jax.text.normalise import NORMALISER_VERSION


def parts(found):
    return dict(part.split(":", 1) for part in found.split("|")[1:])


def test_signature_names_all_that_changes_the_number():
    found = signature("cer", decode="greedy", code="848e3af-dirty", data="names-dev")
    assert found.startswith("cer|")
    assert parts(found) == {
        "norm": f"epik-{NORMALISER_VERSION}",
        "refs": "any",
        "level": "corpus",
        "decode": "greedy",
        "data": "names-dev",
        "epik_jax": "848e3af-dirty",
        "jax": jax.__version__,
    }


def test_per_word_figures_say_so():
    assert "|level:word|" in signature("top1", decode="beam-4", code="x")
    assert "|level:word|" in signature("cer_mean", decode="beam-4", code="x")


def test_a_sound_key_that_is_made_otherwise_is_signed_otherwise():
    names = ("top1", "strict", "phonetic", "cross_strict")
    keys = {"strict": "one way", "phonetic": "one way"}
    first, second = (
        signatures(names, keys=made, decode="greedy", code="x")
        for made in (keys, {**keys, "strict": "another way"})
    )
    assert tuple(first) == names
    changed = {name for name in names if first[name] != second[name]}
    assert changed == {"strict", "cross_strict"}
    assert "key" not in parts(first["top1"])
    assert len({parts(first[name])["key"] for name in names[1:]}) == 1


def test_value_that_breaks_the_line_is_refused():
    with pytest.raises(ValueError, match="greedy"):
        signature("cer", decode="greedy|beam", code="x")
    with pytest.raises(ValueError, match="data"):
        signature("cer", decode="greedy", code="x", data="")
    with pytest.raises(ValueError, match="epik_jax"):
        signature("cer", decode="greedy", code="")
