"""Monotonic alignment search: the best path through the states of a text, one state for each frame.

After Kim et al. 2020, Glow-TTS, arXiv 2005.11129, section 3 and appendix (monotonic alignment search). There a path
stays or advances by one; here some states may also be left out, so it is the Viterbi search over a left-to-right hidden
Markov model with optional states. With x[t, s] the score of state s at frame t and Q[t, s] that of the best path so far
that ends in it:

    Q[t, s] = x[t, s] + max(Q[t-1, s], Q[t-1, s-1], Q[t-1, s-2] where s-1 may be left out)

Numba compiles it when a machine searches for the first time, which takes some seconds, and keeps the result on disk.
"""

import numpy as np
from numba import njit, prange


def best_paths(
    scores: np.ndarray, skippable: np.ndarray, frames: np.ndarray, states: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The path of the largest sum of scores for each row of a batch, and that sum: (paths, totals).

    scores (B, T, S), float32: log score of state s at frame t, below infinity (minus infinity: impossible).
    skippable (B, S), bool: the state may be left out.
    frames (B,), states (B,), int: how many frames and states of a row are valid. What lies beyond is never read.

    paths (B, T), int32: the state of each frame, -1 beyond `frames`. A path begins in state 0, or 1 where 0 may be left
    out, and ends in the last state, or the one before where the last may be left out. Of equally good paths it is the
    one that is in the larger state at the last frame at which they differ: seen from the end, it stays where it can.
    totals (B,), float64: the sum of the scores along the path. Where there is no path (too few frames, none at all, or
    only impossible ones), the row of `paths` is -1 throughout and its total is minus infinity.

    The rows are shared out to numba.get_num_threads() threads; their number changes nothing in the result. They wait
    for each other, so where other work keeps the cores busy one thread can be faster. Each needs T * S bytes.
    Raises ValueError on shapes that do not fit, and on NaN or infinity among the valid scores.
    """
    scores, skippable = _as_input(scores, np.float32), _as_input(skippable, np.bool_)
    frames, states = _as_input(frames, np.int64), _as_input(states, np.int64)
    _check_shapes(scores, skippable, frames, states)
    paths = np.full(scores.shape[:2], -1, np.int32)
    totals = np.full(scores.shape[0], -np.inf)
    _search_rows(scores, skippable, frames, states, paths, totals)
    if np.isnan(totals).any():
        rows = np.flatnonzero(np.isnan(totals)).tolist()
        raise ValueError(f"NaN or infinity among the valid scores of rows {rows}")
    return paths, totals


def _as_input(values: np.ndarray, dtype: type) -> np.ndarray:
    """A contiguous read-only view: one type for all callers (JAX's arrays are read-only), so one compilation."""
    view = np.ascontiguousarray(values, dtype).view()
    view.flags.writeable = False
    return view


def _check_shapes(scores: np.ndarray, skippable: np.ndarray, frames: np.ndarray, states: np.ndarray) -> None:
    """The compiled search does not check bounds: a wrong length would read beyond the arrays."""
    if scores.ndim != 3:
        raise ValueError(f"scores must be (B, T, S), not {scores.shape}")
    rows, most_frames, most_states = scores.shape
    if skippable.shape != (rows, most_states) or frames.shape != (rows,) or states.shape != (rows,):
        shapes = f"skippable {skippable.shape}, frames {frames.shape}, states {states.shape}"
        raise ValueError(f"{shapes} do not fit scores (B, T, S) = {scores.shape}")
    for name, lengths, most in (("frames", frames, most_frames), ("states", states, most_states)):
        if ((lengths < 0) | (lengths > most)).any():
            raise ValueError(f"{name} must lie in 0 to {most}: {lengths.tolist()}")


@njit(nogil=True, cache=True, parallel=True)
def _search_rows(scores, skippable, frames, states, paths, totals):
    """Fills paths and totals; a row with NaN or infinity among its valid scores gets the total NaN."""
    for row in prange(scores.shape[0]):
        if not _all_below_infinity(scores[row], frames[row], states[row]):
            totals[row] = np.nan
        elif frames[row] > 0 and states[row] > 0:
            totals[row] = _search(scores[row], skippable[row], frames[row], states[row], paths[row])


@njit(nogil=True, cache=True)
def _all_below_infinity(scores, frames, states):
    """False for NaN too. The search itself could lose a NaN: every comparison with it is false."""
    fine = True
    for frame in range(frames):
        valid = scores[frame, :states]
        for state in range(states):
            fine &= valid[state] < np.inf
    return fine


@njit(nogil=True, cache=True)
def _search(scores, skippable, frames, states, path):
    """Total of the best path through scores (T, S), which is written into path (T,) when there is one."""
    moves = np.empty((frames, states), np.int8)  # how many states the best path to (t, s) advanced to get there
    # Sums are float64: those of float32 scores are then exact in practice, so that equal paths are equal and a good
    # score still counts beside one of -1e9. State s is at s + 2, after two states that no path is in.
    before, after = np.full(states + 2, -np.inf), np.full(states + 2, -np.inf)
    leap = np.full(states, -np.inf)  # what is added for coming from two states before
    for state in range(2, states):
        if skippable[state - 1]:
            leap[state] = 0.0
    before[2] = scores[0, 0]
    if states > 1 and skippable[0]:
        before[3] = scores[0, 1]
    for frame in range(1, frames):
        _advance(before, leap, scores[frame, :states], after[2:], moves[frame])
        before, after = after, before
    state = states - 1
    if states > 1 and skippable[state] and before[state + 1] > before[state + 2]:
        state -= 1
    total = before[state + 2]
    if total > -np.inf:
        for frame in range(frames - 1, 0, -1):
            path[frame] = state
            state -= moves[frame, state]
        path[0] = state
    return total


@njit(nogil=True, cache=True)
def _advance(before, leap, scores, after, moves):
    """One frame on: nothing depends on a neighbour's result, so the compiler does many states at once."""
    for state in range(scores.shape[0]):
        best, move = before[state + 2], np.int8(0)
        if before[state + 1] > best:
            best, move = before[state + 1], np.int8(1)
        if before[state] + leap[state] > best:
            best, move = before[state] + leap[state], np.int8(2)
        after[state] = best + scores[state]
        moves[state] = move
