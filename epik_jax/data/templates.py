"""Sentences with gaps for names, in five languages: the tagged corpus that ships.

Names of the built-in corpus and made-up words go into the gaps; tagged sentences come
out, the same for a seed on every machine. For demonstrations and tests: whoever reads
the words around a gap knows its type, which real text is seldom so kind to tell.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from epik_jax.data.builtin import SPLITS, SyntheticWord, names, split, synthetic_words
from epik_jax.data.conll import TYPES
from epik_jax.structs import Sentence
from epik_jax.text.scripts import LANGUAGES

NUMBER = "NUM"
_KINDS = ("LOC", "PER")

SENTENCES = {
    "en": (
        "PER lives in LOC .",
        "The train from LOC to LOC was late .",
        "PER works at ORG in LOC .",
        "Last year ORG opened an office in LOC .",
        "Yesterday PER and PER met in LOC .",
        "PER , who was born in LOC , joined ORG .",
        "A letter from ORG arrived today .",
        "We saw PER at the market .",
        "Yesterday it rained for NUM hours .",
        "The price of rice rose by NUM rupees this week .",
    ),
    "hi": (
        "PER LOC में रहते हैं ।",
        "LOC से LOC की गाड़ी देर से आई ।",
        "PER LOC में ORG के लिए काम करते हैं ।",
        "पिछले साल ORG ने LOC में कार्यालय खोला ।",
        "कल PER और PER LOC में मिले ।",
        "PER , जो LOC में पैदा हुए , ORG से जुड़ गए ।",
        "आज ORG से एक चिट्ठी आई ।",
        "हमने बाज़ार में PER को देखा ।",
        "कल NUM घंटे बारिश होती रही ।",
        "इस सप्ताह चावल का दाम NUM रुपये बढ़ गया ।",
    ),
    "ta": (
        "PER என்பவர் LOC நகரில் வசிக்கிறார் .",
        "LOC நகரிலிருந்து LOC நகருக்குச் சென்ற ரயில் தாமதமானது .",
        "PER என்பவர் ORG நிறுவனத்தில் வேலை செய்கிறார் .",
        "கடந்த ஆண்டு ORG நிறுவனம் LOC நகரில் அலுவலகம் திறந்தது .",
        "நேற்று PER மற்றும் PER சந்தித்தனர் .",
        "LOC நகரில் பிறந்த PER என்பவர் ORG நிறுவனத்தில் சேர்ந்தார் .",
        "இன்று ORG நிறுவனத்திலிருந்து கடிதம் வந்தது .",
        "சந்தையில் PER என்பவரைப் பார்த்தோம் .",
        "நேற்று NUM மணி நேரம் மழை பெய்தது .",
        "இந்த வாரம் அரிசியின் விலை NUM ரூபாய் உயர்ந்தது .",
    ),
    "kn": (
        "PER ಎಂಬುವವರು LOC ನಗರದಲ್ಲಿ ವಾಸಿಸುತ್ತಾರೆ .",
        "LOC ನಗರದಿಂದ LOC ನಗರಕ್ಕೆ ಹೋಗುವ ರೈಲು ತಡವಾಯಿತು .",
        "PER ಎಂಬುವವರು ORG ಸಂಸ್ಥೆಯಲ್ಲಿ ಕೆಲಸ ಮಾಡುತ್ತಾರೆ .",
        "ಕಳೆದ ವರ್ಷ ORG ಸಂಸ್ಥೆಯು LOC ನಗರದಲ್ಲಿ ಕಚೇರಿ ತೆರೆಯಿತು .",
        "ನಿನ್ನೆ PER ಮತ್ತು PER ಭೇಟಿಯಾದರು .",
        "LOC ನಗರದಲ್ಲಿ ಹುಟ್ಟಿದ PER ಎಂಬುವವರು ORG ಸಂಸ್ಥೆಯನ್ನು ಸೇರಿದರು .",
        "ಇಂದು ORG ಸಂಸ್ಥೆಯಿಂದ ಪತ್ರ ಬಂದಿತು .",
        "ಮಾರುಕಟ್ಟೆಯಲ್ಲಿ PER ಎಂಬುವವರನ್ನು ನೋಡಿದೆವು .",
        "ನಿನ್ನೆ NUM ಗಂಟೆ ಮಳೆ ಸುರಿಯಿತು .",
        "ಈ ವಾರ ಅಕ್ಕಿಯ ಬೆಲೆ NUM ರೂಪಾಯಿ ಏರಿತು .",
    ),
    "bn": (
        "PER LOC শহরে থাকেন ।",
        "LOC থেকে LOC যাওয়ার ট্রেন দেরিতে এল ।",
        "PER LOC শহরে ORG সংস্থায় কাজ করেন ।",
        "গত বছর ORG সংস্থা LOC শহরে একটি অফিস খুলেছে ।",
        "গতকাল PER ও PER দেখা করেছেন ।",
        "LOC শহরে জন্ম নেওয়া PER ORG সংস্থায় যোগ দিয়েছেন ।",
        "আজ ORG থেকে একটি চিঠি এসেছে ।",
        "আমরা বাজারে PER নামের একজনকে দেখেছি ।",
        "গতকাল NUM ঘণ্টা বৃষ্টি হয়েছে ।",
        "এই সপ্তাহে চালের দাম NUM টাকা বেড়েছে ।",
    ),
}
"""A gap stands between spaces and is the type of what fills it; NUM is any number."""

ORGANISATIONS = {
    "en": ("* University", "* Motors", "Bank of *", "* Steel Company"),
    "hi": ("* विश्वविद्यालय", "* मोटर्स", "* बैंक", "* इस्पात कंपनी"),
    "ta": ("* பல்கலைக்கழகம்", "* மோட்டார்ஸ்", "* வங்கி", "* எஃகு ஆலை"),
    "kn": ("* ವಿಶ್ವವಿದ್ಯಾಲಯ", "* ಮೋಟಾರ್ಸ್", "* ಬ್ಯಾಂಕ್", "* ಉಕ್ಕು ಕಾರ್ಖಾನೆ"),
    "bn": ("* বিশ্ববিদ্যালয়", "* মোটরস", "* ব্যাংক", "* ইস্পাত কারখানা"),
}
"""Names of organisations, each around a name of something else."""

_MADE_UP_SHARE = 0.5
_TWO_NAMES_SHARE = 0.4
_NUM_MADE_UP = {"train": 2000, "dev": 200, "test": 200}


def template_sentences(
    part: str, *, count: int, seed: int, langs: Sequence[str] = LANGUAGES
) -> list[Sentence]:
    """Makes up tagged sentences, as many in each language.

    Names of one part of the corpus, real or made up, occur in no other.

    Args:
      part: "train", "dev" or "test".
      count: sentences a language.
      seed: any integer from 0; the sentences depend on nothing else.
      langs: languages, in whose order the sentences come.
    """
    found = []
    for lang in langs:
        rng = generator(seed, SPLITS.index(part), LANGUAGES.index(lang))
        known = known_names(part, lang, seed)
        for number in range(count):
            template = one_of(SENTENCES[lang], rng)
            words, tags = _filled(template, known, ORGANISATIONS[lang], rng)
            name = f"{lang}:{part}:{seed}:{number}"
            found.append(Sentence(name, words, lang, tags, "templates"))
    return found


def generator(*stream: int) -> np.random.Generator:
    """Random numbers that follow from these alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(stream)))


