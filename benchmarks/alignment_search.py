"""How fast monotonic alignment search is: python benchmarks/alignment_search.py [--repeat 5]. Prints JSON.

Random scores at the real lengths of LJSpeech (lengths.tsv beside the checkout; without it lengths drawn like them), in
padded batches of 16 neighbours in length, S = 4 P + 1 states for P phones. On one core, and ours on all of them:

  ours          fs2keras.aligner.search.best_paths
  double_loop   the same search, a plain loop over frames and states in Python on NumPy arrays
  vectorised    the same search in NumPy over rows and states at once, a loop over frames
  classic       a smaller search, compiled with Numba too: no pauses, one state for each phone, stay or advance, values
                and decisions in the scores themselves, as is usual beside Glow-TTS; its copy of them is not counted

Every batch counts with the quickest of some calls: in processor time on one core, since a call of seconds never has a
busy machine to itself, and in wall time on all cores, which wants an idle machine. The slow ones are timed on evenly
spaced batches only; utterances a second are the cells (frames x states) a second that were measured over the mean cells
of an utterance of the corpus.
"""

import argparse
import csv
import json
import os
import platform
import time
from pathlib import Path

import numba
import numpy as np
from numba import njit, prange

from fs2keras.aligner.search import best_paths

LENGTHS = Path(__file__).parents[2] / "shared" / "ljspeech" / "lengths.tsv"
BATCH = 16
NO_PAUSE = -1e9
# How many batches each is timed on; None: all.
BATCHES = {"ours": None, "double_loop": 6, "vectorised": 60, "classic": None, "ours_all_cores": None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    source, phones, frames = lengths()
    load = os.getloadavg()
    pool = np.random.default_rng(0).normal(size=(BATCH, frames.max(), 4 * phones.max() + 1)).astype(np.float32)
    slots = np.arange(pool.shape[2])
    pool[:, :, (slots % 3 == 0) & (slots % 12 > 0)] = NO_PAUSE  # a word of four phones
    results = {name: measure(name, pool, phones, frames, options.repeat) for name in BATCHES}
    rates = {name: result["utterances_per_s"] for name, result in results.items()}
    ours = rates["ours"]
    print(
        json.dumps(
            {
                "benchmark": "alignment_search",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
                f"NumPy {np.__version__}, Numba {numba.__version__} on {numba.threading_layer()}",
                "load_average_1min": {"before": round(load[0], 1), "after": round(os.getloadavg()[0], 1)},
                "lengths": source,
                "utterances": int(frames.size),
                "batch": BATCH,
                "mean_frames": round(float(frames.mean()), 1),
                "mean_states": round(float(4 * phones.mean() + 1), 1),
                "repeat": options.repeat,
                "clock": "processor time; ours_all_cores: wall time",
                **results,
                "ratio_ours_to": {
                    name: round(ours / rates[name], 2) for name in ("double_loop", "vectorised", "classic")
                },
                "ratio_all_cores_to_one": round(rates["ours_all_cores"] / ours, 2),
            },
            indent=2,
        )
    )


def lengths() -> tuple[str, np.ndarray, np.ndarray]:
    """Where they come from, phones and frames of the utterances, from the shortest to the longest."""
    if LENGTHS.exists():
        with LENGTHS.open(encoding="utf-8") as file:
            rows = [(int(row["frames"]), int(row["phones"])) for row in csv.DictReader(file, delimiter="\t")]
        frames, phones = np.array(sorted(rows)).T
        return "LJSpeech, all utterances; phones with silences", phones, frames
    frames = np.sort(np.clip(np.random.default_rng(0).lognormal(6.24, 0.5, 13_100), 100, 870).astype(int))
    return "a stand-in: log-normal, clipped to 100 to 870 frames, 8 frames a phone", frames // 8, frames


def measure(name: str, pool: np.ndarray, phones: np.ndarray, frames: np.ndarray, repeat: int) -> dict:
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS if name == "ours_all_cores" else 1)
    states = phones if name == "classic" else 4 * phones + 1
    batches = [np.arange(i, min(i + BATCH, frames.size)) for i in range(0, frames.size, BATCH)]
    chosen = [batches[i] for i in np.linspace(0, len(batches) - 1, BATCHES[name] or len(batches)).astype(int)]
    seconds = sum(quickest(name, pool, frames[rows], states[rows], repeat) for rows in chosen)
    cells = sum((frames[rows] * states[rows]).sum() for rows in chosen) / seconds
    rate = cells / (frames * states).mean()
    return {
        "batches": len(chosen),
        "utterances_per_s": float(f"{rate:.4g}"),
        "cells_per_s": float(f"{cells:.4g}"),
        "seconds_for_1000000_utterances": float(f"{1e6 / rate:.4g}"),
    }


