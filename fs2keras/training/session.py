"""What the callbacks of one training share: where it is, what time it is, and where to write."""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from fs2keras.recipe import Recipe
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.events import append_event
from fs2keras.rundir.heartbeat import Heartbeat
from fs2keras.rundir.layout import RunDir
from fs2keras.training.console import Console
from fs2keras.training.feed import Feed
from fs2keras.training.task import Batches, Task


class Clock:
    """Monotonic training time, carried over a resume, and how much of it went into other things than steps."""

    def __init__(self, elapsed: float = 0.0):
        self._before, self._start = elapsed, time.monotonic()
        self.aside = 0.0

    def elapsed(self) -> float:
        """Seconds of training in all, this process's and those before it."""
        return self._before + time.monotonic() - self._start

    def stepping(self) -> float:
        """Seconds of this process in training steps alone."""
        return time.monotonic() - self._start - self.aside


@dataclass
class Session:
    """One `fit`, from `start` to `stop` (steps, that is: optimiser updates)."""

    recipe: Recipe
    task: Task
    run: RunDir
    train: Batches
    validation: Batches
    feed: Feed
    steps_csv: CsvLog
    validation_csv: CsvLog
    heartbeat: Heartbeat
    console: Console
    clock: Clock
    start: int
    stop: int
    stop_requested: list = field(default_factory=list)  # names of the signals that came

    def step_after(self, batches_done: int) -> int | None:
        """The step that has just been completed after so many batches of this process; None inside an accumulation."""
        updates, rest = divmod(batches_done, self.recipe.train.accumulate)
        return None if rest or not updates else self.start + updates

    def is_due(self, step: int, every: int) -> bool:
        return step % every == 0 or step == self.stop

    def event(self, step: int, event: str, detail: str = "", size: int = 0, seconds: float = 0.0) -> None:
        append_event(self.run, step, event, detail=detail, bytes=size, seconds=seconds)

    @contextmanager
    def activity(self, name: str, words: str):
        """While something else than a training step goes on: for the heartbeat, the live line and the clock."""
        begin = time.monotonic()
        self.heartbeat.activity = name
        self.console.doing(words)
        try:
            yield
        finally:
            self.clock.aside += time.monotonic() - begin
            self.heartbeat.activity = "training"
            self.console.doing("")
