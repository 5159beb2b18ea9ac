"""How far a long job is, for a person who waits and for a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task
from rich.progress import Progress as Bar
from rich.text import Text

from fs2keras.rundir.sizes import file_size

LINE_EVERY = 10.0  # seconds between lines where there is no terminal to redraw


class Progress:
    """Inside a `with` block, a bar on a terminal, which moves while nothing is done yet; else a line now and then.

    Args:
        what: "utterances".
        total: how many in all.
        report: takes one line at a time, where standard error is no terminal.
        in_bytes: what is counted are bytes.
    """

    def __init__(self, what: str, total: int, report: Callable[[str], None], *, in_bytes: bool = False):
        self._what, self._total, self._report = what, total, report
        self._amount = file_size if in_bytes else "{:,}".format
        self._between, self._rate = (" of ", file_size) if in_bytes else ("/", "{:.1f}".format)
        self._done = self._warm = 0
        self._first = self._shown = time.monotonic()
        self._bar = _bar(self.line) if sys.stderr.isatty() else None
        self._shutdown = ExitStack()

    def __enter__(self) -> "Progress":
        if self._bar:
            self._task = self._shutdown.enter_context(self._bar).add_task("", total=self._total)
        return self

    def __exit__(self, *exception: object) -> None:
        self._shutdown.close()

    def advance(self, by: int = 1) -> None:
        """So many more are done."""
        self._done += by
        now = time.monotonic()
        if not self._warm:
            # Measured from the first one on: what comes before it is processes being started.
            self._first, self._warm = now, self._done
        if self._bar:
            self._bar.update(self._task, completed=self._done)
        elif now - self._shown >= LINE_EVERY and self._done < self._total:
            self._shown = now
            self._report(self.line())

    def through(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Passes the blocks of a file on, and counts their bytes."""
        for block in blocks:
            yield block
            self.advance(len(block))

    def line(self) -> str:
        """For example "utterances 120/385, 17.2/s, 15 s left"."""
        counted = f"{self._what} {self._amount(self._done)}{self._between}{self._amount(self._total)}"
        elapsed = time.monotonic() - self._first
        if not self._done:
            return f"{counted}, starting for {spoken_time(elapsed)}"
        rate = (self._done - self._warm) / max(elapsed, 1e-9)
        left = (self._total - self._done) / rate if rate else float("inf")
        return f"{counted}, {self._rate(rate)}/s, {spoken_time(left)} left"


class _Line(ProgressColumn):
    """What a log would say, beside the bar."""

    def __init__(self, line: Callable[[], str]):
        super().__init__()
        self._line = line

    def render(self, task: Task) -> Text:
        return Text(self._line())


def _bar(line: Callable[[], str]) -> Bar:
    # What is printed goes above the bar; but never from standard output, where that is a file, to standard error.
    console = Console(stderr=True)
    columns = SpinnerColumn("line"), BarColumn(24), _Line(line)
    return Bar(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty())


def spoken_time(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 10 min."""
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
