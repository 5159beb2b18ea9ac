"""How fast fs2-tui is: python benchmarks/monitor.py [--rows 200000] [--repeat 5].

Writes a run of so many rows into a temporary folder, starts the monitor on it in a pseudo-terminal of 120 x 40, and
prints JSON: seconds from process start until the first useful picture (the step of the run stands on the screen),
beside those of an empty Textual app until its first picture, taken in turns; memory; and what an update costs (a new
row until the picture is whole again) on the overview, on the curves, and with all losses as small charts.
"""

import argparse
import asyncio
import fcntl
import json
import os
import platform
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from synthetic_run import write_run

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("all is ready")
Empty().run()
"""
MONITOR = "import sys; from fs2_tui.cli import main; sys.exit(main(sys.argv[1:]))"
COLUMNS, LINES = 120, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "runs" / "long"
        write_run(run, rows=options.rows)
        size = (run / "steps.csv").stat().st_size
        step = f"{last_step(run):,}"
        for code, text in ((EMPTY, "ready"), (MONITOR, step)):  # compiled files and disk cache
            first_picture(code, run, text)
        empty, monitor = [], []
        for _ in range(options.repeat):
            empty.append(first_picture(EMPTY, run, "ready")["seconds"])
            monitor.append(first_picture(MONITOR, run, step)["seconds"])
        whole = first_picture(MONITOR, run, step, settle_s=12.0)
        updates = asyncio.run(update_times(run))
    print(
        json.dumps(
            {
                "benchmark": "monitor",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                "rows": options.rows,
                "steps_csv_mb": round(size / 1e6, 1),
                "empty_app_s": round(statistics.median(empty), 3),
                "first_picture_s": round(statistics.median(monitor), 3),
                "later_than_empty_s": round(statistics.median(monitor) - statistics.median(empty), 3),
                "ratio_to_empty": round(statistics.median(monitor) / statistics.median(empty), 2),
                "memory_mb_settled": whole["rss_mb"],
                "memory_mb_peak": whole["peak_mb"],
                **updates,
            },
            indent=2,
        )
    )


def last_step(run: Path) -> int:
    with open(run / "steps.csv", "rb") as file:
        file.seek(-4096, os.SEEK_END)
        return int(file.read().splitlines()[-1].split(b",")[0])


def first_picture(code: str, run: Path, text: str, settle_s: float = 0.0) -> dict[str, float]:
    """Seconds from the start of the process until `text` stands on the screen; memory after `settle_s` more."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "", "LINES": ""}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdin=follower, stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    try:
        seconds = wait_for(leader, text, begin)
        memory = settle(leader, process.pid, settle_s) if settle_s else {}
        return {"seconds": seconds, **memory}
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(leader)


def wait_for(leader: int, text: str, begin: float) -> float:
    seen = b""
    while time.perf_counter() - begin < 60:
        if select.select([leader], [], [], 1.0)[0]:
            seen += os.read(leader, 65536)
            if text in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode("utf-8", "replace")):
                return time.perf_counter() - begin
    raise SystemExit(f"{text!r} did not appear within a minute; the screen said: {seen[-2000:]!r}")


def settle(leader: int, pid: int, seconds: float) -> dict[str, float]:
    """Let it read on and press 2 for the curves; then its memory now and at the highest, in MB."""
    os.write(leader, b"2")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if select.select([leader], [], [], 0.2)[0]:
            os.read(leader, 65536)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        f"{name}_mb": round(int(status[key].split()[0]) / 1024, 1)
        for name, key in (("rss", "VmRSS"), ("peak", "VmHWM"))
    }


async def update_times(run: Path, updates: int = 20) -> dict[str, float]:
    """Median seconds from a poll with one new row until the picture is whole, on two panes."""
    from fs2_tui.app import MonitorApp
    from fs2keras.rundir.layout import RunDir
    from fs2keras.rundir.watch import RunWatch

    found = {}
    app = MonitorApp([RunDir(run)], poll_s=3600)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        watch = RunWatch(RunDir(run))
        watch.read_on()
        while watch.filling:
            watch.read_on()
        for name, keys in (("overview", "1"), ("curves", "2"), ("curves_group", "m")):
            app.snapshots = (watch.poll(),)
            await pilot.press(keys)
            await pilot.pause(4.0)  # long curves are smoothed a portion at a time
            polled, drawn = [], []
            for _ in range(updates):
                add_row(run)
                begin = time.perf_counter()
                snapshot = watch.poll()
                middle = time.perf_counter()
                app.snapshots = (snapshot,)
                await drawn_now(app)
                polled.append(middle - begin)
                drawn.append(time.perf_counter() - middle)
            found[f"update_{name}_s"] = round(statistics.median(drawn), 4)
            found[f"update_{name}_worst_s"] = round(max(drawn), 4)
        found["poll_s"] = round(statistics.median(polled), 4)
    return found


async def drawn_now(app) -> None:
    """Wait until all that is waiting has been laid out and drawn."""
    done = asyncio.Event()
    app.call_after_refresh(done.set)
    await done.wait()


def add_row(run: Path) -> None:
    with open(run / "steps.csv", "rb+") as file:
        file.seek(-4096, os.SEEK_END)
        cells = file.read().splitlines()[-1].split(b",")
        cells[0] = str(int(cells[0]) + 1).encode()
        file.seek(0, os.SEEK_END)
        file.write(b",".join(cells) + b"\n")


if __name__ == "__main__":
    main()
