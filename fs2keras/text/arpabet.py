"""ARPAbet phones for corpora aligned by MFA: the lexicon gathered in training first, then espeak's word mapped."""

import re
from functools import lru_cache

from fs2keras.errors import CallError, UserError
from fs2keras.text import espeak, ipa_to_arpabet
from fs2keras.text.normalize import normalize
from fs2keras.text.symbols import PAD, PAUSE
from fs2keras.text.words import Word, split_clauses

VOWELS = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
CONSONANTS = [
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N",
    "NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH",
]  # fmt: skip
PHONES = sorted(CONSONANTS + [vowel + stress for vowel in VOWELS for stress in "012"])
SYMBOLS = [PAD, *PHONES, PAUSE]

# A mark becomes a pause where at least this share of its occurrences in training had one.
_PAUSE_SHARE = 0.5
_LETTER = re.compile(r"[^\W_]")
_VOICELESS = ("P", "T", "K", "F", "TH")
_SIBILANTS = ("S", "Z", "SH", "ZH", "CH", "JH")


class ArpabetFrontend:
    """English text to ARPAbet phones with stress; a punctuation mark becomes the pause "sp" or nothing.

    lexicon: {"words": {word: [phones]}, "pauses": {mark: share of its occurrences followed by a pause}}, both
    optional. Words outside it are pronounced by espeak and mapped. With no "pauses" every mark pauses.
    """

    name = "arpabet"

    def __init__(self, lexicon: dict | None = None, language: str = "en-us"):
        if not language.lower().startswith("en"):
            raise CallError(f'text.frontend = "arpabet" speaks English only, got language {language!r}: use "espeak".')
        self.language = language
        self._words = {word.lower(): tuple(phones) for word, phones in (lexicon or {}).get("words", {}).items()}
        self._pauses = (lexicon or {}).get("pauses") or None

    def symbols(self) -> list[str]:
        return list(SYMBOLS)

    def words(self, text: str) -> list[Word]:
        """Words of a text, which is normalised first; pauses neither lead nor trail. UserError when none is left."""
        words: list[Word] = []
        for clause, mark in split_clauses(normalize(text, self.language)):
            words += [Word(token, self._phones(token, text)) for token in clause.split() if _LETTER.search(token)]
            if mark and words and not words[-1].punctuation and self._pauses_at(mark):
                words.append(Word(mark, (PAUSE,), punctuation=True))
        if words and words[-1].punctuation:
            words.pop()
        if not words:
            raise UserError(f"there is nothing to pronounce in the text {text!r}. Give a text with words in it.")
        return words

    def _phones(self, token: str, text: str) -> tuple[str, ...]:
        phones = self.pronounce(token)
        if not phones:
            raise UserError(f"no pronunciation for the word {token!r} in the text {text!r}. Spell it differently.")
        return phones

    def _pauses_at(self, mark: str) -> bool:
        return self._pauses is None or self._pauses.get(mark, 0.0) >= _PAUSE_SHARE

    def pronounce(self, token: str) -> tuple[str, ...]:
        """Phones of one word: the lexicon's, those of its hyphenated parts or its possessive, else espeak's."""
        # "US" and "IT" are not "us" and "it": espeak spells what it takes for initials.
        if token.isupper() and 1 < len(token.replace("'", "")) <= 3:
            return _from_espeak(token, self.language)
        word = token.lower().strip("'-")
        known = self._lookup(word)
        if known:
            return known
        parts = [part for part in word.split("-") if part]
        if len(parts) > 1 and any(len(part) > 1 for part in parts):  # "A-M" is spelled as a whole
            return tuple(phone for part in parts for phone in self._lookup(part) or _from_espeak(part, self.language))
        return _from_espeak(token, self.language)

    def _lookup(self, word: str) -> tuple[str, ...]:
        if word in self._words:
            return self._words[word]
        stem = word.removesuffix("'s")
        if stem != word and stem in self._words:
            return _possessive(self._words[stem])
        return self._words.get(word.rstrip("'"), ())


def _possessive(phones: tuple[str, ...]) -> tuple[str, ...]:
    if phones[-1] in _SIBILANTS:
        return (*phones, "IH0", "Z")
    return (*phones, "S" if phones[-1] in _VOICELESS else "Z")


@lru_cache(maxsize=20000)
def _from_espeak(word: str, language: str) -> tuple[str, ...]:
    """espeak's pronunciation of a word in ARPAbet; empty for what espeak does not speak."""
    (groups,) = espeak.phonemize([word], language)
    return tuple(phone for group in groups for phone in ipa_to_arpabet.convert(group))