def quickest(name: str, pool: np.ndarray, frames: np.ndarray, states: np.ndarray, repeat: int) -> float:
    """Seconds of the quickest of `repeat` calls on a batch of these lengths, after one that is not counted."""
    scores = np.ascontiguousarray(pool[: frames.size, : frames.max(), : states.max()])
    skippable = np.tile(np.arange(states.max()) % 3 == 0, (frames.size, 1))
    search = {"double_loop": double_loop, "vectorised": vectorised}.get(name, best_paths)
    clock = time.perf_counter if name == "ours_all_cores" else time.process_time
    seconds = []
    for _ in range(repeat + 1):
        values = scores.copy()
        begin = clock()
        if name == "classic":
            classic(values, frames, states)
        else:
            search(values, skippable, frames, states)
        seconds.append(clock() - begin)
    return min(seconds[1:])


def double_loop(scores, skippable, frames, states):
    """What best_paths does, element by element."""
    paths, totals = np.full(scores.shape[:2], -1, np.int32), np.full(scores.shape[0], -np.inf)
    for row in range(scores.shape[0]):
        if frames[row] > 0 and states[row] > 0:
            valid = scores[row, : frames[row], : states[row]].astype(np.float64)
            totals[row] = _double_loop_row(valid, skippable[row], paths[row])
    return paths, totals


def _double_loop_row(scores, skippable, path) -> float:
    """Total of the best path through scores (T, S), written into path (T,)."""
    frames, states = scores.shape
    best, origin = np.full((frames, states), -np.inf), np.zeros((frames, states), int)
    best[0, 0] = scores[0, 0]
    if states > 1 and skippable[0]:
        best[0, 1] = scores[0, 1]
    for t in range(1, frames):
        for s in range(states):
            origin[t, s] = s
            if s > 0 and best[t - 1, s - 1] > best[t - 1, origin[t, s]]:
                origin[t, s] = s - 1
            if s > 1 and skippable[s - 1] and best[t - 1, s - 2] > best[t - 1, origin[t, s]]:
                origin[t, s] = s - 2
            best[t, s] = scores[t, s] + best[t - 1, origin[t, s]]
    s = states - 1
    if s > 0 and skippable[s] and best[-1, s - 1] > best[-1, s]:
        s -= 1
    total = best[-1, s]
    if total > -np.inf:
        for t in range(frames - 1, -1, -1):
            path[t] = s
            s = origin[t, s]
    return total


def vectorised(scores, skippable, frames, states):
    """What best_paths does, for all rows and states at once; padding is computed and not used."""
    rows, most_frames, most_states = scores.shape
    every, impossible = np.arange(rows), -np.inf
    leap = np.full((rows, most_states), impossible)
    leap[:, 2:][skippable[:, 1:-1]] = 0
    best = np.full((rows, most_states + 2), impossible)  # state s at s + 2
    best[:, 2] = scores[:, 0, 0]
    if most_states > 1:
        best[:, 3] = np.where(skippable[:, 0], scores[:, 0, 1], impossible)
    ends = np.full((rows, most_states + 2), impossible)
    ends[frames == 1] = best[frames == 1]
    moves = np.empty((most_frames, rows, most_states), np.int8)
    for t in range(1, most_frames):
        candidates = np.stack([best[:, 2:], best[:, 1:-1], best[:, :-2] + leap])
        moves[t] = candidates.argmax(0)  # the first of equal ones: stays
        best[:, 2:] = candidates.max(0) + scores[:, t]
        ends[frames == t + 1] = best[frames == t + 1]
    last, before = ends[every, states + 1], ends[every, states]
    back = skippable[every, states - 1] & (states > 1) & (before > last)
    totals, state = np.where(back, before, last), states - 1 - back
    paths = np.full((rows, most_frames), -1, np.int32)
    for t in range(most_frames - 1, -1, -1):
        inside = (t < frames) & (totals > impossible)
        paths[inside, t] = state[inside]
        if t > 0:
            state = state - np.where(inside, moves[t, every, state], 0)
    return paths, totals


@njit(nogil=True, parallel=True)
def classic(values, frames, phones):
    """Paths (B, T) that stay or advance by one; values (B, T, P), the scores, become sums."""
    paths = np.full(values.shape[:2], -1, np.int32)
    for row in prange(values.shape[0]):
        _classic_row(values[row], frames[row], phones[row], paths[row])
    return paths


@njit(nogil=True)
def _classic_row(values, frames, phones, path):
    for t in range(1, frames):
        # Only the phones that can be reached by now, and from which the end can still be reached.
        for p in range(max(0, phones - frames + t), min(phones, t + 1)):
            stay = values[t - 1, p] if p < t else np.float32(-np.inf)
            advance = values[t - 1, p - 1] if p > 0 else np.float32(-np.inf)
            values[t, p] += max(stay, advance)
    p = phones - 1
    for t in range(frames - 1, -1, -1):
        path[t] = p
        if p > 0 and (p == t or values[t - 1, p - 1] > values[t - 1, p]):
            p -= 1


if __name__ == "__main__":
    main()
