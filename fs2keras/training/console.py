"""What `fit` shows: lines that stay, in the terminal and in log.txt, and one line that lives."""

import shutil
import sys
import threading
import time
from datetime import datetime
from pathlib import Path


class Console:
    """Prints lines and keeps a copy of them with times; in a terminal it redraws one live line every second below them.

    Without a terminal (a pipe, nohup, CI) the live line is printed whenever its words change instead.

    Args:
        log: log.txt of the run, appended to; None while there is no run yet.
        stream: where to print.
    """

    def __init__(self, log: Path | None = None, stream=None):
        self.log = log
        self._stream = stream or sys.stdout
        self._is_terminal = self._stream.isatty()
        self._live, self._activity, self._since, self._drawn = "", "", time.monotonic(), 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        if self._is_terminal:
            threading.Thread(target=self._redraw, name="console", daemon=True).start()

    def say(self, text: str) -> None:
        """Prints a line that stays."""
        with self._lock:
            self._erase()
            print(text, file=self._stream, flush=True)
            if self.log:
                stamp = datetime.now().astimezone().isoformat(timespec="seconds")
                with open(self.log, "a", encoding="utf-8") as file:
                    file.write("".join(f"{stamp}  {line}\n" for line in text.splitlines()))
            self._draw()

    def progress(self, text: str) -> None:
        """Replaces the live line; log.txt and a pipe get it as a line of their own."""
        self._live, self._activity = text, ""
        if not self._is_terminal:
            self.say(text)
        elif self.log:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')}  {text}\n")

    def doing(self, activity: str) -> None:
        """Says behind the live line what is going on now, with its seconds; "" for nothing out of the ordinary."""
        self._activity, self._since = activity, time.monotonic()
        if activity and not self._is_terminal:
            self.say(f"{activity} ...")

    def close(self) -> None:
        self._stop.set()
        with self._lock:
            if self._is_terminal and self._drawn:
                print(file=self._stream, flush=True)
            self._drawn = 0
            self._live = self._activity = ""

    def _redraw(self) -> None:
        while not self._stop.wait(0.5):
            with self._lock:
                self._erase()
                self._draw()

    def _draw(self) -> None:
        if not self._is_terminal or self._stop.is_set():
            return
        seconds = f"{time.monotonic() - self._since:.0f} s"
        text = "  ".join(part for part in (self._live, f"{self._activity} {seconds}" if self._activity else "") if part)
        # A line longer than the terminal would wrap and could not be erased again.
        text = text[: max(20, _columns() - 1)]
        self._stream.write(text)
        self._stream.flush()
        self._drawn = len(text)

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._drawn = 0


def _columns() -> int:
    return shutil.get_terminal_size((100, 24)).columns
