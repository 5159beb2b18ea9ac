"""How far a long job is, for a person who waits and for a log."""

import sys
import time
from collections.abc import Callable

LINE_EVERY = 10.0  # seconds between lines where there is no terminal to redraw
_REDRAW_EVERY = 0.2
_WIDTH = 24


class Progress:
    """A bar with an estimate of the time left: redrawn in place on a terminal, else a line now and then to `report`."""

    def __init__(self, what: str, total: int, report: Callable[[str], None]):
        self._what, self._total, self._report = what, total, report
        self._terminal = sys.stderr.isatty()
        self._first = self._shown = time.monotonic()
        self._done = 0

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._done == 1:
            self._first = now
        if now - self._shown < (_REDRAW_EVERY if self._terminal else LINE_EVERY) and self._done < self._total:
            return
        self._shown = now
        if self._terminal:
            print(f"\r{self._bar()} {self.line()}\033[K", end="", file=sys.stderr, flush=True)
        elif self._done < self._total:
            self._report(self.line())

    def close(self) -> None:
        """Leave the terminal on a fresh line."""
        if self._terminal and self._done:
            print(file=sys.stderr, flush=True)

    def line(self) -> str:
        """For example "features 120/385, 17.2/s, 15 s left"."""
        # Measured from the first one on: what comes before it is processes being started.
        rate = (self._done - 1) / max(time.monotonic() - self._first, 1e-9)
        left = (self._total - self._done) / rate if rate else float("inf")
        return f"{self._what} {self._done:,}/{self._total:,}, {rate:.1f}/s, {spoken_time(left)} left"

    def _bar(self) -> str:
        filled = _WIDTH * self._done // max(self._total, 1)
        return f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"


def spoken_time(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 10 min."""
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
