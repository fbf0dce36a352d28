import builtins

import pytest

from epik_jax.evaluation import feature_distance


def test_missing_extra_is_named(monkeypatch):
    real_import = builtins.__import__

    def without_epitran(name, *args, **kwargs):
        if name == "epitran":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    feature_distance._reader.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without_epitran)
    with pytest.raises(ImportError, match=r"epik_jax\[phonetics\]"):
        feature_distance.to_ipa("कमल", "hi")


def test_english_has_no_pronunciation_table():
    with pytest.raises(ValueError, match="'en'"):
        feature_distance.to_ipa("delhi", "en")


def test_related_sounds_are_nearer_than_unrelated_ones():
    pytest.importorskip("epitran")
    pytest.importorskip("panphon")
    near = feature_distance.feature_distance("कमल", "hi", "गमल", "hi")
    far = feature_distance.feature_distance("कमल", "hi", "शीशी", "hi")
    assert feature_distance.feature_distance("कमल", "hi", "कमल", "hi") == 0.0
    assert 0.0 < near < 0.1 < far
