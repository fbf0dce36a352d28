"""Configuration at the door: what is built, what is refused, and in which words."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path
from typing import Literal

import ml_collections
import pytest

from epik_jax.recipes import settings
from epik_jax.recipes.settings import as_dict, build, nearest, read_config


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float
    kind: Literal["plain", "fancy"] = "plain"

    def __post_init__(self):
        if self.rate < 0:
            raise ValueError(f"rate {self.rate} is negative")


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    name: str = "x"
    exact: bool = False
    pairs: tuple[tuple[int, int], ...] = ()
    two: tuple[int, str] = (1, "a")
    blocks: tuple[Inner, ...] = ()
    limit: int | None = None
    extra: Inner | None = None
    own: Inner = dataclasses.field(default_factory=lambda: Inner(0.25))


GOOD = {"count": 3, "inner": {"rate": 0.5}}


def test_nested_values_become_the_dataclasses_that_annotations_name():
    built = build(
        Outer,
        {
            "count": 3,
            "inner": {"rate": 2, "kind": "fancy"},
            "pairs": [[1, 2], (3, 4)],
            "two": [5, "b"],
            "blocks": [{"rate": 0.1}, {"rate": 0.2}],
            "limit": 7,
            "extra": {"rate": 1.0},
        },
    )
    assert built == Outer(
        3,
        Inner(2.0, "fancy"),
        pairs=((1, 2), (3, 4)),
        two=(5, "b"),
        blocks=(Inner(0.1), Inner(0.2)),
        limit=7,
        extra=Inner(1.0),
    )
    assert type(built.inner.rate) is float


def test_a_config_dict_builds_what_the_same_plain_dict_builds():
    values = {**GOOD, "blocks": ({"rate": 0.1},), "limit": None}
    assert build(Outer, ml_collections.ConfigDict(values)) == build(Outer, values)
    assert build(Outer, as_dict(ml_collections.ConfigDict(values))) == build(
        Outer, values
    )


def test_what_is_left_out_takes_the_dataclass_default():
    built = build(Outer, GOOD)
    assert (built.limit, built.extra, built.own) == (None, None, Inner(0.25))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cuont": 1}, "config.cuont is not known; did you mean 'count'?"),
        ({"inner": {"rate": 1.0, "knid": 1}}, "config.inner.knid is not known"),
        ({"inner": {"rate": 1.0, "knid": 1}}, "did you mean 'kind'"),
        ({"zzzz": 1}, "known are ['blocks', 'count'"),
        ({1: 2}, "config.1 is not known"),
        ({"inner": {1: 2, "a": 3}}, "config.inner.1 is not known"),
        ({"inner": {}}, "config.inner.rate is missing"),
        ({"count": 1.5}, "config.count is 1.5, expected int"),
        ({"count": True}, "config.count is True, expected int"),
        ({"count": "3"}, "config.count is '3', expected int"),
        ({"count": None}, "config.count is None, expected int"),
        ({"exact": 1}, "config.exact is 1, expected bool"),
        ({"name": 3}, "config.name is 3, expected str"),
        ({"inner": {"rate": "1"}}, "config.inner.rate is '1', expected float"),
        ({"inner": {"rate": False}}, "config.inner.rate is False, expected float"),
        ({"inner": 3}, "config.inner is 3, expected a block of settings"),
        ({"inner": {"rate": 1.0, "kind": "odd"}}, "expected one of ('plain', 'fancy')"),
        ({"pairs": "ab"}, "config.pairs is 'ab', expected a sequence"),
        ({"pairs": [[1, 2], [3]]}, "config.pairs[1] has 1 items, expected 2"),
        ({"pairs": [[1, "2"]]}, "config.pairs[0][1] is '2', expected int"),
        ({"two": (1, "a", 2)}, "config.two has 3 items, expected 2"),
        ({"blocks": [{"rate": 0.1}, {"ratio": 2}]}, "config.blocks[1].ratio is not"),
        ({"limit": "7"}, "config.limit is '7', expected int"),
        ({"extra": 7}, "config.extra is 7, expected a block of settings"),
        ({"inner": {"rate": -1.0}}, "config.inner: rate -1.0 is negative"),
    ],
)
def test_a_mistake_is_named_with_its_path_and_value(change, message):
    with pytest.raises(ValueError) as caught:
        build(Outer, {**GOOD, **change})
    assert message in str(caught.value)


def test_the_nearest_known_word_is_suggested_and_else_all_are_listed():
    assert "did you mean 'batch_size'?" in nearest("batchsize", ["seed", "batch_size"])
    assert (
        nearest("qqq", ["seed", "batch_size"]) == "; known are ['batch_size', 'seed']"
    )


CONFIG = """
    import ml_collections

    def get_config(variant="small"):
        steps = {"small": 10, "large": 1000}[variant]
        return ml_collections.ConfigDict({
            "recipe": "r",
            "loop": {"num_steps": steps, "rate": 0.5},
            "stages": ({"name": "a"}, {"name": "b", "widths": (1, 2)}),
            "flag": False,
        })
