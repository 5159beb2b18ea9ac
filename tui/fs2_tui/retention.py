"""Which checkpoints stay: what train.keep_last and train.keep_every mean for each of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fs2keras.rundir.checkpoints import Checkpoint


class Rule(NamedTuple):
    """The newest `keep_last` stay (0: all), so do multiples of `keep_every` (0: none), and the lowest loss."""

    keep_last: int = 0
    keep_every: int = 0

    def __str__(self) -> str:
        if not self.keep_last:
            return "all are kept"
        last = "the newest one" if self.keep_last == 1 else f"the newest {self.keep_last:,}"
        every = f", multiples of {self.keep_every:,}" if self.keep_every else ""
        return f"kept are {last}{every}, and the best"


def fates(checkpoints: Sequence[Checkpoint], rule: Rule, due: Sequence[int]) -> dict[int, str]:
    """Step -> how long it is kept, in words, for checkpoints with the earliest first.

    due: the steps that will still write a checkpoint.
    """
    return {c.step: _fate(c, len(checkpoints) - 1 - index, rule, due) for index, c in enumerate(checkpoints)}


def _fate(checkpoint: Checkpoint, newer: int, rule: Rule, due: Sequence[int]) -> str:
    if not rule.keep_last or not due:
        return "yes"
    if checkpoint.best:
        return "while the best"
    if rule.keep_every and checkpoint.step % rule.keep_every == 0:
        return f"multiple of {rule.keep_every:,}"
    more = max(1, rule.keep_last - newer)  # checkpoints until it is not among the newest
    return f"until step {due[more - 1]:,}" if more <= len(due) else "yes"


def due_steps(record: Mapping[str, Any], step: int) -> list[int]:
    """The steps after `step` at which the run will write a checkpoint: multiples, and the last one."""
    every, total = record.get("checkpoint_every"), record.get("total_steps")
    if not every or not total or record.get("status") == "finished":
        return []
    return sorted({*range((step // every + 1) * every, total, every), *([total] if step < total else [])})
