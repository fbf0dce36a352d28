"""What a configuration refuses before anything is built from it."""

import dataclasses

import pytest
import tiny


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"width": 18, "num_heads": 4}, "width 18 is not a multiple of num_heads 4"),
        ({"dropout": 1.0}, r"dropout 1.0 is neither 0 nor in \[1/256, 1\)"),
        ({"dropout": 0.001}, "dropout 0.001 is neither 0 nor"),
        ({"dropout": -0.1}, "dropout -0.1 is neither 0 nor"),
        ({"num_heads": 0}, "num_heads is 0, expected 1 to 65536"),
        ({"decoder_layers": -1}, "decoder_layers is -1, expected 0 or more"),
        ({"width": 15, "num_heads": 3}, "width 15 is odd; sinusoids"),
        ({"norm": "both"}, "norm 'both'"),
        ({"positions": "rotary"}, "positions 'rotary'"),
        ({"activation": "swish"}, "activation 'swish'"),
        ({"matmul_dtype": "float16"}, "matmul_dtype 'float16'"),
        ({"num_slots": 9}, "num_slots 9 exceeds max_length 8"),
        ({"max_length": 65537}, "max_length is 65537, expected 1 to 65536"),
    ],
)
def test_a_size_that_cannot_be_built_is_refused_by_name(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        tiny.config(**changes)


def test_a_configuration_is_a_value_that_compiled_code_can_be_keyed_by():
    same = tiny.config()
    assert same == tiny.CONFIG and hash(same) == hash(tiny.CONFIG)
    with pytest.raises(dataclasses.FrozenInstanceError):
        same.width = 32


def test_heads_share_the_width():
    assert tiny.config(width=24, num_heads=3).head_width == 8
