"""Learning from a teacher's tags and states: forward pass, terms, batches, progress.

Settings, encoded sentences and whoever has the signals go in; the pieces that a stage
is made of come out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from epik_jax.data.encode_sentences import EncodedSentences
from epik_jax.data.order import Share, whole
from epik_jax.means import Mean
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.labeller import bridged, label
from epik_jax.models.labeller_config import BilstmLabellerConfig
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Objective, Term
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.recipe import Batches
from epik_jax.recipes.row_batches import (
    RowBatchConfig,
    held_out_batches,
    training_batches,
)
from epik_jax.recipes.tagging.labels import label_term
from epik_jax.recipes.tagging.strategies import PARTS, Part
from epik_jax.structs import Array, Batch, ModelOutput, Params, TeacherSignal
from epik_jax.training.step import Forward

Distance: TypeAlias = Literal["mse", "kl", "cosine", "clipped_kl"]

_DISTANCES = {
    "mse": terms.hidden_mse,
    "kl": terms.hidden_kl,
    "cosine": terms.hidden_cosine,
    "clipped_kl": terms.hidden_clipped_kl,
}
_FIELDS: dict[Part, str] = {"representation": "hidden", "logits": "logits"}


class Signals(Protocol):
    """A teacher's signals by sentence: a cache, or the teacher itself."""

    def join(
        self, keys: np.ndarray, digests: np.ndarray, fields: Sequence[str]
    ) -> Mapping[str, Any]:
        """See `TeacherCache.join`."""
        ...


def make_student_forward(model: BilstmLabellerConfig) -> Forward:
    """The student's forward pass; its states at the teacher's width beside the logits.

    Where there is a "bridge" among the parameters, it leads there.
    """

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        output = label(
            params["student"],
            model,
            batch["tokens"],
            batch["token_mask"],
            layer=model.num_layers,
            key=key,
            computing=computing,
        )
        if "bridge" not in params:
            return output
        bridge, hidden = params["bridge"]["hidden"], output.hidden
        assert hidden is not None
        dtype = computing.products(model).matmul_dtype
        hidden = bridged(bridge["kernel"], bridge["bias"], hidden, dtype)
        return ModelOutput(output.logits, hidden, output.hidden_mask)

    return forward


def make_objective(
    parts: Sequence[Part], distance: Distance, weights: Mapping[Part, float]
) -> Objective:
    """The terms of a stage.

    Args:
      parts: what is learnt.
      distance: of states.
      weights: of parts beside each other; one alone has the weight 1.
    """
    if len(parts) == 1:
        weights = dict.fromkeys(PARTS, 1.0)
    made = {
        "representation": Term(
            f"hidden_{distance}",
            functools.partial(_hidden_values, distance=distance),
            weights["representation"],
        ),
        "logits": Term("logit_mse", _logit_values, weights["logits"]),
        "labels": label_term(weights["labels"]),
    }
    return Objective(tuple(made[part] for part in parts))


def _hidden_values(
    outputs: ModelOutput, batch: Batch, *, distance: Distance
) -> tuple[Array, Array]:
    mine, theirs = outputs.hidden, batch["signals"].hidden
    assert mine is not None and outputs.hidden_mask is not None
    return _DISTANCES[distance](mine, theirs), outputs.hidden_mask


def _logit_values(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
    """At the first piece of each word: what follows one was never given a label.

    Of sentences that are labelled as a whole, once.
    """
    losses = terms.logit_mse(outputs.logits, batch["signals"].logits)
    return losses, batch["word_mask"]


def distillation_batches(
    encoded: EncodedSentences,
    digests: np.ndarray,
    parts: Sequence[Part],
    signals: Signals | None,
    pad_id: int,
    config: RowBatchConfig,
) -> Batches:
    """Training batches with the signals that a stage wants, from a given step on.

    Args:
      encoded: sentences by the student's pieces.
      digests: uint64 [N], of the same sentences by the teacher's.
      parts: of the objective.
      signals: of the teacher; None where no part wants any.
      pad_id: fills rows up.
      config: batch size, widths, sampling.
    """
    batches = training_batches(encoded, pad_id, config)
    join = _joiner(encoded, digests, parts, signals)

    def stream(start: int, mine: Share = whole) -> Iterator[Batch]:
        for _, rows, batch in batches(start, mine):
            own = mine(rows)
            ones = np.ones(len(own), np.float32)
            yield batch | {"weight": ones} | join(own, batch["tokens"].shape[1])

    return stream


def held_out_signals(
    encoded: EncodedSentences,
    digests: np.ndarray,
    parts: Sequence[Part],
    signals: Signals | None,
    pad_id: int,
    config: RowBatchConfig,
) -> list[Batch]:
    """All sentences once with their signals; arguments as above."""
    join = _joiner(encoded, digests, parts, signals)
    return [
        batch | join(rows, batch["tokens"].shape[1])
        for _, rows, batch in held_out_batches(encoded, pad_id, config)
    ]


def _joiner(
    encoded: EncodedSentences,
    digests: np.ndarray,
    parts: Sequence[Part],
    signals: Signals | None,
) -> Callable[[np.ndarray, int], Batch]:
    """Rows and a width -> the padded signals of these rows, if any are wanted."""
    fields = [_FIELDS[part] for part in parts if part in _FIELDS]

    def join(rows: np.ndarray, width: int) -> Batch:
        if not fields:
            return {}
        assert signals is not None
        found = signals.join(encoded.keys[rows], digests[rows], fields)
        every = np.arange(len(rows))
        padded = {
            name: values.padded(every, 1 if encoded.whole else width, 0.0)[0].astype(
                np.float32
            )
            for name, values in found.items()
        }
        return {"signals": TeacherSignal(**padded)}

    return join


def make_validate_loss(
    forward: Forward, objective: Objective, batches: Callable[[], list[Batch]]
) -> Callable[[Params, Mesh], dict[str, float]]:
    """The objective on sentences that are held out; "cost" is the loss.

    Its terms are named "held_out_" and what they are called in training, or one curve
    would jump between the two.

    Args:
      forward: of the student.
      objective: that is minimised.
      batches: gives the sentences; called once, when they are first wanted.
    """
    kept = functools.cache(batches)

    @jax.jit
    def means(params: Params, batch: Batch) -> dict[str, Mean]:
        return objective(forward(params, batch, key=None), batch)[1]

    def validate(params: Params, mesh: Mesh) -> dict[str, float]:
        merged: dict[str, Mean] = {}
        for batch in kept():
            for name, mean in means(params, meshes.spread(mesh, batch)).items():
                merged[name] = mean.merge(merged[name]) if name in merged else mean
        values = {name: float(mean.value()) for name, mean in merged.items()}
        cost = sum(term.weight * values[term.name] for term in objective.terms)
        return {"cost": cost, **{f"held_out_{k}": v for k, v in values.items()}}

    return validate


def bridge_shapes(width: int, taught: int) -> dict[str, Any]:
    """A projection from the student's states to the teacher's width."""
    shapes = {"kernel": (width, taught), "bias": (taught,)}
    return {
        "hidden": {
            name: jax.ShapeDtypeStruct(shape, jnp.float32)
            for name, shape in shapes.items()
        }
    }