"""


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "config.py"
    path.write_text(textwrap.dedent(CONFIG))
    return str(path)


def test_a_file_is_read_into_plain_values_with_and_without_a_variant(config_file):
    assert read_config(config_file, [])["loop"]["num_steps"] == 10
    plain = read_config(f"{config_file}:large", [])
    assert plain == {
        "recipe": "r",
        "loop": {"num_steps": 1000, "rate": 0.5},
        "stages": [{"name": "a"}, {"name": "b", "widths": [1, 2]}],
        "flag": False,
    }


def test_overrides_reach_blocks_list_items_and_items_of_items(config_file):
    plain = read_config(
        config_file,
        [
            "loop.num_steps=3",
            "loop.rate=1e-3",
            "stages[1].widths[0]=9",
            "stages[0].name=c=d",
            "flag=true",
            "stages[1].name='7'",
        ],
    )
    assert plain["loop"] == {"num_steps": 3, "rate": 1e-3}
    assert plain["stages"] == [{"name": "c=d"}, {"name": "7", "widths": [9, 2]}]
    assert plain["flag"] is True


def test_what_an_override_sets_is_as_plain_as_the_rest(config_file):
    plain = read_config(config_file, ["stages[1].widths=((3, 4),)"])
    assert plain["stages"][1]["widths"] == [[3, 4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import no_such_package\n",
            r"broken\.py:1: ModuleNotFoundError: .*no_such_package",
        ),
        (
            "import os\nx = os.environ['NOT_SET']\n",
            r"broken\.py:2: KeyError: 'NOT_SET'",
        ),
        ("def get_config():\n  return 1 // 0\n", r"broken\.py:2: ZeroDivisionError"),
        ("def get_config():\n  return 7\n", "get_config gave a int, no ConfigDict"),
    ],
)
def test_an_error_in_a_configuration_file_has_a_line(tmp_path, text, message):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_config(str(path), [])


def test_a_list_item_may_also_be_named_with_a_dot(config_file):
    plain = read_config(config_file, ["stages.1.name=z"])
    assert plain["stages"][1]["name"] == "z"


def test_the_later_of_two_overrides_wins(config_file):
    overrides = ["loop.num_steps=3", "loop.num_steps=4"]
    assert read_config(config_file, overrides)["loop"]["num_steps"] == 4


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loop.num_steps", "--config.loop.num_steps: expected"),
        ("=3", "--config.=3: expected --config.KEY=VALUE"),
        (".=3", "expected --config.KEY=VALUE"),
        ("stages[2].name=x", "--config.stages[2].name: there is no 2"),
        ("stages[2]=x", "--config.stages[2]: there is no 2"),
        ("stages.first.name=x", "there is no 'first'"),
        ("flag.deep.er=1", "there is no 'deep'"),
        ("flag.deep=1", "nothing lies below a plain value"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(config_file, override, message):
    with pytest.raises(ValueError) as caught:
        read_config(config_file, [override])
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"--config: there is no file '.*nowhere\.py'"):
        read_config(f"{tmp_path}/nowhere.py:small", [])


def test_an_unknown_variant_is_named(config_file):
    with pytest.raises(ValueError, match=r"config\.py has no variant 'huge'"):
        read_config(f"{config_file}:huge", [])


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("matra.py:nonsense", "known are builtin, tiny, real, release"),
        ("epik.py:nonsense", "known are builtin, tiny, real, release, alone or with"),
        ("epik.py:tiny-nonsense", "-faithful, -sequence, -marginal, -slots"),
    ],
)
def test_an_unknown_variant_of_a_recipe_that_ships_lists_the_known_ones(file, known):
    configs = Path(settings.__file__).parents[2] / "configs"
    variant = file.partition(":")[2]
    with pytest.raises(ValueError, match=f"no variant '{variant}'; .*{known}"):
        read_config(f"{configs}/{file}", [])


def test_a_variant_of_a_file_without_variants_is_refused(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text("def get_config():\n    return {'recipe': 'r'}\n")
    with pytest.raises(ValueError, match=r"plain\.py has no variants, 'x' was asked"):
        read_config(f"{path}:x", [])


def test_a_variant_that_a_file_cannot_do_without_is_asked_for(tmp_path):
    path = tmp_path / "sized.py"
    path.write_text("def get_config(size):\n    return {'recipe': size}\n")
    with pytest.raises(ValueError, match=r"needs a variant: .*sized\.py:VARIANT"):
        read_config(str(path), [])


def test_a_file_that_makes_a_plain_dict_serves_too(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text("def get_config():\n    return {'b': (1, 2), 'a': {'c': 3}}\n")
    assert read_config(str(path), []) == {"a": {"c": 3}, "b": [1, 2]}


def test_a_file_without_get_config_is_named(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"empty\.py defines no get_config"):
        read_config(str(path), [])


def test_a_file_that_is_no_python_is_refused_by_name(tmp_path):
    path = tmp_path / "config.txt"
    path.write_text("recipe: epik\n")
    with pytest.raises(ValueError, match=r"config\.txt' is not a Python file"):
        read_config(str(path), [])
