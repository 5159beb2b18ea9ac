"""Checkpoints: what a voice is, at a step, in one file that plain `keras.saving.load_model` opens."""

from collections.abc import Callable
from pathlib import Path

import keras

from fs2keras.rundir.atomic import replacing
from fs2keras.rundir.layout import RunDir


def save_checkpoint(model: keras.Model, path: Path) -> int:
    """Saves `model` to `path` (.keras), atomically; returns the bytes written."""
    with replacing(path) as temporary:
        model.save(temporary)
    return path.stat().st_size


def prune(run: RunDir, keep_last: int, keep_every: int, best: Callable[[], int | None]) -> list[int]:
    """Removes checkpoints by the keep policy and returns their steps: the newest `keep_last` stay (0: all), so do
    multiples of `keep_every`, and the one of the lowest validation loss, step `best()`."""
    if not keep_last:
        return []
    checkpoints = run.list_checkpoints()
    removed = []
    for step, path in checkpoints[:-keep_last]:
        if (keep_every and step % keep_every == 0) or step == best():
            continue
        path.unlink()
        removed.append(step)
    return removed
