"""Texts at the edges of what a voice is asked to say, made from its own corpus, so in any language."""

from collections import Counter

from fs2keras.corpus.store import Prepared
from fs2keras.text.symbols import is_pause
from fs2keras.text.words import MARKS

_LONG = 400  # characters without a mark: half a minute in one breath
_DIGITS = "1, 2, 3, 14, 1999."


def edge_cases(prepared: Prepared, split: str) -> dict[str, str]:
    """What each case is -> its text. The split must not be empty."""
    ids = prepared.ids(split)
    texts = [prepared.text(id) for id in ids]
    first = texts[0]
    word = next((word for word in _unmarked(first).split() if any(map(str.isalpha, word))), first)
    rare, symbol = _rarest(prepared, ids)
    return {
        "one word": f"{word}.",
        "very long": _long(texts),
        f"rare phoneme {symbol}": rare,
        "digits": _DIGITS,
        "all capitals": first.upper(),
    }


def _unmarked(text: str) -> str:
    return "".join(" " if character in MARKS else character for character in text)


def _long(texts: list[str]) -> str:
    """Texts one after another without marks, so that they are one sentence; the only one again and again."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < _LONG:
        words += " ".join(map(_unmarked, texts)).split()
    length, kept = 0, []
    for word in words:
        if length >= _LONG:
            break
        kept.append(word)
        length += len(word) + 1
    return " ".join(kept) + "."


def _rarest(prepared: Prepared, ids: list[str]) -> tuple[str, str]:
    """The text with the phoneme that is rarest in the split, and that phoneme."""
    spoken = {
        id: {symbol for k in prepared.example(id)["symbols"] if not is_pause(symbol := prepared.symbols[k])}
        for id in ids
    }
    counts = Counter(symbol for symbols in spoken.values() for symbol in symbols)
    symbol = min(counts, key=lambda s: (counts[s], s))
    return next(prepared.text(id) for id in ids if symbol in spoken[id]), symbol
