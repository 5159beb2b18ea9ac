"""How far the copying is, for a person who waits and for a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator

from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration

LINE_EVERY = 10.0  # seconds between lines where there is no terminal to redraw
_REDRAW_EVERY = 0.2


class Progress:
    """Inside a `with` block, a line redrawn in place on a terminal, else one now and then to `report`.

    Args:
        what: "copying".
        total: bytes in all.
        report: takes one line at a time.
    """

    def __init__(self, what: str, total: int, report: Callable[[str], None]):
        self._what, self._total, self._report = what, total, report
        self._terminal = sys.stderr.isatty()
        self._done, self._drawn = 0, False
        self._begin = self._shown = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._drawn:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def through(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Passes the blocks of a file on, and counts them."""
        for block in blocks:
            yield block
            self._done += len(block)
            if time.monotonic() - self._shown >= (_REDRAW_EVERY if self._terminal else LINE_EVERY):
                self._show()

    def line(self) -> str:
        """For example "copying 1.2 GB of 1.6 GB, 310 MB/s, 3 s left"."""
        pace = self._done / max(time.monotonic() - self._begin, 1e-9)
        left = f", {duration((self._total - self._done) / pace)} left" if pace else ""
        return f"{self._what} {file_size(self._done)} of {file_size(self._total)}, {file_size(pace)}/s{left}"

    def _show(self) -> None:
        self._shown = time.monotonic()
        if self._terminal:
            print(f"\r{self.line()}\033[K", end="", file=sys.stderr, flush=True)
            self._drawn = True
        else:
            self._report(self.line())
