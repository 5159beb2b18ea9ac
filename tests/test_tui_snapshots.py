"""Pictures of every pane. After a change that is meant, look at the report that pytest names, and accept the new ones:
python -m pytest tests/test_tui_snapshots.py --snapshot-update"""

import os
import shutil
import socket
import time
from types import SimpleNamespace

import pytest
from synthetic_run import write_run
from tui_pilot import monitor

from fs2_tui.app import PANES
from fs2_tui.samples import player
from fs2keras.rundir import clock, record

NOW = 1795363200.0  # 2026-11-22 16:00 UTC


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("snapshots") / "voice", 12_000, status="crashed", end=NOW - 600)
    record.update(run, host="trainer", pid=4711, process_start_time="1")  # another host: no process is looked for
    for path in run.path.rglob("*"):
        os.utime(path, (NOW - 600, NOW - 600))
    return run


@pytest.fixture
def fixed(monkeypatch):
    """A clock that stands, a disk that is never fuller, one time zone, no matter where this runs."""
    monkeypatch.setattr(clock, "unix", lambda: NOW)
    monkeypatch.setattr(socket, "gethostname", lambda: "desk")
    monkeypatch.setattr(player, "find_players", lambda: [("aplay", "-q")])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=250 * 10**9))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["80x24", "160x48"])
@pytest.mark.parametrize("key", [key for key, *_ in PANES], ids=[name for _, name, *_ in PANES])
def test_a_pane_looks_as_it_did(run, fixed, snap_compare, monkeypatch, key, size):
    # A large picture in true colour would be a megabyte: there, samples are drawn in ASCII.
    monkeypatch.setenv("COLORTERM", "truecolor" if size[0] == 80 else "")
    monkeypatch.setenv("TERM", "xterm-256color" if size[0] == 80 else "xterm")
    monkeypatch.chdir(run.path.parent)  # paths on the screen are relative, hence the same everywhere

    async def settle(pilot):
        await pilot.press(key)
        await pilot.pause(1.0)  # long curves come in parts
        # Pictures of samples come from a worker, late on a busy machine.
        for _ in range(300):
            if all(worker.is_finished for worker in pilot.app.workers if worker.group == "pictures"):
                break
            await pilot.pause(0.2)
        await pilot.pause(0.3)

    assert snap_compare(monitor(type(run)("voice")), terminal_size=size, run_before=settle)
