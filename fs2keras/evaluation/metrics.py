"""The metrics, each by the one name that stands in every table: functions of arrays, which open no file.

A metric of nothing (no frame, no phoneme, no frame voiced in both sounds, no text) is NaN.
"""

import math
import unicodedata
from collections.abc import Sequence

import numpy as np

from fs2keras.evaluation.warping import warp

_APOSTROPHES = "'’ʼ"


def mcd_espnet(a: np.ndarray, b: np.ndarray, path: np.ndarray) -> float:
    """Mel-cepstral distortion in dB of mel-cepstra (T, 35) and (U, 35), c0 among them.

    Mean over their path (L, 2) of 10 / ln 10 * sqrt(2 * sum_k (a_k - b_k)^2). Kubichek 1993, as in ESPnet's
    evaluate_mcd.py. Symmetric; not invariant to level (c0) nor to silence before the speech.
    """
    return _mean(10 / math.log(10) * np.sqrt(2 * np.square(_along(a, 0, path) - _along(b, 1, path)).sum(axis=1)))


def mcd_fairseq(a: np.ndarray, b: np.ndarray) -> float:
    """Distortion of MFCCs (T, 13) and (U, 13), the first among them, in their own unit: natural logs of power.

    Mean over their own path of least cost of sqrt(mean_k (a_k - b_k)^2): fairseq's batch_mel_cepstral_distortion with
    normalize_type "path" (Weiss et al. 2020, arXiv:2011.03568). Others print it as dB, but no factor makes it so; not
    comparable with `mcd_espnet`. Symmetric; not invariant to level nor to silence before the speech.
    """
    path = warp(a, b)
    return _mean(np.sqrt(np.square(_along(a, 0, path) - _along(b, 1, path)).mean(axis=1)))


def log_f0_rmse(a: np.ndarray, b: np.ndarray, path: np.ndarray) -> float:
    """Root mean squared difference of ln F0, no unit, of F0 (T,) and (U,) in Hz, 0 where unvoiced.

    Over those pairs of the path (L, 2) of the mel-cepstra that are voiced in both, as in ESPnet's evaluate_f0.py; an
    octave is ln 2 = .693, a semitone .058. NaN where no pair is.
    """
    a, b = _both_voiced(a, b, path)
    return _rms(np.log(a) - np.log(b))


def f0_rmse(a: np.ndarray, b: np.ndarray, path: np.ndarray) -> float:
    """As `log_f0_rmse`, of F0 itself, in Hz."""
    a, b = _both_voiced(a, b, path)
    return _rms(a - b)


def vuv_error(a: np.ndarray, b: np.ndarray, path: np.ndarray) -> float:
    """Share of the pairs of the path (L, 2) that are voiced in one of F0 (T,) and (U,), 0 where unvoiced, and not in
    the other (VDE of Nakatani et al. 2008). 0 where nothing is voiced in either."""
    return _mean((_along(a, 0, path) > 0) != (_along(b, 1, path) > 0))


def duration_mae(predicted: np.ndarray, true: np.ndarray, frame: float = 1.0) -> float:
    """Mean absolute error of the phonemes' durations (P,) in frames: in frames, or in ms with `frame` = 1000 * hop /
    sample rate."""
    return frame * _mae(predicted, true)


def log_duration_mse(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean squared error of ln(frames + 1), the model's target, given as such (P,); no unit."""
    return _mean(np.square(predicted - true))


def pitch_rmse(predicted: np.ndarray, true: np.ndarray, std: float) -> float:
    """Root mean squared error in Hz of normalised pitch, (P,) of phonemes or (T,) of frames; `std` is the standard
    deviation of the training pitch in Hz (the mean cancels)."""
    return std * _rms(predicted - true)


def pitch_mae(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean absolute error of normalised pitch, in standard deviations of the training pitch."""
    return _mae(predicted, true)


def energy_mae(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean absolute error of normalised energy, in standard deviations of the training energy."""
    return _mae(predicted, true)


def character_error_rate(reference: str, heard: str) -> float:
    """Insertions, deletions and substitutions of characters (Levenshtein 1966) that turn what was heard into the
    reference, for each character of the reference; more than 1 where far too much was heard.

    Of letters, their marks and digits of any script, case aside, with one space between words. Digits stay digits: a
    reference with "12" counts against "twelve".
    """
    return _error_rate(" ".join(_words(reference)), " ".join(_words(heard)))


def word_error_rate(reference: str, heard: str) -> float:
    """As `character_error_rate`, of words, apart by anything but letters, marks, digits and apostrophes."""
    return _error_rate(_words(reference), _words(heard))


def speaking_rate(pauses: np.ndarray, seconds: np.ndarray) -> float:
    """Phonemes a second, from which of the symbols (P,) are pauses, bool, and how long each lasts; pauses count
    neither as phonemes nor as time."""
    spoken = seconds[~pauses].sum()
    return float(np.count_nonzero(~pauses) / spoken) if spoken > 0 else math.nan


def pause_share(pauses: np.ndarray, seconds: np.ndarray) -> float:
    """Share of the time that is in pauses, 0 to 1; arguments as for `speaking_rate`."""
    whole = seconds.sum()
    return float(seconds[pauses].sum() / whole) if whole > 0 else math.nan


def _along(features: np.ndarray, side: int, path: np.ndarray) -> np.ndarray:
    return features[path[:, side]].astype(np.float64)


def _both_voiced(a: np.ndarray, b: np.ndarray, path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = _along(a, 0, path), _along(b, 1, path)
    both = (a > 0) & (b > 0)
    return a[both], b[both]


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else math.nan


def _rms(differences: np.ndarray) -> float:
    return math.sqrt(_mean(np.square(differences)))


def _mae(predicted: np.ndarray, true: np.ndarray) -> float:
    return _mean(np.abs(predicted - true))


def _words(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = (c if unicodedata.category(c)[0] in "LMN" else " " for c in text if c not in _APOSTROPHES)
    return "".join(kept).split()


def _error_rate(reference: Sequence, heard: Sequence) -> float:
    if not reference:
        return math.nan
    row = list(range(len(heard) + 1))  # edits between what of the reference was seen and each beginning of the heard
    for i, expected in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, item in enumerate(heard, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (expected != item))
    return row[-1] / len(reference)
