"""The pure functions: padding, causality, single steps, parameters, pinned values."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from jax.extend.core import Var

from epik_jax import trees
from epik_jax.models import transformer

W, T = 3, 4
_PROJECTIONS = ("query", "key", "value", "out")


@pytest.fixture(scope="module")
def params():
    return tiny.params()


@pytest.fixture(scope="module")
def batch():
    return tiny.batch(batch_size=4)


@pytest.fixture(scope="module")
def memory(params, batch):
    return tiny.encode(params, tiny.CONFIG, batch["source"], batch["source_mask"])


def _ancestors(parents_TW):
    """[T, W, R]: who read what each beam has read by each step, room R for more."""
    ancestors_TWR, past_WR = [], np.full((W, T + 2), -1)
    for step, parents_W in enumerate(parents_TW):
        past_WR = past_WR[parents_W]
        past_WR[:, step] = np.arange(W)
        ancestors_TWR.append(past_WR)
    return np.stack(ancestors_TWR)


def _stepwise(params, config, target_BWT, memory):
    """Logits of all positions from single steps of beams at rest: [B, W, T, V]."""
    at_rest_TWR = _ancestors(np.broadcast_to(np.arange(W), (T, W)))
    read_TBW = target_BWT.transpose(2, 0, 1)  # [B, W, T] -> [T, B, W]
    logits_TBWV = _steps(params, config, read_TBW, at_rest_TWR, memory)
    return logits_TBWV.transpose(1, 2, 0, 3)  # [T, B, W, V] -> [B, W, T, V]


def _whole(params, config, target_BWT, memory):
    """Logits of all positions from whole targets at once: [B, W, T, V]."""
    each_beam = jax.tree.map(lambda x: np.repeat(x, W, axis=0), memory)
    flat = target_BWT.reshape(-1, T)  # [B, W, T] -> [B*W, T]
    logits = tiny.decode(params, config, flat, each_beam).logits
    return logits.reshape(*target_BWT.shape, -1)  # [B*W, T, V] -> [B, W, T, V]


@functools.partial(jax.jit, static_argnums=1)
def _steps(params, config, tokens_TBW, ancestors_TWR, memory):
    kept = transformer.memory_cache(params, config, memory)
    T, B, W = tokens_TBW.shape
    R = ancestors_TWR.shape[-1]

    def step(kv_cache, at):
        tokens_BW, index, ancestors_WR = at
        ancestors_BWR = jnp.broadcast_to(ancestors_WR, (B, W, R))
        logits_BWV, kv_cache = transformer.decode_step(
            params,
            config,
            tokens_BW,
            index,
            ancestors_BWR,
            kv_cache,
            kept,
            memory.mask,
        )
        return kv_cache, logits_BWV

    empty = transformer.empty_kv_cache(config, B, W, R)
    return jax.lax.scan(step, empty, (tokens_TBW, jnp.arange(T), ancestors_TWR))[1]


def _targets():
    return np.random.default_rng(1).integers(1, 13, (4, W, T)).astype(np.int32)


@pytest.mark.parametrize(
    ("kind", "atol"),
    [
        ({"norm": "pre", "positions": "sinusoidal"}, 2e-5),
        ({"norm": "post", "positions": "learned", "decoder_layers": 2}, 2e-5),
        ({"matmul_dtype": "bfloat16"}, 2e-2),
    ],
    ids=str,
)
def test_single_steps_of_all_beams_equal_whole_targets_at_once(kind, atol, batch):
    config = tiny.config(**kind)
    params, target_BWT = tiny.params(config), _targets()
    memory = tiny.encode(params, config, batch["source"], batch["source_mask"])
    stepped_BWTV = _stepwise(params, config, target_BWT, memory)
    expected_BWTV = _whole(params, config, target_BWT, memory)
    np.testing.assert_allclose(stepped_BWTV, expected_BWTV, atol=atol)


def test_a_beam_reads_the_past_of_its_ancestors(params, memory):
    """Beams change places, several go on from one, and one is left behind."""
    parents_TW = np.array([[0, 1, 2], [2, 0, 1], [1, 1, 0], [2, 0, 2]])
    read_TBW, ancestors_TWR = _targets().transpose(2, 0, 1), _ancestors(parents_TW)
    logits_TBWV = _steps(params, tiny.CONFIG, read_TBW, ancestors_TWR, memory)
    for step, ancestors_WR in enumerate(ancestors_TWR):
        # What comes later is not seen, and may be anything.
        past_TW = np.maximum(ancestors_WR[:, :T].T, 0)
        seen_TBW = np.take_along_axis(read_TBW, past_TW[:, None], axis=2)
        seen_BWT = seen_TBW.transpose(1, 2, 0)  # [T, B, W] -> [B, W, T]
        expected_BWTV = _whole(params, tiny.CONFIG, seen_BWT, memory)
        np.testing.assert_allclose(
            logits_TBWV[step], expected_BWTV[:, :, step], atol=2e-5
        )


def test_beams_of_a_row_do_not_see_each_other(params, memory):
    target_BWT = _targets()
    before = np.asarray(_stepwise(params, tiny.CONFIG, target_BWT, memory))
    target_BWT[:, 1] = target_BWT[:, 1] % 12 + 1
    after = np.asarray(_stepwise(params, tiny.CONFIG, target_BWT, memory))
    np.testing.assert_array_equal(before[:, [0, 2]], after[:, [0, 2]])
    assert (before[:, 1] != after[:, 1]).any(axis=(1, 2)).all()


def test_padding_changes_neither_states_nor_logits_of_real_positions(params, batch):
    def run(extra, fill):
        wide = ((0, 0), (0, extra))
        mask = np.pad(batch["source_mask"], wide)
        source = np.where(mask, np.pad(batch["source"], wide), fill).astype(np.int32)
        memory = tiny.encode(params, tiny.CONFIG, source, mask)
        output = tiny.decode(params, tiny.CONFIG, batch["target_in"], memory)
        return memory.hidden[:, :5], output.logits

    hidden, logits = run(0, tiny.PAD)
    wider_hidden, wider_logits = run(3, 7)
    real = batch["source_mask"]
    assert not real.all()
    np.testing.assert_allclose(hidden[real], wider_hidden[real], atol=1e-5)
    np.testing.assert_allclose(logits, wider_logits, atol=1e-5)


def test_a_later_target_token_changes_no_earlier_logit(params, batch, memory):
    target = batch["target_in"]
    before = tiny.decode(params, tiny.CONFIG, target, memory).logits
    for t in range(1, target.shape[1]):
        changed = target.copy()
        changed[:, t] = changed[:, t] % 12 + 1
        after = tiny.decode(params, tiny.CONFIG, changed, memory).logits
        np.testing.assert_array_equal(before[:, :t], after[:, :t])
        assert (before[:, t] != after[:, t]).any(axis=1).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "post", "positions": "learned", "tied_output": False},
        {"num_slots": 6, "shared_embedding": False},
        {"decoder_layers": 0, "token_types": 2, "embedding_norm": True},
    ],
    ids=str,
)
def test_parameters_are_exactly_those_that_a_pass_reads(changes):
    config = tiny.config(**changes)
    shapes = transformer.parameter_shapes(config)

    def run(params, ids):
        mask, types = ids > 0, jnp.zeros_like(ids) if config.token_types else None
        memory = transformer.encode(params, config, ids, mask, types_BS=types, pad_id=0)
        if not config.decoder_layers:
            return memory.hidden
        return memory.gate_logits, transformer.decode(params, config, ids, memory)

    ids = jax.ShapeDtypeStruct((2, 5), jnp.int32)
    jaxpr = jax.make_jaxpr(run)(shapes, ids).jaxpr  # fails where a leaf is missing
    read = {x for eqn in jaxpr.eqns for x in eqn.invars if isinstance(x, Var)}
    paths = trees.flatten(shapes)
    leaves = dict(zip(paths, jaxpr.invars, strict=False))
    assert [path for path, leaf in leaves.items() if leaf not in read] == []


def test_a_forward_pass_gives_the_pinned_values():
    config = tiny.config(num_slots=6, shared_embedding=False, tied_output=False)
    params, batch = tiny.params(config), tiny.batch(batch_size=2)
    memory = tiny.encode(params, config, batch["source"], batch["source_mask"])
    logits = tiny.decode(params, config, batch["target_in"], memory).logits
    np.testing.assert_allclose(
        logits[0, -1, :4],
        [0.286432, 0.248057, -0.281582, 0.956297],
        atol=1e-4,
        err_msg="From the same seed the network computes something else than it did. "
        "If the first values of parameters changed, old runs cannot be repeated; if "
        "the network changed, saved models answer differently. Where that is wanted, "
        "say so in CHANGELOG.md, retrain what ships and pin the new values.",
    )


def test_parameter_paths_are_what_saved_models_were_saved_under():
    config = tiny.config(
        positions="learned", tied_output=False, embedding_norm=True, token_types=2,
        num_slots=6, shared_embedding=False,
    )  # fmt: skip
    tables = ("", "encoder_", "position_", "type_")
    affine, norm = ("kernel", "bias"), ("scale", "bias")
    attention = {f"{name}/{leaf}" for name in _PROJECTIONS for leaf in affine}
    feed_forward = {f"{name}/{leaf}" for name in ("inner", "outer") for leaf in affine}
    expected = {f"{table}embedding" for table in tables}
    expected |= {f"{name}/{leaf}" for name in ("output", "gate") for leaf in affine}
    expected |= {f"embedding_norm/{leaf}" for leaf in norm}
    sides = {
        "encoder": {"attention": attention, "feed_forward": feed_forward},
        "decoder": {
            "attention": attention,
            "cross_attention": attention,
            "feed_forward": feed_forward,
        },
    }
    for side, parts in sides.items():
        expected |= {f"{side}/norm/{leaf}" for leaf in norm}
        for part, leaves in parts.items():
            block = f"{side}/block_00/{part}"
            expected |= {f"{block}/{leaf}" for leaf in leaves}
            expected |= {f"{block}_residual/norm/{leaf}" for leaf in norm}
    assert set(trees.flatten(transformer.parameter_shapes(config))) == expected
