"""What a corpus is made of: utterances, and where their phonemes lie in time."""

from dataclasses import dataclass
from pathlib import Path

from fs2keras.errors import UserError


class CorpusError(UserError):
    """A corpus, or one utterance of it, is not what its layout promises."""


@dataclass(frozen=True)
class Segment:
    """One phoneme or pause.

    `start` and `end` are seconds from the beginning of the clip. `word` is the word (or the punctuation mark) that
    the symbol belongs to, "" for a pause that belongs to none. `starts_word` marks the first phoneme of a word where
    the alignment tells words apart ("had had"); a given alignment does not.
    """

    symbol: str
    start: float
    end: float
    word: str = ""
    starts_word: bool = False


@dataclass(frozen=True)
class Utterance:
    """One clip and its transcript. `segments` are contiguous and in order, or None where no alignment is known."""

    id: str
    wav: Path
    text: str
    speaker: str = ""
    segments: tuple[Segment, ...] | None = None
