"""What a student is asked to imitate: the forward pass, the terms, the padded signals.

Settings and joined signals of a batch go in; an objective and what it compares come
out. Where the signals come from is no business of this file.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from epik_jax.bounds import LARGEST_WEIGHT, within
from epik_jax.models import transformer
from epik_jax.models.blocks import split_key
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.config import TransformerConfig
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Objective, Term, Values
from epik_jax.recipes.transliteration.supervised import hard_ce_term
from epik_jax.structs import Array, Batch, ModelOutput, Params, TeacherSignal
from epik_jax.training.step import Forward

Alignment = Literal["none", "pooled", "positional", "slots"]


@dataclasses.dataclass(frozen=True)
class ImitationConfig:
    """What a stage asks of the student; a weight of 0 leaves a term out.

    Attributes:
      hard_ce: weight of cross-entropy with the target tokens.
      smoothing: label smoothing in it.
      soft_kl: weight of the divergence from the teacher's distributions.
      temperature: of both sides in it.
      hidden: weight of the distance from the teacher's encoder states.
      distance: cosine or mean square.
      alignment: which state imitates which: the mean the mean ("pooled"), or each
        position its like ("positional"; with "slots" the encoder writes a fixed
        number of them and learns which are active).
      gate: weight of the cross-entropy of active slots.
    """

    hard_ce: float = 1.0
    smoothing: float = 0.0
    soft_kl: float = 0.0
    temperature: float = 1.0
    hidden: float = 0.0
    distance: Literal["cosine", "mse"] = "cosine"
    alignment: Alignment = "none"
    gate: float = 0.0

    def __post_init__(self) -> None:
        """Refuses terms that contradict each other."""
        within(self, 0.0, 0.99, "smoothing")
        weights = ("hard_ce", "soft_kl", "hidden", "gate")
        within(self, 0, LARGEST_WEIGHT, *weights)
        if not any(getattr(self, name) for name in weights):
            raise ValueError(f"one of the weights {weights} must be above 0")
        if self.temperature <= 0:
            raise ValueError(f"temperature {self.temperature} is not positive")
        if bool(self.hidden) != (self.alignment != "none"):
            raise ValueError(
                f"hidden weight {self.hidden} with alignment {self.alignment!r}: "
                "set both or neither"
            )
        if self.gate and self.alignment != "slots":
            raise ValueError("a gate weight needs alignment 'slots'")

    @property
    def fields(self) -> tuple[str, ...]:
        """Signals that the terms need."""
        needed = {"log_probs": self.soft_kl, "hidden": self.hidden}
        return tuple(name for name, weight in needed.items() if weight)


def make_student_forward(
    model: TransformerConfig,
    teacher: TransformerConfig,
    imitation: ImitationConfig,
    pad_id: int,
) -> Forward:
    """The forward pass along the labels, with states that the terms can compare.

    Args:
      model: the student's.
      teacher: the teacher's; where it is wider, a bridge leads to it.
      imitation: what is asked for.
      pad_id: of the vocabulary that both share.
    """
    bridged = bool(imitation.hidden) and model.width != teacher.width

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        encode_key, decode_key = split_key(key, 2)
        student = params["student"]
        memory = transformer.encode(
            student,
            model,
            batch["source"],
            batch["source_mask"],
            key=encode_key,
            pad_id=pad_id,
            computing=computing,
        )
        read = memory
        if model.num_slots and imitation.gate:
            # While the gate is learned the decoder reads what the teacher had active.
            active = _widened(batch["signals"].hidden_mask, model.num_slots)
            read = dataclasses.replace(memory, mask=active)
        decoded = transformer.decode(
            student,
            model,
            batch["target_in"],
            read,
            key=decode_key,
            computing=computing,
        )
        hidden = memory.hidden
        if bridged:
            weights = params["bridge"]["hidden"]
            hidden = hidden @ weights["kernel"] + weights["bias"][None, None]
        return ModelOutput(decoded.logits, hidden, memory.mask, memory.gate_logits)

    return forward


def make_objective(config: ImitationConfig) -> Objective:
    """The terms of a stage, weighted."""
    chosen = []
    if config.hard_ce:
        chosen.append(hard_ce_term(config.smoothing, config.hard_ce))
    if config.soft_kl:
        values = functools.partial(_soft_kl, temperature=config.temperature)
        chosen.append(Term("soft_kl", values, config.soft_kl))
        if config.temperature != 1.0:
            plain = functools.partial(_soft_kl, temperature=1.0)
            chosen.append(Term("soft_kl_at_1", plain, 0.0))
    if config.hidden:
        name = f"hidden_{config.distance}"
        chosen.append(Term(name, _hidden_values(config), config.hidden))
    if config.gate:
        chosen.append(Term("gate_ce", _gate_ce, config.gate))
    return Objective(tuple(chosen))


def padded_signal(
    joined: Mapping[str, Any], width_T: int, model: TransformerConfig
) -> TeacherSignal:
    """Joined signals of a batch as padded arrays.

    Args:
      joined: "log_probs" and "hidden" as far as they are wanted.
      width_T: columns of the batch's labels.
      model: the student's; with slots, states are padded to their number.
    """
    found: dict[str, Any] = {}
    if "log_probs" in joined:
        rows = np.arange(len(joined["log_probs"]))
        found["log_probs"] = joined["log_probs"].padded(rows, width_T, 0.0)[0]
    if "hidden" in joined:
        states = joined["hidden"]
        if isinstance(states, np.ndarray):  # pooled: [B, D] -> [B, 1, D]
            found["hidden"] = states[:, None]
            found["hidden_mask"] = np.ones((*states.shape[:1], 1), bool)
        else:
            width = model.num_slots or model.max_length
            rows = np.arange(len(states))
            found["hidden"], found["hidden_mask"] = states.padded(rows, width, 0.0)
    return TeacherSignal(**found)


def _soft_kl(
    outputs: ModelOutput, batch: Batch, *, temperature: float
) -> tuple[Array, Array]:
    teacher = batch["signals"].log_probs
    losses = terms.soft_kl(outputs.logits, teacher, temperature=temperature)
    return losses, batch["label_mask"]


def _hidden_values(config: ImitationConfig) -> Values:
    distance = {"cosine": terms.hidden_cosine, "mse": terms.hidden_mse}[config.distance]

    def pooled(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
        mine = terms.pooled(*_states(outputs))
        theirs = terms.pooled(*_states(batch["signals"]))
        return distance(mine, theirs), jnp.ones(mine.shape[:2], bool)

    def by_position(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
        (mine, own), (theirs, real) = _states(outputs), _states(batch["signals"])
        L = min(mine.shape[1], theirs.shape[1])
        # A slot is there whatever the word; a place past the word's end is padding.
        held = real[:, :L] if config.alignment == "slots" else real[:, :L] & own[:, :L]
        return distance(mine[:, :L], theirs[:, :L]), held

    return pooled if config.alignment == "pooled" else by_position


def _states(said: ModelOutput | TeacherSignal) -> tuple[Array, Array]:
    """Encoder states and where they are real."""
    if said.hidden is None or said.hidden_mask is None:
        raise ValueError("there are no encoder states to compare")
    return said.hidden, said.hidden_mask


def _gate_ce(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
    if outputs.gate_logits is None:
        raise ValueError("a gate term needs a student with num_slots")
    active = _widened(batch["signals"].hidden_mask, outputs.gate_logits.shape[1])
    losses = terms.gate_ce(outputs.gate_logits, active)
    return losses, jnp.ones(losses.shape, bool)


def _widened(mask_BL: Array, width: int) -> Array:
    missing = max(width - mask_BL.shape[1], 0)
    return jnp.pad(mask_BL, ((0, 0), (0, missing)))[:, :width]
