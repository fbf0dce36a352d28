"""The English form of a name says what the name is for."""

from __future__ import annotations

from epik_jax.recipes.transliteration.names import (
    CHOOSING_SHARE,
    for_choosing,
    name_key,
)
from epik_jax.structs import Example


def test_the_key_of_a_name_is_its_english_form_wherever_it_stands():
    direct = Example("", "राम", "hi", "kn", ("ರಾಮ್",), "ram")
    there, back = (
        Example("", "राम", "hi", "en", ("ram", "raam")),
        Example("", "ram", "en", "hi", ("राम",)),
    )
    assert {name_key(e) for e in (direct, there, back)} == {"ram"}


def test_about_one_name_in_five_is_for_choosing():
    chosen = sum(for_choosing(f"name{i}") for i in range(2000))
    assert abs(chosen - 2000 / CHOOSING_SHARE) < 80
