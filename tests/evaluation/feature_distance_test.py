import builtins

import pytest

from epik_jax.evaluation import feature_distance
from epik_jax.evaluation.feature_distance import make_feature_distance


@pytest.mark.parametrize("missing", ["epitran", "panphon.distance"])
def test_a_missing_extra_is_a_mistake_of_use_and_named(missing, monkeypatch):
    real_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name == missing:
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    make_feature_distance.cache_clear()
    if missing != "epitran":
        pytest.importorskip("epitran")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"pip install 'epik-jax\[phonetics\]'"):
        make_feature_distance()


@pytest.fixture(scope="module")
def distance():
    pytest.importorskip("epitran")
    pytest.importorskip("panphon")
    return make_feature_distance()


def test_english_has_no_distance(distance):
    assert distance("delhi", "dilli", "en") is None


@pytest.mark.parametrize(
    ("lang", "word", "near", "far"),
    [
        ("hi", "कमल", "गमल", "शीशी"),
        ("ta", "பால்", "பாள்", "சிசி"),
        ("kn", "ಕಮಲ", "ಗಮಲ", "ಶೀಶೀ"),
        ("bn", "কমল", "গমল", "শিশি"),
    ],
)
def test_related_sounds_are_nearer_than_unrelated_ones(distance, lang, word, near, far):
    assert distance(word, word, lang) == 0.0
    assert 0.0 < distance(word, near, lang) < 0.1 < distance(word, far, lang)


def test_a_missing_answer_is_farther_than_any(distance):
    assert distance("", "कमल", "hi") > 0.8


def test_its_languages_are_those_with_a_table():
    assert set(feature_distance.EPITRAN_CODES) == {"hi", "ta", "kn", "bn"}
