"""The checkpoints of a run, with what the other files say about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from fs2keras.rundir.layout import RunDir


@dataclass(frozen=True)
class Checkpoint:
    """One file under checkpoints/. `time` is when it was written (Unix seconds), `loss` the validation loss at its step
    (None when none was measured there), `best` whether that loss is the lowest of all checkpoints."""

    step: int
    path: Path
    bytes: int
    time: float
    loss: float | None = None
    best: bool = False


def list_checkpoints(rundir: RunDir, validation: Iterable[Mapping[str, Any]] = ()) -> tuple[Checkpoint, ...]:
    """Every whole checkpoint, earliest first; one that is deleted at this moment is left out."""
    losses = {row.get("step"): row.get("loss") for row in validation}
    found = []
    for step, path in rundir.list_checkpoints():
        try:
            status = path.stat()
        except OSError:
            continue
        loss = losses.get(step)
        known = isinstance(loss, (int, float)) and isfinite(loss)
        found.append((step, path, status.st_size, status.st_mtime, float(loss) if known else None))
    best = min((entry[4] for entry in found if entry[4] is not None), default=None)
    return tuple(Checkpoint(*entry, best=best is not None and entry[4] == best) for entry in found)
