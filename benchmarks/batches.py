"""How fast batches are read: python benchmarks/batches.py [utterances] [batch size]. Prints one line of JSON.

The store is made of random features with lengths drawn like LJSpeech's (mean 567 frames, longest 870). The ratio
compares with copying the same float32 examples from memory into padded arrays, which no reader can beat by much.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from synthetic_store import make_store  # noqa: E402

from fs2keras.corpus.batches import Batches  # noqa: E402

SECONDS = 3.0


def lengths(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Phonemes and frames of `count` utterances, distributed about as in LJSpeech."""
    rng = np.random.default_rng(0)
    frames = np.clip(870 - rng.gamma(1.9, 165, count), 100, 870).astype(int)
    return np.maximum(frames * 80 // 567, 5), frames


def rate(step, steps: int) -> tuple[float, int]:
    """Calls of step(i) in a second, i going round an epoch, and how many were made."""
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        step(done % steps)
        done += 1
    return done / (time.perf_counter() - start), done


def main(utterances: int = 640, batch_size: int = 32) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepared = make_store(Path(folder), *lengths(utterances), mels=80)
        batches = Batches(prepared, "train", batch_size, seed=1)
        steps = batches.steps_per_epoch
        examples = {id: prepared.example(id) for id in prepared.ids("train")}

        def copy(i: int) -> np.ndarray:
            rows, _, frames = batches.shape(i)
            mel = np.zeros((rows, frames, 80), np.float32)
            for row, id in enumerate(batches.ids(i)):
                mel[row, : len(examples[id]["mel"])] = examples[id]["mel"]
            return mel

        read_rate, _ = rate(batches.batch, steps)
        copy_rate, _ = rate(copy, steps)
        frames = sum(len(example["mel"]) for example in examples.values()) / steps
        prepared.close()
    print(
        json.dumps(
            {
                "benchmark": "batches",
                "utterances": utterances,
                "batch_size": batch_size,
                "shapes": len(batches.shapes),
                "padding_share": round(batches.padding_share, 4),
                "batches_per_s": round(read_rate, 1),
                "frames_per_s": round(read_rate * frames),
                "ratio_to_copy": round(read_rate / copy_rate, 3),
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
