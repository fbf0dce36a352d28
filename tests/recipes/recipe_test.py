"""Stages: placed over any mesh alike, resumed, reused, chained."""

import contextlib
import dataclasses
import itertools
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import toy_run

from epik_jax import trees
from epik_jax.models import transformer
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.recipe import Stage, Workplace, compile_step, run_stages
from epik_jax.structs import ModelOutput
from epik_jax.training.loop import LoopConfig
from epik_jax.training.metric_log import MetricLog
from epik_jax.training.optimizer import OptimizerConfig
from epik_jax.training.stop import InterruptedRunError, StopFlag

# A decoder has no leaf that the rules do not know from the encoder, and costs as much
# again to compile, five times over.
ENCODER = tiny.config(decoder_layers=0)


def _batches(start):
    return (tiny.batch(seed=n, width_T=5) for n in itertools.count(start))


def _forward(params, batch, *, key):
    """Names a token at each place of the source."""
    memory = transformer.encode(
        params["student"], ENCODER, batch["source"], batch["source_mask"], key=key
    )
    table = params["student"]["embedding"]
    return ModelOutput(jnp.einsum("bsd,vd->bsv", memory.hidden, table))


STAGE = Stage(
    name="first",
    batches=_batches,
    forward=_forward,
    objective=tiny.OBJECTIVE,
    trainable=("^student/",),
    optimizer=OptimizerConfig(1e-2, warmup_steps=5),
    loop=LoopConfig(num_steps=30),
    seed=0,
    inputs={"data": "d0", "model": repr(ENCODER)},
)


@dataclasses.dataclass
class _Run:
    """What 30 updates over one mesh have come to."""

    losses: np.ndarray
    params: dict[str, np.ndarray]
    start: object
    end: object
    compilations: list[str]


class _Listener(logging.Handler):
    """Keeps what JAX says of its compilations."""

    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


@contextlib.contextmanager
def _compilations():
    listener, logger = _Listener(), logging.getLogger("jax")
    logger.addHandler(listener)
    with jax.log_compiles():
        yield listener.said
    logger.removeHandler(listener)


def _updates(data, model):
    mesh = meshes.make_mesh(data, model)
    state, step = compile_step(STAGE, {"student": tiny.params(ENCODER)}, mesh)
    start = jax.tree.map(lambda x: x.sharding, state)
    batches = [meshes.to_global(mesh, b) for b in itertools.islice(_batches(0), 30)]
    state, means = step(state, batches[0])
    losses = [means["loss"]]
    with _compilations() as compilations:
        for batch in batches[1:]:
            state, means = step(state, batch)
            losses.append(means["loss"])
    params = trees.flatten(jax.device_get(state.params))
    values = np.array([float(m.total / m.count) for m in jax.device_get(losses)])
    end = jax.tree.map(lambda x: x.sharding, state)
    return _Run(values, params, start, end, compilations)


@pytest.fixture(scope="module")
def alone():
    return _updates(1, 1)


@pytest.mark.parametrize("shape", [(8, 1), (4, 2), (2, 4), (1, 8)])
def test_any_mesh_trains_as_one_device_does_with_dropout_on(alone, shape):
    run = _updates(*shape)
    np.testing.assert_allclose(run.losses, alone.losses, atol=5e-5, rtol=0)
    # The bias of keys moves all logits of a query alike, so that its gradient is
    # rounding error, which Adam makes large: it differs, and does nothing.
    ours, theirs = (
        np.concatenate(
            [x.ravel() for p, x in each.params.items() if not p.endswith("key/bias")]
        )
        for each in (run, alone)
    )
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 1e-5
    # An update gives its state back lying as it found it, so nothing is compiled anew.
    assert jax.tree.leaves(run.start) == jax.tree.leaves(run.end)
    assert run.compilations == []


def test_training_gives_the_pinned_losses(alone):
    np.testing.assert_allclose(
        alone.losses[[0, 1, 9, 29]],
        [3.055526, 3.235525, 2.711993, 2.689765],
        atol=1e-3,
        err_msg="The same seed and batches train to other losses than they did: the "
        "network, dropout, the objective, the optimizer or the order of keys has "
        "changed. Where that is wanted, say so in CHANGELOG.md and pin the new ones.",
    )


def test_the_state_is_born_split_over_the_mesh():
    mesh = meshes.make_mesh(1, 8)
    params = {"student": tiny.params(ENCODER)}
    state, _ = compile_step(STAGE, params, mesh)
    kernel = ("encoder", "block_00", "feed_forward", "inner", "kernel")
    for tree in (state.params, state.opt_state.inner_state[1][0].mu):
        leaf = trees.flatten(tree)["/".join(("student", *kernel))]
        assert {s.data.shape for s in leaf.addressable_shards} == {(16, 4)}


TOY = Stage(
    name="first",
    batches=lambda start: toy_run.batches(start),
    forward=toy_run.forward,
    objective=toy_run.OBJECTIVE,
    trainable=toy_run.TRAINABLE,
    optimizer=OptimizerConfig(0.05, warmup_steps=2),
    loop=LoopConfig(num_steps=6, log_every=2, save_every=2),
    seed=0,
    inputs={"data": "d0"},
)
SECOND = dataclasses.replace(TOY, name="second", seed=1)


def _run(folder, stages, mesh=(1, 1), stop=None):
    log, wish = MetricLog(folder / "metrics.jsonl"), stop or toy_run.Wish()
    at = Workplace(folder, meshes.make_mesh(*mesh), log, wish)
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
    seen, costs = [], iter([0.3, 0.1, 0.2])

    def validate(params, mesh):
        assert dict(mesh.shape) == {"data": 1, "model": 1}
        seen.append(_bits(jax.device_get(params)))
        return {"cost": next(costs)}

    loop = LoopConfig(6, log_every=2, save_every=99, validate_every=2, keep_best=True)
    stage = dataclasses.replace(TOY, loop=loop, validate=validate)
    assert _bits(_run(tmp_path, (stage,))) == seen[1]
    idle = dataclasses.replace(stage, batches=_never)
    assert _bits(_run(tmp_path, (idle,))) == seen[1]


def test_a_stage_starts_from_what_it_carries_over(straight, tmp_path):
    given = []

    def halved(params):
        given.append(_bits(params))
        return jax.tree.map(lambda x: x / 2, params)

    second = dataclasses.replace(SECOND, carry_over=halved)
    ended = _run(tmp_path, (TOY, second))
    assert given == [_bits(_run(tmp_path, (TOY,)))]
    frozen = toy_run.params()["frozen"]["kernel"]
    np.testing.assert_array_equal(ended["frozen"]["kernel"], frozen / 2)
    assert _bits(ended) != straight[1]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"inputs": {"data": "d1"}}, "data d0, this run has d1"),
        ({"inputs": {}}, "data d0, this run has None"),
        ({"inputs": {"data": {"en": "d0"}}}, "data d0, this run has None"),
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


def test_a_stage_after_another_first_one_is_refused(straight):
    other = dataclasses.replace(TOY, name="other", inputs={"data": "d1"})
    with pytest.raises(ValueError, match=r"second: .* with stages before"):
        _run(straight[0], (other, SECOND))
