"""What a training will be, before it begins: `fs2keras fit --dry-run`."""

import shutil
from pathlib import Path

import numpy as np

from fs2keras.recipe import Recipe
from fs2keras.training.state import GENERATIONS
from fs2keras.training.task import Task


def describe(recipe: Recipe, task: Task) -> str:
    """The resolved plan in lines: model, corpus, batches, disk."""
    model, train, validation = task.build_model(), task.batches("train"), task.batches("validation")
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    bytes_checkpoint = 4 * sum(int(np.prod(v.shape)) for v in model.weights)
    count, kept = _checkpoints(recipe)
    # A resume state holds the weights and Adam's two moments.
    needed = kept * bytes_checkpoint + GENERATIONS * 3 * bytes_checkpoint
    folder = Path(recipe.run.dir).resolve()
    free = shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists())).free
    epochs = recipe.train.steps * recipe.train.accumulate / train.steps_per_epoch
    lines = [
        ("run", f"{folder / recipe.run.name}"),
        ("model", f"{recipe.kind}, {parameters:,} trainable parameters, {recipe.train.precision}"),
        ("corpus", f"{train.utterances:,} utterances to train on, {validation.utterances:,} to validate"),
        *((name, value) for name, value in task.facts().items()),
        ("steps", f"{recipe.train.steps:,}, {train.steps_per_epoch:,} batches in an epoch, {epochs:.1f} epochs"),
        ("batches", f"{train.padding_share:.1%} of the frames are padding; {len(train.shapes)} shapes:"),
        *(("", f"{b} x {p} phonemes, {t} frames") for b, p, t in train.shapes),
        ("checkpoints", f"{count:,} of {_size(bytes_checkpoint)}, {kept:,} kept"),
        ("disk", f"{_size(needed)} needed, {_size(free)} free" + (": TOO LITTLE" if needed > free else "")),
    ]
    return "\n".join(f"{name:<12} {value}" for name, value in lines)


def _checkpoints(recipe: Recipe) -> tuple[int, int]:
    """How many checkpoints are written, and how many of them stay."""
    train = recipe.train
    steps = {*range(train.checkpoint_every, train.steps + 1, train.checkpoint_every), train.steps}
    if not train.keep_last:
        return len(steps), len(steps)
    kept = {step for step in steps if train.keep_every and step % train.keep_every == 0}
    best = 1
    return len(steps), min(len(steps), len(kept | set(sorted(steps)[-train.keep_last :])) + best)


def _size(count: int) -> str:
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000 or unit == "GB":
            return f"{count:.1f} {unit}"
