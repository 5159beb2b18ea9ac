"""What a run takes on the disk, by kind and as it grew."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fs2keras.report.facts import Run
from fs2keras.report.figures import is_number

KINDS = {
    "checkpoints": "checkpoints",
    "resume": "resume states",
    "samples": "samples",
    "evaluation": "evaluations",
    "": "CSV files, log, recipe, reports",
}


class Kept(NamedTuple):
    """Files of one kind, and their bytes."""

    kind: str
    files: int
    bytes: int


def kept(run: Run) -> tuple[Kept, ...]:
    """What lies in the run directory now, by kind; kinds of which there is nothing are left out."""
    found: dict[str, list[int]] = {}
    for folder, _, names in os.walk(run.rundir.path):
        inside = Path(folder).relative_to(run.rundir.path).parts
        kind = inside[0] if inside and inside[0] in KINDS else ""
        for name in names:
            try:
                found.setdefault(kind, []).append(os.stat(os.path.join(folder, name)).st_size)
            except OSError:  # it was removed at this moment
                continue
    return tuple(Kept(words, len(found[kind]), sum(found[kind])) for kind, words in KINDS.items() if kind in found)


def checkpoint_bytes(run: Run) -> dict[int, int]:
    """Step -> bytes of every checkpoint that was written, whether it is still there or not."""
    return _written(run, "checkpoint") | {one.step: one.bytes for one in run.snapshot.checkpoints}


def sample_bytes(run: Run) -> dict[int, int]:
    """Step -> bytes of the samples that were spoken at it."""
    return _written(run, "sample")


def growth(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, bytes of all checkpoints written until then, and bytes of those that were not removed."""
    steps, written, left = [0], [0], [0]
    sizes: dict[str, int] = {}
    for row in run.events:
        name, size = str(row.get("detail") or ""), row.get("bytes")
        if row.get("event") == "checkpoint" and is_number(size):
            sizes[name] = size
            written.append(written[-1] + size)
        elif row.get("event") == "removed" and name in sizes:
            del sizes[name]
            written.append(written[-1])
        else:
            continue
        steps.append(max(steps[-1], row["step"]))
        left.append(sum(sizes.values()))
    steps.append(max(steps[-1], run.step))
    return np.array(steps, float), np.array([*written, written[-1]], float), np.array([*left, left[-1]], float)


def _written(run: Run, event: str) -> dict[int, int]:
    rows = [row for row in run.events if row.get("event") == event]
    return {row["step"]: row["bytes"] for row in rows if is_number(row.get("bytes"))}
