"""The best path of each recording through the states of its text, and how far to trust it."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from fs2keras.aligner.batches import AlignerBatches
from fs2keras.aligner.lattice import SLOTS, skippable
from fs2keras.aligner.search import best_paths


@dataclass(frozen=True, eq=False)
class Found:
    """Where the phonemes of one utterance lie.

    `starts`, `ends` (n,) int frames, None where the recording is too short for its text; `confidence` (n,) from 0 to 1,
    the mean probability over its frames that the phoneme is heard there; `soft` (T, n) that probability everywhere.
    """

    id: str
    starts: np.ndarray | None
    ends: np.ndarray | None
    confidence: np.ndarray
    soft: np.ndarray


def find_paths(model: keras.Model, batches: AlignerBatches) -> Iterator[Found]:
    """The best path of each utterance of the batches, once."""
    for i in range(batches.steps_per_epoch):
        batch = batches.batch(i)
        outputs = model.predict_on_batch(batch)
        scores, soft = np.asarray(outputs["scores"]), np.asarray(outputs["soft"])
        frames, phonemes = batch["frames"], (batch["symbols"] > 0).sum(axis=1)
        may_skip = np.broadcast_to(skippable(scores.shape[2]), (len(scores), scores.shape[2]))
        paths, _ = best_paths(scores, may_skip, frames, SLOTS * phonemes + 1)
        for row, id in enumerate(batches.ids(i)):
            path, count = paths[row, : frames[row]], phonemes[row]
            yield _found(id, path, soft[row, : frames[row], :count])


def _found(id: str, path: np.ndarray, soft: np.ndarray) -> Found:
    count = soft.shape[1]
    if not len(path) or path[0] < 0:
        return Found(id, None, None, np.zeros(count), soft)
    is_phoneme = path % SLOTS > 0
    frame, phoneme = np.flatnonzero(is_phoneme), path[is_phoneme] // SLOTS
    lasts = np.bincount(phoneme, minlength=count)
    ends = np.cumsum(lasts)
    heard = np.bincount(phoneme, weights=soft[frame, phoneme], minlength=count)
    return Found(id, frame[ends - lasts], frame[ends - 1] + 1, heard / lasts, soft)
