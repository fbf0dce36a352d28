"""Stages: resumed, reused, chained."""

import dataclasses

import jax
import numpy as np
import pytest
import toy_run

from epik_jax import trees
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.recipe import Stage, Workplace, run_stages
from epik_jax.training.loop import LoopConfig
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.optimizer import OptimizerConfig
from epik_jax.training.stop import InterruptedRunError, StopFlag

TOY = Stage(
    name="first",
    batches=lambda start, mine=None: toy_run.batches(start),
    forward=toy_run.forward,
    objective=toy_run.OBJECTIVE,
    trainable=toy_run.TRAINABLE,
    optimizer=OptimizerConfig(0.05, warmup_steps=2),
    loop=LoopConfig(num_steps=6, log_every=2, save_every=2),
    seed=0,
    inputs={"data": "d0"},
)
SECOND = dataclasses.replace(TOY, name="second", seed=1)


def _run(folder, stages, mesh=(1, 1), stop=None, computing=PLAIN):
    log, wish = MetricLog(folder / "metrics.jsonl"), stop or toy_run.Wish()
    at = Workplace(folder, meshes.make_mesh(*mesh), log, wish, computing)
    return run_stages(stages, toy_run.params(), at)


def _bits(params):
    return {path: leaf.tobytes() for path, leaf in trees.flatten(params).items()}


