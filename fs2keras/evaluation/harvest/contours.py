"""One F0 for each frame, from the candidates of all of them."""

import numpy as np
import scipy
from numba import njit

from fs2keras.evaluation.harvest.refinement import nearest

_JUMP, _SHORTEST = 0.008, 6  # between frames of a contour, relative; frames of a contour
_REACH, _PATIENCE, _EXTENSION = 0.18, 4, 100  # extending: jump, frames without a candidate, frames at the most
_CYCLES = 2.2  # periods that an extended contour must have
_GAP = 9  # frames between contours that are bridged
_SMOOTHING = scipy.signal.butter(2, 0.06)  # 30 Hz, of frames of 1 ms
_SETTLED = 300  # frames in which that has forgotten where it began


def _sections(f0: np.ndarray) -> list[list[int]]:
    """First and last frame of each voiced stretch; the outermost frames of all do not count."""
    voiced = np.concatenate([[False], f0[1:-1] > 0, [False]])
    edges = np.flatnonzero(np.diff(voiced))
    return [[int(a) + 1, int(b)] for a, b in edges.reshape(-1, 2)]


def join(candidates: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """F0 (F,) from candidates and scores (F, N): steady stretches of the best, extended through the others."""
    if candidates.shape[1] == 0:
        return np.zeros(candidates.shape[0])
    frames = np.arange(candidates.shape[0])
    best = scores.argmax(axis=1)
    base = np.where(scores[frames, best] > 0, candidates[frames, best], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = 2 * base[1:-1] - base[:-2]
        jumps = (np.abs((base[2:] - expected) / expected) > _JUMP) & (
            np.abs(base[2:] - base[1:-1]) / base[1:-1] > _JUMP
        )
    steady = np.concatenate([[0.0, 0.0], np.where(jumps, 0.0, base[2:])])
    for first, last in _sections(steady):
        if last - first < _SHORTEST:
            steady[first : last + 1] = 0
    contours, ends = [], []
    mean = 0.0
    for first, last in _sections(steady):
        contour = np.zeros_like(steady)
        contour[first : last + 1] = steady[first : last + 1]
        last = _extend(contour, last, min(contour.size - 2, last + _EXTENSION), 1, candidates)
        first = _extend(contour, first, max(1, first - _EXTENSION), -1, candidates)
        mean = (mean + contour[first:last].sum()) / (last - first)  # WORLD's own: it goes on from the last section's
        if 1000 * _CYCLES / mean < last - first:
            contours.append(contour)
            ends.append([first, last])
    return _merge(contours, ends, candidates, scores) if contours else steady


@njit(cache=True, error_model="numpy", nogil=True)
def _extend(contour, origin, limit, shift, candidates):
    """Goes on from frame `origin` towards `limit` by the nearest candidates; the last frame that had one."""
    f0, end, missing = contour[origin], origin, 0
    for i in range(abs(limit - origin) + 1):
        at = origin + shift * (i + 1)
        contour[at] = nearest(f0, candidates[at], _REACH)[0]
        if contour[at] == 0:
            missing += 1
            if missing == _PATIENCE:
                break
        else:
            f0, end, missing = contour[at], at, 0
    return end


def _merge(contours: list, ends: list, candidates: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """One contour (F,) of several; where two overlap, the one with the better scores wins."""
    merged = contours[0].copy()
    start, end = ends[0]
    for k in _order([first for first, _ in ends])[1:]:
        (first, last), contour = ends[k], contours[k]
        if first > end:
            merged[first : last + 1] = contour[first : last + 1]
            start, end = first, last
        elif not (start <= first and end >= last):
            shared = slice(first, end + 1)
            ours, theirs = (_score(c[shared], candidates[shared], scores[shared]) for c in (merged, contour))
            since = end if ours > theirs else first
            merged[since : last + 1] = contour[since : last + 1]
            end = last
    return merged


def _order(starts: list[int]) -> list[int]:
    """Indices by `starts`, which are nearly in order, as WORLD sorts them: in rare cases not quite."""
    order = list(range(len(starts)))
    for i in range(1, len(order)):
        for j in range(i - 1, -1, -1):
            if starts[order[j]] <= starts[order[i]]:
                break
            order[i], order[j] = order[j], order[i]
    return order


def _score(f0: np.ndarray, candidates: np.ndarray, scores: np.ndarray) -> float:
    return np.where(candidates == f0[:, None], scores, 0).max(axis=1).sum()


def bridge(f0: np.ndarray) -> np.ndarray:
    """Short gaps filled with a straight line, from 1 Hz above the end before to 1 Hz below the start after."""
    filled = f0.copy()
    sections = _sections(f0)
    for (_, end), (start, _) in zip(sections, sections[1:], strict=False):
        gap = start - end - 1
        if gap < _GAP:
            filled[end + 1 : start] = np.linspace(f0[end] + 1, f0[start] - 1, gap + 2)[1:-1]
    return filled


def smooth(f0: np.ndarray) -> np.ndarray:
    """Each stretch low-passed, forwards and backwards, as if its ends went on for ever."""
    padded, smoothed = np.pad(f0, 1), np.zeros_like(f0)
    for first, last in _sections(padded):
        stretch = np.pad(padded[first : last + 1], _SETTLED, mode="edge")
        smoothed[first - 1 : last] = scipy.signal.filtfilt(*_SMOOTHING, stretch, padlen=0)[_SETTLED:-_SETTLED]
    return smoothed
