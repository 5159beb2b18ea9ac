"""Sentences for the demo corpus: a hundred or more written by hand, then as many as wanted from a small grammar.

A language is here when the files sentences-<language>.txt and grammar-<language>.txt are.
"""

import random
import re
from functools import lru_cache
from importlib import resources

from fs2keras.errors import UserError

_FOLDER = resources.files("fs2keras.corpus")
_WRITTEN = re.compile(r"sentences-(\w+)\.txt")
_SLOT = re.compile(r"\{(\w+)\}")
_WORDS = range(4, 12)


def languages() -> list[str]:
    """The languages there are sentences in, as two letters."""
    return sorted(match[1] for file in _FOLDER.iterdir() if (match := _WRITTEN.fullmatch(file.name)))


def written_sentences(language: str = "en-us") -> tuple[str, ...]:
    """The sentences of a language that were written by hand. Raises UserError as `demo_sentences` does."""
    return tuple(_read(f"sentences-{_known(language)}.txt"))


def demo_sentences(count: int, seed: int = 1, language: str = "en-us") -> list[str]:
    """`count` different sentences: the hand-written ones first, in an order that the seed decides, then grown ones of 4
    to 11 words (longer ones would only pad the batches of the others).

    Only the first part of `language` counts: "es-419" gets the Spanish ones. Raises UserError where there are none.
    """
    if count < 1:
        raise ValueError(f"a corpus has at least one sentence, got {count}")
    chance = random.Random(seed)
    written = list(written_sentences(language))
    chance.shuffle(written)
    sentences = dict.fromkeys(written[:count])
    while len(sentences) < count:
        sentence = _grow(chance, _known(language))
        if len(sentence.split()) in _WORDS:
            sentences[sentence] = None
    return list(sentences)


def _known(language: str) -> str:
    primary = re.split("[-_]", language.lower())[0]
    if primary not in languages():
        raise UserError(
            f"the demo corpus has no sentences for text.language = {language!r}, only for {', '.join(languages())}. "
            'Use one of these, or recordings of your own: corpus.reader = "ljspeech" and corpus.path.'
        )
    return primary


def _grow(chance: random.Random, language: str) -> str:
    text = "{sentence}"
    while slot := _SLOT.search(text):
        text = text[: slot.start()] + chance.choice(_grammar(language)[slot[1]]) + text[slot.end() :]
    if language == "en":
        text = re.sub(r"\b([Aa]) (?=hour|[aeiou])", r"\1n ", text)
    return re.sub(r"\w", lambda letter: letter[0].upper(), text, count=1)  # "¿" comes before the first letter


@lru_cache(maxsize=8)
def _grammar(language: str) -> dict[str, list[str]]:
    rules = (line.split(" = ") for line in _read(f"grammar-{language}.txt") if not line.startswith("#"))
    return {name: alternatives.split(" | ") for name, alternatives in rules}


@lru_cache(maxsize=8)
def _read(name: str) -> list[str]:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8").splitlines()
