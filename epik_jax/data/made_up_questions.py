"""Made-up questions with candidates of which one answers: the text pairs that ship.

Persons of the built-in corpus live, work and were born somewhere; questions and
sentences about them come out, the same for a seed on every machine. For demonstrations
and tests: a candidate is right where it is about the same person and the same fact,
which real text is seldom so kind to say in so few words.
"""

from __future__ import annotations

from collections.abc import Sequence

from epik_jax.data.builtin import SPLITS
from epik_jax.data.templates import (
    ORGANISATIONS,
    entity_name,
    generator,
    known_names,
    one_of,
)
from epik_jax.structs import TextPair

RIGHT, WRONG = "1", "0"
LABELS = (WRONG, RIGHT)
ORIGIN = "builtin"

FACTS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "home": (
        ("Where does PER live ?", "In which town is the home of PER ?"),
        ("PER lives in LOC .", "PER has a house in LOC .", "LOC is the home of PER ."),
    ),
    "birth": (
        ("Where was PER born ?", "What is the birthplace of PER ?"),
        ("PER was born in LOC .", "LOC is the birthplace of PER ."),
    ),
    "work": (
        ("Where does PER work ?", "Who employs PER ?"),
        ("PER works at ORG .", "ORG employs PER .", "PER has a job with ORG ."),
    ),
    "study": (
        ("Where did PER study ?", "Which school did PER go to ?"),
        ("PER studied at ORG .", "PER went to school at ORG ."),
    ),
}
"""Questions about a person, and sentences that answer them."""

_NUM_WRONG = 4
_STREAM = 7  # Apart from the sentences that are made of the same names.


def made_up_questions(part: str, *, count: int, seed: int) -> list[TextPair]:
    """Makes up questions, each with a candidate that answers it and four that do not.

    Of the wrong ones two are about the same person, one is about the same fact of
    another, and one about neither.

    Args:
      part: "train", "dev" or "test"; no name of one occurs in another.
      count: questions.
      seed: any integer from 0; the questions depend on nothing else.
    """
    rng = generator(seed, SPLITS.index(part), _STREAM)
    known = known_names(part, "en", seed)

    def named(kind: str) -> str:
        return entity_name(kind, known, ORGANISATIONS["en"], rng)

    def told(fact: str, person: str) -> str:
        text = one_of(FACTS[fact][1], rng).replace("PER", person)
        for kind in ("LOC", "ORG"):
            text = text.replace(kind, named(kind))
        return text

    pairs: list[TextPair] = []
    for number in range(count):
        fact = one_of(tuple(FACTS), rng)
        person = named("PER")
        while (other := named("PER")) == person:
            pass
        question = one_of(FACTS[fact][0], rng).replace("PER", person)
        facts = [name for name in FACTS if name != fact]
        apart = one_of(facts, rng)
        beside = [name for name in facts if name != apart]
        candidates = [
            (told(fact, person), RIGHT),
            *((told(name, person), WRONG) for name in beside),
            (told(fact, other), WRONG),
            (told(apart, other), WRONG),
        ]
        assert len(candidates) == 1 + _NUM_WRONG
        # The right one stands anywhere.
        turn = int(rng.random() * len(candidates))
        for place, (text, label) in enumerate(candidates[turn:] + candidates[:turn]):
            name = f"questions:{part}:{seed}:{number}/{place}"
            pairs.append(TextPair(name, question, text, label, ORIGIN))
    return pairs
