"""Where the phonemes lie meets what was measured: phoneme-level values of one utterance."""

from dataclasses import dataclass

import numpy as np

from fs2keras.audio.pitch import interpolate_unvoiced
from fs2keras.corpus.features import Features
from fs2keras.corpus.utterance import CorpusError

LARGEST_PAD = 2  # frames by which an alignment may end beyond the clip


@dataclass(frozen=True, eq=False)
class Aligned:
    """`symbols` (P); `durations` (P,) in frames, which sum to last - first; `pitch` (P,) in Hz and `energy` (P,),
    means over the phoneme, 0 where it has no frame; frames `first` to `last` of the clip are used."""

    symbols: list[str]
    durations: np.ndarray
    first: int
    last: int
    pitch: np.ndarray
    energy: np.ndarray


def align(symbols: list[str], durations: np.ndarray, first: int, features: Features) -> Aligned:
    """Phoneme-level pitch and energy of one utterance.

    Args:
        symbols: P symbols, pauses among them.
        durations: (P,) frames of each.
        first: the frame of the clip at which the first symbol starts.
        features: of the whole clip.

    Raises:
        CorpusError: no symbols, negative durations, no voiced frame, or an alignment that does not fit the clip.
    """
    durations = np.asarray(durations, np.int64)
    frames, last = len(features.f0), first + int(durations.sum())
    if not len(symbols) or last <= first:
        raise CorpusError("the alignment holds no phoneme")
    if durations.min() < 0 or first < 0:
        raise CorpusError("the alignment runs backwards: a duration or the start is negative")
    if last - frames > LARGEST_PAD:
        raise CorpusError(f"the alignment ends {last - frames} frames after the clip's {frames}; expected at most 2")
    f0, energy = (edge_padded(values, first, last) for values in (features.f0, features.energy))
    if not f0.any():
        raise CorpusError("no frame is voiced: there is no pitch to learn")
    return Aligned(
        symbols=list(symbols),
        durations=durations,
        first=first,
        last=last,
        pitch=phoneme_means(interpolate_unvoiced(f0), durations),
        energy=phoneme_means(energy, durations),
    )


def edge_padded(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Rows first to last; those beyond the end repeat the last row."""
    used = values[first:last]
    missing = last - first - len(used)
    return np.concatenate([used, np.repeat(values[-1:], missing, axis=0)]) if missing > 0 else used


def phoneme_means(values: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Means (P,), float32, of values (T,) over phonemes of `durations` (P,), sum T; 0 for a phoneme of no frame."""
    ends = np.cumsum(durations)
    sums = np.diff(np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])[np.concatenate([[0], ends])])
    return np.divide(sums, durations, out=np.zeros(len(durations)), where=durations > 0).astype(np.float32)