def _never(start):
    raise AssertionError("batches were asked for")


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Two stages that nothing disturbed: their folder, and what they ended with."""
    folder = tmp_path_factory.mktemp("straight")
    return folder, _bits(_run(folder, (TOY, SECOND), mesh=(4, 2)))


@dataclasses.dataclass
class _Countdown(StopFlag):
    """A stop flag that is set once it was read so many times."""

    left: int

    @property
    def asked(self):
        self.left -= 1
        return self.left < 0


def test_a_run_stopped_in_its_second_stage_ends_as_one_that_was_not(straight, tmp_path):
    with pytest.raises(InterruptedRunError, match=r"second: .* step 3, saved"):
        _run(tmp_path, (TOY, SECOND), mesh=(4, 2), stop=_Countdown(10))
    assert _bits(_run(tmp_path, (TOY, SECOND), mesh=(4, 2))) == straight[1]


def test_a_wish_that_comes_with_the_last_step_is_obeyed_before_the_next_stage(tmp_path):
    wish = toy_run.Wish()
    last = dataclasses.replace(
        TOY,
        loop=dataclasses.replace(TOY.loop, validate_every=TOY.loop.num_steps),
        validate=lambda params, mesh: _ask(wish),
    )
    with pytest.raises(InterruptedRunError, match="stopped before second"):
        _run(tmp_path, (last, SECOND), stop=wish)
    assert not (tmp_path / "stages" / "second").exists()


def _ask(wish):
    wish.asked = True
    return {"cost": 0.0}


def test_a_run_goes_on_over_another_mesh(straight, tmp_path):
    with pytest.raises(InterruptedRunError):
        _run(tmp_path, (TOY, SECOND), mesh=(1, 8), stop=_Countdown(3))
    resumed = trees.flatten(_run(tmp_path, (TOY, SECOND), mesh=(2, 4)))
    for path, leaf in resumed.items():
        expected = np.frombuffer(straight[1][path], np.float32).reshape(leaf.shape)
        np.testing.assert_allclose(leaf, expected, rtol=1e-4, atol=1e-6)


def test_finished_stages_are_read_back_not_trained(straight):
    idle = tuple(dataclasses.replace(s, batches=_never) for s in (TOY, SECOND))
    assert _bits(_run(straight[0], idle)) == straight[1]


def test_a_finished_stage_that_was_damaged_is_trained_to_its_end_again(tmp_path):
    first = _bits(_run(tmp_path, (TOY,)))
    (tmp_path / "stages/first/checkpoints/6/SEAL.json").unlink()
    assert _bits(_run(tmp_path, (TOY,))) == first


def test_the_best_validated_parameters_are_handed_on_now_and_when_read_back(tmp_path):
    seen, costs = [], iter([0.9, 0.3, 0.1, 0.2])

    def validate(params, mesh):
        assert dict(mesh.shape) == {"data": 1, "model": 1}
        seen.append(_bits(jax.device_get(params)))
        return {"cost": next(costs)}

    loop = LoopConfig(6, log_every=2, save_every=99, validate_every=2, keep_best=True)
    stage = dataclasses.replace(TOY, loop=loop, validate=validate)
    assert _bits(_run(tmp_path, (stage,))) == seen[2]
    idle = dataclasses.replace(stage, batches=_never)
    assert _bits(_run(tmp_path, (idle,))) == seen[2]


def test_a_stage_starts_from_what_it_carries_over(straight, tmp_path):
    given = []

    def halved(params):
        given.append(_bits(params))
        return jax.tree.map(lambda x: x / 2, params)

    second = dataclasses.replace(SECOND, carry_over=halved)
    ended = _run(tmp_path, (TOY, second))
    assert given == [_bits(_run(tmp_path, (TOY,)))]
    frozen = toy_run.params()["frozen"]["head"]["kernel"]
    np.testing.assert_array_equal(ended["frozen"]["head"]["kernel"], frozen / 2)
    assert _bits(ended) != straight[1]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"inputs": {"data": "d1"}}, "data d0, this run has d1"),
        ({"inputs": {}}, "data d0, this run has none"),
        ({"inputs": {"data": {"en": "d0"}}}, "data d0, this run has none"),
        (
            {"optimizer": OptimizerConfig(0.5, warmup_steps=2)},
            "optimizer/learning_rate 0.05, this run has 0.5",
        ),
        ({"trainable": ("",)}, "trainable .*student.*, this run has"),
        ({"seed": 5}, "seed 0, this run has 5"),
    ],
)
def test_a_stage_made_otherwise_is_refused_by_the_part_that_differs(
    straight, changes, part
):
    changed = dataclasses.replace(TOY, **changes)
    with pytest.raises(ValueError, match=f"first: .* with {part}"):
        _run(straight[0], (changed, SECOND))


def test_activations_of_another_type_are_refused_and_such_computed_again_are_not(
    straight,
):
    idle = tuple(dataclasses.replace(s, batches=_never) for s in (TOY, SECOND))
    again, coarse = Computing(rematerialise=True), Computing(activations="bfloat16")
    assert _bits(_run(straight[0], idle, computing=again)) == straight[1]
    message = r"made without compute\.activations, this run has bfloat16; use another"
    with pytest.raises(ValueError, match=message):
        _run(straight[0], (TOY, SECOND), computing=coarse)


def test_processes_that_are_to_train_on_something_else_do_not_begin(
    straight, tmp_path, monkeypatch
):
    asked = {}
    monkeypatch.setattr(
        "epik_jax.parallel.processes.demand_same",
        lambda what, said: asked.update({what: said}),
    )
    _run(straight[0], (TOY, SECOND))
    assert asked["first"]["data"] == "d0" and asked["first"]["checkpoint"] == 6
    assert asked["first"]["finished"]["step"] == 6

    def refuse(what, said):
        raise ValueError(f"{what} differs")

    monkeypatch.setattr("epik_jax.parallel.processes.demand_same", refuse)
    with pytest.raises(ValueError, match="first differs"):
        _run(tmp_path, (dataclasses.replace(TOY, batches=_never),))


def test_a_stage_after_another_first_one_is_refused(straight):
    other = dataclasses.replace(TOY, name="other", inputs={"data": "d1"})
    with pytest.raises(ValueError, match=r"second: .* with stages before"):
        _run(straight[0], (other, SECOND))


@pytest.mark.parametrize("choosing", [{"keep_best": True}, {"patience": 9}])
def test_a_choice_made_on_other_words_is_refused(tmp_path, choosing):
    loop = LoopConfig(4, log_every=2, save_every=99, validate_every=2, **choosing)
    stage = dataclasses.replace(
        TOY, loop=loop, validate=lambda params, mesh: {"cost": 0.0}, validated="v0"
    )
    _run(tmp_path, (stage,))
    with pytest.raises(ValueError, match="with validated v0, this run has v1"):
        _run(tmp_path, (dataclasses.replace(stage, validated="v1"),))


def test_validations_that_choose_nothing_are_no_part_of_a_stage(straight):
    other = dataclasses.replace(TOY, validated="v1", batches=_never)
    _run(straight[0], (other,))
