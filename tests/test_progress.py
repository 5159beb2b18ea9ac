"""What a person who waits sees, and what a log says."""

import os
import pty
import re
import subprocess
import sys
import time

from fs2keras import progress
from fs2keras.progress import Progress, spoken_time


def test_lines_for_a_log(monkeypatch):
    lines = []
    monkeypatch.setattr(progress, "LINE_EVERY", 0)
    with Progress("utterances", 3, lines.append) as bar:
        for _ in range(3):
            bar.advance()
    assert len(lines) == 2  # the last one is the summary's to tell
    # Before the first one processes are being started: that is no measure of the others.
    assert lines[0] == "utterances 1/3, 0.0/s, unknown time left"
    assert re.match(r"utterances 2/3, [\d.,]+/s, 0 s left", lines[1])


def test_no_line_for_what_is_quickly_done():
    lines = []
    with Progress("utterances", 3, lines.append) as bar:
        bar.advance(3)
    assert not lines


def test_bytes(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0)
    lines = []
    with Progress("copying", 3_000_000, lines.append, in_bytes=True) as bar:
        assert b"".join(bar.through([b"a" * 1_000_000, b"b" * 500_000])) == b"a" * 1_000_000 + b"b" * 500_000
    assert lines[0].startswith("copying 1.0 MB of 3.0 MB, ")
    assert re.match(r"copying 1.5 MB of 3.0 MB, [\d.]+ .B/s, ", lines[1])


def test_times_as_they_are_said():
    assert [spoken_time(seconds) for seconds in (42.4, 185, 7800)] == ["42 s", "3 min 05 s", "2 h 10 min"]


WAITS = """
import time
from fs2keras.progress import Progress
with Progress("utterances", 2, print) as bar:
    time.sleep(1.5)
    bar.advance()
    print("a note in between")
    bar.advance()
print("done")
"""


def test_a_terminal_sees_movement_before_anything_is_done(tmp_path):
    """In a real one: the bar moves while nothing is done yet, notes stay, and nothing of the bar does."""
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        pieces = []  # when, what
        try:
            while data := os.read(ours, 1 << 16):
                pieces.append((time.monotonic(), data.decode()))
        except OSError:  # so a terminal ends on Linux
            pass
        assert process.wait() == 0
    os.close(ours)
    waiting = [(when, text) for when, text in pieces if "utterances 0/2, starting for" in text]
    assert waiting[-1][0] - waiting[0][0] > 1
    assert max(b - a for (a, _), (b, _) in zip(waiting, waiting[1:], strict=False)) < 1
    whole = "".join(text for _, text in pieces)
    assert "a note in between" in whole
    assert whole.rstrip().endswith("done")


def test_nothing_of_a_bar_in_a_file(tmp_path):
    found = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, check=True)
    assert found.stdout == "a note in between\ndone\n"
    assert not found.stderr
