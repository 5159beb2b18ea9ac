"""A living process, as /proc sees it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fs2keras.rundir import process
from fs2keras.rundir.probe import GPU_S, Probe

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

WORK = """
import sys, threading
memory = bytearray(60_000_000)
threading.Thread(target=threading.Event().wait, daemon=True).start()
del memory
print("ready", flush=True)
sys.stdin.readline()
while True:
    pass
"""


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def worker():
    child = subprocess.Popen(
        [sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert child.stdout.readline() == "ready\n"
    yield child
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()


def began(child):
    return process.process_start_time(child.pid)


@linux
def test_what_a_process_uses(worker):
    seen = Probe().read(worker.pid, began(worker))
    assert seen.pid == worker.pid
    assert seen.threads == 2
    assert 1_000_000 < seen.rss_bytes < seen.peak_bytes
    assert seen.peak_bytes > 60_000_000
    assert seen.read_bytes >= 0
    assert seen.written_bytes >= 0
    assert 0 <= seen.uptime_s < 600
    assert seen.command.startswith(sys.executable)


@linux
def test_cpu_percent_is_that_since_the_probe_before(worker):
    clock = Clock()
    probe, start = Probe(monotonic=clock), began(worker)
    assert probe.read(worker.pid, start).cpu_percent is None
    clock.seconds = 10.0
    assert probe.read(worker.pid, start).cpu_percent == pytest.approx(0, abs=5)
    worker.stdin.write("work\n")
    ticks = Path(f"/proc/{worker.pid}/stat")
    deadline = time.monotonic() + 30
    before = int(ticks.read_text().rpartition(")")[2].split()[11])
    while int(ticks.read_text().rpartition(")")[2].split()[11]) < before + 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    clock.seconds = 11.0
    assert probe.read(worker.pid, start).cpu_percent > 10
    assert probe.read(worker.pid, start).cpu_percent is None  # no time has passed


@linux
def test_another_process_begins_anew(worker):
    clock = Clock()
    probe = Probe(monotonic=clock)
    probe.read(worker.pid, began(worker))
    clock.seconds = 10.0
    assert probe.read(os.getpid(), process.process_start_time(os.getpid())).cpu_percent is None


def test_none_for_another_with_its_pid(worker):
    assert Probe().read(worker.pid, "1") is None
    assert Probe().read(worker.pid, None) is None


def test_none_for_a_zombie_and_for_one_that_is_gone(worker):
    start = began(worker)
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert Probe().read(worker.pid, start) is None
    worker.wait()
    assert Probe().read(worker.pid, start) is None


@linux
def test_a_process_that_hides(worker, monkeypatch):
    """Of another user's process /proc tells less; what it does not tell is None."""
    hidden = {"io", "environ", "cmdline"}

    def refusing(read):
        def refuse(path, *arguments, **options):
            if path.name in hidden:
                raise PermissionError(13, "Permission denied", str(path))
            return read(path, *arguments, **options)

        return refuse

    monkeypatch.setattr(Path, "read_text", refusing(Path.read_text))
    monkeypatch.setattr(Path, "read_bytes", refusing(Path.read_bytes))
    seen = Probe(gpu=lambda: (50.0, 10**9)).read(worker.pid, began(worker))
    assert (seen.read_bytes, seen.written_bytes, seen.command, seen.gpu_percent) == (None, None, None, None)
    assert seen.rss_bytes > 0


@linux
def test_the_gpu_is_asked_now_and_then(worker):
    asked, clock = [], Clock()

    def gpu():
        asked.append(clock.seconds)
        return 40.0 + len(asked), 2 * 10**9

    probe, start = Probe(gpu, clock), began(worker)
    for clock.seconds in (0.0, 1.0, GPU_S - 0.1):
        seen = probe.read(worker.pid, start)
        assert (seen.gpu_percent, seen.gpu_memory_bytes) == (41.0, 2 * 10**9)
    clock.seconds = GPU_S
    assert probe.read(worker.pid, start).gpu_percent == 42.0
    assert asked == [0.0, GPU_S]


@linux
def test_without_nvidia_smi_it_is_never_called(worker, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("something was called"))
    seen = Probe().read(worker.pid, began(worker))
    assert (seen.gpu_percent, seen.gpu_memory_bytes) == (None, None)


@linux
def test_another_gpu_than_ours_is_not_guessed_at(worker, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")  # since the worker began
    probe = Probe(gpu=lambda: pytest.fail("asked about another GPU"))
    assert probe.read(worker.pid, began(worker)).gpu_percent is None
