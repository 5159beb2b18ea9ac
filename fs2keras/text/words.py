"""What a frontend makes of a text: a sequence of words, each with its phonemes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARKS = ",.;:?!"

# A run of marks ends a clause only before a space or at the end: the point of "a.b" or "9:30" is none.
_CLAUSE_END = re.compile(rf"([{re.escape(MARKS)}]+)(?=\s|$)")


@dataclass(frozen=True)
class Word:
    """One word, or one punctuation mark, with its symbols.

    text: as written in the normalised text (two words where the language runs them together, "in the").
    symbols: phoneme symbols in order; a mark has one symbol, itself or the pause.
    punctuation: whether this is a mark (or the pause that stands for one).
    """

    text: str
    symbols: tuple[str, ...]
    punctuation: bool = False


def split_clauses(text: str) -> list[tuple[str, str]]:
    """Split a normalised text into (clause, mark) pairs; the mark of the last one may be empty."""
    pieces = _CLAUSE_END.split(text)
    clauses = [piece.strip() for piece in pieces[::2]]
    marks = [run[0] for run in pieces[1::2]] + [""]
    return [(clause, mark) for clause, mark in zip(clauses, marks, strict=False) if clause or mark]


def symbols_of(words: Sequence[Word]) -> tuple[list[str], list[str]]:
    """Flatten words: the symbols, and for each symbol the text of its word (same length)."""
    symbols = [symbol for word in words for symbol in word.symbols]
    owners = [word.text for word in words for _ in word.symbols]
    return symbols, owners
