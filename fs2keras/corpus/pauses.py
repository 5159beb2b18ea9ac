"""From where phonemes were found to the symbols that a voice learns: with marks, and with pauses between words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fs2keras.text.symbols import PAUSE
from fs2keras.text.words import MARKS


@dataclass(frozen=True, eq=False)
class Placed:
    """A text on the frames of its clip: `symbols` (P,) with marks and pauses, `words` (P,) the word of each ("" for a
    pause that no mark asks for), `durations` (P,) int frames from frame `first` on."""

    symbols: list[str]
    words: list[str]
    durations: np.ndarray
    first: int

    @property
    def edges(self) -> np.ndarray:
        """(P + 1,) frames at which the symbols begin, and the last one ends."""
        return self.first + np.concatenate([[0], np.cumsum(self.durations)])


def is_mark(word: str) -> bool:
    """Whether a "word" of a text is a punctuation mark; "%" or "&" is none, since it is spoken."""
    return word != "" and set(word) <= set(MARKS)


def place(
    words: Sequence[tuple[str, Sequence[str]]],
    starts: Sequence[int],
    ends: Sequence[int],
    frames: int,
    *,
    shortest_pause: int,
    longest_end: int,
) -> Placed:
    """Gives every frame from the first phoneme on to a phoneme, a mark or a pause.

    Silence between two words goes to the mark that stands there, or to none when the speaker went on. Without a mark
    it becomes a pause, or when it is shorter than `shortest_pause` each of the two words takes half of it. A mark at
    the end takes up to `longest_end` frames of what follows; the silence at both ends is left out otherwise.

    Args:
        words: words and marks of the text, each with its symbols.
        starts, ends: frames of each phoneme, marks not counted; between two words there may be a gap.
        frames: of the clip.
        shortest_pause, longest_end: in frames.
    """
    symbols, owners, edges = [], [], []  # edges: the frame at which each symbol begins

    def add(symbol: str, owner: str, begin: int) -> None:
        symbols.append(symbol)
        owners.append(owner)
        edges.append(int(begin))

    phoneme, silent_since, is_marked = 0, None, False
    for text, pronounced in words:
        if is_mark(text):
            if silent_since is not None and not is_marked:
                add(pronounced[0], text, silent_since)
                is_marked = True
            continue
        begin = starts[phoneme]
        if silent_since is not None and not is_marked:
            if begin - silent_since >= max(1, shortest_pause):
                add(PAUSE, "", silent_since)
            else:
                begin = (begin + silent_since) // 2
        for symbol, start in zip(pronounced, [begin, *starts[phoneme + 1 :]], strict=False):
            add(symbol, text, start)
        phoneme += len(pronounced)
        silent_since, is_marked = ends[phoneme - 1], False
    end = min(frames, silent_since + longest_end) if is_marked else silent_since
    return Placed(symbols, owners, np.diff([*edges, int(end)]), edges[0])
