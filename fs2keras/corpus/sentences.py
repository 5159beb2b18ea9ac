"""Sentences for the demo corpus: a few hundred written by hand, then as many as wanted from a small grammar."""

import random
import re
from functools import lru_cache
from importlib import resources

_SLOT = re.compile(r"\{(\w+)\}")
_WORDS = range(4, 12)


@lru_cache(maxsize=1)
def _grammar() -> dict[str, list[str]]:
    rules = (line.split(" = ") for line in _read("grammar.txt") if not line.startswith("#"))
    return {name: alternatives.split(" | ") for name, alternatives in rules}


def _read(name: str) -> list[str]:
    return resources.files("fs2keras.corpus").joinpath(name).read_text(encoding="utf-8").splitlines()


@lru_cache(maxsize=1)
def written_sentences() -> tuple[str, ...]:
    """The sentences written by hand."""
    return tuple(_read("sentences.txt"))


def demo_sentences(count: int, seed: int = 1) -> list[str]:
    """`count` different sentences: the hand-written ones first, in an order that the seed decides, then grown ones of 4
    to 11 words (longer ones would only pad the batches of the others)."""
    if count < 1:
        raise ValueError(f"a corpus has at least one sentence, got {count}")
    chance = random.Random(seed)
    written = list(written_sentences())
    chance.shuffle(written)
    sentences = dict.fromkeys(written[:count])
    while len(sentences) < count:
        sentence = _grow(chance)
        if len(sentence.split()) in _WORDS:
            sentences[sentence] = None
    return list(sentences)


def _grow(chance: random.Random) -> str:
    text = "{sentence}"
    while slot := _SLOT.search(text):
        text = text[: slot.start()] + chance.choice(_grammar()[slot[1]]) + text[slot.end() :]
    text = re.sub(r"\b([Aa]) (?=hour|[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:]