def known_names(
    part: str, lang: str, seed: int
) -> dict[str, tuple[list[str], list[str]]]:
    """Of "LOC" and "PER" the real names of a part, and made-up ones.

    Two may be spelled alike: a later part of the corpus keeps the spelling for itself.
    """
    later = {
        form
        for other in SPLITS[SPLITS.index(part) + 1 :]
        for kind in _KINDS
        for pool in _forms(other, lang, kind, seed)
        for form in pool
    }
    found = {}
    for kind in _KINDS:
        real, made_up = (
            [n for n in pool if n not in later]
            for pool in _forms(part, lang, kind, seed)
        )
        found[kind] = real, made_up
    return found


def _filled(
    template: str,
    known: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    organisations: Sequence[str],
    rng: np.random.Generator,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    words: list[str] = []
    tags: list[str] = []
    for part in template.split():
        if part not in TYPES:
            # A sentence without a name must vary, or it would be known by heart.
            words.append(str(int(rng.random() * 999) + 2) if part == NUMBER else part)
            tags.append("O")
            continue
        written = entity_name(part, known, organisations, rng).split()
        words += written
        tags += [f"B-{part}", *[f"I-{part}"] * (len(written) - 1)]
    return tuple(words), tuple(tags)


def entity_name(
    kind: str,
    known: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    organisations: Sequence[str],
    rng: np.random.Generator,
) -> str:
    """A name of a type: of "PER" one or two words, of "ORG" around another name.

    Args:
      kind: "LOC", "PER" or "ORG".
      known: from `known_names`.
      organisations: of `ORGANISATIONS`, those of the language.
      rng: moves on.
    """
    if kind == "ORG":
        inner = _name(known[one_of(("LOC", "PER"), rng)], rng)
        return one_of(organisations, rng).replace("*", inner)
    name = _name(known[kind], rng)
    if kind == "PER" and rng.random() < _TWO_NAMES_SHARE:
        return f"{name} {_name(known[kind], rng)}"
    return name


def _name(pools: tuple[Sequence[str], Sequence[str]], rng: np.random.Generator) -> str:
    real, made_up = pools
    return one_of(made_up if rng.random() < _MADE_UP_SHARE else real, rng)


def one_of(options: Sequence[str], rng: np.random.Generator) -> str:
    """Any of some texts; the same on every machine for the same random numbers."""
    # `random` alone, because numpy may change how its other methods use the stream.
    return options[int(rng.random() * len(options))]


def _forms(part: str, lang: str, kind: str, seed: int) -> tuple[list[str], list[str]]:
    persons = kind == "PER"
    real = [
        getattr(row, lang)
        for row in names()
        if split(row.key) == part and (row.kind == "person") == persons
    ]
    first = sum(_NUM_MADE_UP[p] for p in SPLITS[: SPLITS.index(part)])
    words = _made_up_words(seed)[first : first + _NUM_MADE_UP[part]][persons::2]
    made_up = [w.romanisations[0] if lang == "en" else getattr(w, lang) for w in words]
    if lang == "en":
        return [_capital(name) for name in real], [_capital(name) for name in made_up]
    return real, made_up


@functools.lru_cache(maxsize=2)
def _made_up_words(seed: int) -> tuple[SyntheticWord, ...]:
    return tuple(synthetic_words(seed, sum(_NUM_MADE_UP.values())))


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
