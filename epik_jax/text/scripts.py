"""The five scripts: their blocks, their letters by class, and which one a text is in.

Everything that depends on what a letter *is* (vocabulary, well-formedness, keys,
rules) starts from these tables. Only letters that occur in present-day words are
listed; digits and punctuation are not letters. Nothing here changes a text.
"""

from __future__ import annotations

import dataclasses
import functools
import unicodedata

LANGUAGES = ("en", "hi", "ta", "kn", "bn")
"""Fixed order: a language's index, wherever one is needed, is its position here."""

INDIC_LANGUAGES = LANGUAGES[1:]


@dataclasses.dataclass(frozen=True)
class Script:
    """One script, its letters sorted into the classes that spelling rules speak of.

    Letters are given after Unicode NFC: Devanagari nnna, rra and llla are single code
    points, all other nukta letters are a base letter and the nukta.

    Attributes:
      lang: language that stands for the script, such as "hi".
      name: English name of the script.
      code: ISO 15924 code, such as "Deva".
      first: first code point of its block.
      last: last code point of its block.
      vowels: independent vowels.
      consonants: consonants that carry an inherent vowel.
      signs: dependent vowel signs.
      virama: the sign that takes the inherent vowel away; "" where there is none.
      nukta: the dot that makes a new consonant of an old one; "" where there is none.
      finals: anusvara, candrabindu and visarga, which close a syllable.
      others: letters that stand alone and take no vowel sign.
      joiners: marks inside a word that are not letters.
    """

    lang: str
    name: str
    code: str
    first: int
    last: int
    vowels: str
    consonants: str
    signs: str = ""
    virama: str = ""
    nukta: str = ""
    finals: str = ""
    others: str = ""
    joiners: str = "-"

    @property
    def letters(self) -> str:
        """All letters and signs of the script, by code point; no joiners."""
        classes = (self.vowels, self.consonants, self.signs, self.virama)
        return "".join(
            sorted("".join((*classes, self.nukta, self.finals, self.others)))
        )


SCRIPTS = {
    "en": Script(
        lang="en",
        name="Latin",
        code="Latn",
        first=0x0041,
        last=0x024F,
        vowels="aeiou",
        consonants="bcdfghjklmnpqrstvwxyz",
        joiners="'-",
    ),
    # Candra and short e/o (loans, and names from the south) are in daily use; vocalic
    # l only heads dictionaries; avagraha and om stand alone.
    "hi": Script(
        lang="hi",
        name="Devanagari",
        code="Deva",
        first=0x0900,
        last=0x097F,
        vowels="अआइईउऊऋऌऍऎएऐऑऒओऔॠॲ",
        consonants="कखगघङचछजझञटठडढणतथदधनऩपफबभमयरऱलळऴवशषसह",
        signs="ािीुूृॄॅॆेैॉॊोौ",
        virama="्",
        nukta="़",
        finals="ँंः",
        others="ऽॐ",
    ),
    # Aytham softens the next consonant (f, z in loans) and is no final: it may begin
    # a word and may be followed by any consonant.
    "ta": Script(
        lang="ta",
        name="Tamil",
        code="Taml",
        first=0x0B80,
        last=0x0BFF,
        vowels="அஆஇஈஉஊஎஏஐஒஓஔ",
        consonants="கஙசஜஞடணதநனபமயரறலளழவஶஷஸஹ",
        signs="ாிீுூெேைொோௌ",
        virama="்",
        others="ஃௐ",
    ),
    "kn": Script(
        lang="kn",
        name="Kannada",
        code="Knda",
        first=0x0C80,
        last=0x0CFF,
        vowels="ಅಆಇಈಉಊಋಎಏಐಒಓಔೠ",
        consonants="ಕಖಗಘಙಚಛಜಝಞಟಠಡಢಣತಥದಧನಪಫಬಭಮಯರಱಲಳವಶಷಸಹೞ",
        signs="ಾಿೀುೂೃೄೆೇೈೊೋೌ",
        virama="್",
        nukta="಼",
        finals="ಂಃ",
        others="ಽ",
    ),
    # Khanda ta is a t without a vowel: a letter that takes no sign.
    "bn": Script(
        lang="bn",
        name="Bengali",
        code="Beng",
        first=0x0980,
        last=0x09FF,
        vowels="অআইঈউঊঋএঐওঔ",
        consonants="কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহ",
        signs="ািীুূৃেৈোৌ",
        virama="্",
        nukta="়",
        finals="ঁংঃ",
        others="ৎ",
    ),
}


def script_of(text: str) -> str | None:
    """The language whose script all letters of `text` belong to.

    Goes by Unicode block, so that a text need not be normalised first. What is neither
    a letter nor a mark (digits, hyphens, zero-width characters) does not count.

    Returns:
      A member of `LANGUAGES`; None where there is no letter, where two scripts meet,
      or where a letter is of none of the five.
    """
    found = {_language_at(ord(c)) for c in text if _is_letter(c)}
    return found.pop() if len(found) == 1 else None


@functools.lru_cache(maxsize=4096)
def _is_letter(char: str) -> bool:
    # Accents U+0300..U+036F belong to whatever letter they stand on.
    accent = 0x0300 <= ord(char) <= 0x036F
    return unicodedata.category(char)[0] in "LM" and not accent


def _language_at(code_point: int) -> str | None:
    for lang, script in SCRIPTS.items():
        if script.first <= code_point <= script.last:
            return lang
    return None
