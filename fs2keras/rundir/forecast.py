"""How much disk the checkpoints of a run will need until its last step."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fs2keras.rundir.checkpoints import Checkpoint


class Disk(NamedTuple):
    """Bytes of checkpoints, now and until the last step.

    `used` now, by all of them; `bytes_each` of one to come; `expected_files` how many more there will be at the end
    (0 where each new one replaces an old one); `needed` what must be free at the fullest moment, a new file being
    written before an old one is removed; `free` on that file system, None when unknown; `short` when more is needed
    than is free, and `full_at_step` the first checkpoint that will then not fit.
    """

    used: int
    bytes_each: int
    expected_files: int
    needed: int
    free: int | None
    short: bool
    full_at_step: int | None


def disk(
    checkpoints: Sequence[Checkpoint],
    record: Mapping[str, Any],
    step: int,
    free: int | None,
    keep_last: int = 0,
    keep_every: int = 0,
) -> Disk:
    """The forecast for a run at `step`: run.json's fields, and train.keep_last and train.keep_every of its recipe.

    Before the first checkpoint its size is guessed from the parameters, float32. Which file will have the lowest
    validation loss is not known: the one that has it now is counted as kept.
    """
    used = sum(checkpoint.bytes for checkpoint in checkpoints)
    each = checkpoints[-1].bytes if checkpoints else 4 * (positive(record, "parameters") or 0)
    due = _due(checkpoints, record, step)
    growth, at_end = _growth(checkpoints, due, keep_last, keep_every)
    needed = max(growth, default=0) * each
    short = free is not None and needed > free
    full_at = next(at for at, files in zip(due, growth, strict=True) if files * each > free) if short else None
    return Disk(used, each, max(0, at_end), needed, free, short, full_at)


def positive(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number above 0 from run.json or a recipe; None when it is missing, or somebody wrote something else."""
    value = fields.get(name)
    return value if isinstance(value, int) and value > 0 else None


def _due(checkpoints: Sequence[Checkpoint], record: Mapping[str, Any], step: int) -> list[int]:
    """The steps that will still write a checkpoint: the multiples, and the last one."""
    every, total = positive(record, "checkpoint_every"), positive(record, "total_steps")
    if not every or not total or record.get("status") == "finished":
        return []
    there = {checkpoint.step for checkpoint in checkpoints}
    due = [at for at in range(-(-step // every) * every, total, every) if at > 0]
    return [at for at in (*due, *([total] if step <= total else [])) if at not in there]


def _growth(
    checkpoints: Sequence[Checkpoint], due: Sequence[int], keep_last: int, keep_every: int
) -> tuple[list[int], int]:
    """How many files more than now there are while each of the due ones is written, and after the last."""
    best = {checkpoint.step for checkpoint in checkpoints if checkpoint.best}
    newest = deque(checkpoint.step for checkpoint in checkpoints)
    kept, growth = 0, []
    for at in due:
        newest.append(at)
        growth.append(kept + len(newest) - len(checkpoints))
        while keep_last and len(newest) > keep_last:
            step = newest.popleft()
            kept += bool(step in best or (keep_every and step % keep_every == 0))
    return growth, kept + len(newest) - len(checkpoints)
