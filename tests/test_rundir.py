"""The run directory: whole files, one owner, a heartbeat."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fs2keras.errors import UserError
from fs2keras.rundir import atomic, clock, process, record
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.events import append_event
from fs2keras.rundir.heartbeat import Heartbeat
from fs2keras.rundir.layout import RunDir, step_of
from fs2keras.rundir.lock import living_owner, lock, read_owner
from fs2keras.rundir.tail import read_rows

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(tmp_path):
    return RunDir(tmp_path / "runs" / "mine")


# ---- atomic


def test_replacing_keeps_the_suffix_and_makes_the_folder(tmp_path):
    target = tmp_path / "new" / "step-1.keras"
    with atomic.replacing(target) as temporary:
        assert temporary == tmp_path / "new" / ".tmp-step-1.keras"
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert os.listdir(target.parent) == ["step-1.keras"]


def test_an_error_leaves_the_target_as_it_was(tmp_path):
    target = tmp_path / "a.json"
    atomic.write_text(target, "old")
    with pytest.raises(ZeroDivisionError):
        write_half(target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def write_half(target):
    with atomic.replacing(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_what_a_killed_process_left_is_not_appended_to(tmp_path):
    (tmp_path / ".tmp-a").write_text("left behind")
    with atomic.replacing(tmp_path / "a") as temporary:
        assert not temporary.exists()
        temporary.write_text("")
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "no room left"), (errno.EROFS, "cannot be written"), (errno.EACCES, "cannot be")],
)
def test_a_full_or_closed_disk_is_named(tmp_path, number, words):
    with pytest.raises(UserError, match=words) as caught, atomic.replacing(tmp_path / "a.json"):
        raise OSError(number, os.strerror(number))
    assert "a.json" in str(caught.value)


def test_an_unreadable_input_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(PermissionError), atomic.replacing(tmp_path / "a.json"):
        raise PermissionError(errno.EACCES, "denied", str(tmp_path / "input.wav"))


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match="in the way"):
        atomic.write_text(tmp_path / "a.json", "x")
    atomic.write_text(tmp_path / "file", "x")
    with pytest.raises(UserError, match="in the way"):
        atomic.write_text(tmp_path / "file" / "below", "x")


def test_a_name_that_no_file_can_have(tmp_path):
    with pytest.raises(UserError, match="no file of that name"):
        atomic.write_text(tmp_path / ("a" * 300), "x")
    if Path("/proc/self").exists():
        with pytest.raises(UserError, match="no file of that name"):
            atomic.write_text("/proc/no-such-folder/a", "x")


def test_a_file_that_the_writer_forgot_is_not_the_users_mistake(tmp_path):
    with pytest.raises(FileNotFoundError), atomic.replacing(tmp_path / "a"):
        pass


def test_kill_in_the_middle_of_a_write(tmp_path):
    """Killed at any moment, the target holds one whole version."""
    target = tmp_path / "big.bin"
    code = (
        "import sys; from fs2keras.rundir.atomic import write_bytes\n"
        "for i in range(10**6): write_bytes(sys.argv[1], bytes([i % 256]) * 300_000)"
    )
    for pause in (0.0, 0.01, 0.03):
        child = subprocess.Popen([sys.executable, "-c", code, str(target)], cwd=ROOT)
        wait_until(target.exists)
        time.sleep(pause)
        child.kill()
        child.wait()
        data = target.read_bytes()
        assert len(data) == 300_000
        assert len(set(data)) == 1


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


# ---- layout


def test_layout(run):
    assert run.checkpoint(5000) == run.path / "checkpoints" / "step-0005000.keras"
    assert run.sample_folder(5000) == run.path / "samples" / "step-0005000"
    assert step_of(run.checkpoint(12345678)) == 12345678
    assert step_of(run.sample_folder(7)) == 7
    assert run.list_checkpoints() == []
    assert not run.path.exists()
    for name in ("step-0000020.keras", "step-0000003.keras", ".tmp-step-0000030.keras", "notes.keras", "step-1.h5"):
        atomic.write_text(run.checkpoints / name, "")
    assert run.list_checkpoints() == [(3, run.checkpoint(3)), (20, run.checkpoint(20))]
    for wrong in ("notes.keras", ".tmp-step-0000030.keras", "step-.keras"):
        with pytest.raises(ValueError, match="step"):
            step_of(wrong)


# ---- lock, record, process

HOLD = """
import sys, time
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
with lock(RunDir(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(run):
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_second_process_is_told_who_has_the_run(run, holder):
    with pytest.raises(UserError, match=f"in use by pid {holder.pid} on host .* since 20") as caught, lock(run):
        pass
    assert str(run.path) in str(caught.value)
    assert "run.name" in str(caught.value)
    assert living_owner(run)["pid"] == holder.pid


def test_kill_frees_the_lock(run, holder):
    holder.send_signal(signal.SIGKILL)
    wait_until(lambda: living_owner(run) is None)  # dead although nobody has waited for it yet: a zombie
    assert read_owner(run)["pid"] == holder.pid
    with lock(run):
        assert living_owner(run)["pid"] == os.getpid()
    assert read_owner(run) is None


def test_the_same_process_twice(run):
    with lock(run):
        with pytest.raises(UserError, match=f"pid {os.getpid()}"), lock(run):
            pass
        assert living_owner(run)["pid"] == os.getpid()
    with lock(run):
        pass


def test_a_forked_child_does_not_keep_the_lock(run):
    code = HOLD.replace('print("held", flush=True)', "import os; child = os.fork(); child and print(child, flush=True)")
    command = [sys.executable, "-c", code, str(run.path)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        assert process.process_start_time(child)
        wait_until(lambda: can_lock(run))
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def can_lock(run):
    try:
        with lock(run):
            return True
    except UserError:
        return False


def test_record(run):
    assert record.read(run) == {}
    record.write(run, kind="fastspeech2", status="training")
    record.update(run, status="finished", parameters=3)
    assert record.read(run) == {"format": 1, "kind": "fastspeech2", "status": "finished", "parameters": 3}
    run.run_json.write_text('{"format": 1, "ki')
    with pytest.raises(UserError, match="run.json: cannot be read"):
        record.read(run)
    run.run_json.write_text('{"format": 2}')
    with pytest.raises(UserError, match="Upgrade"):
        record.read(run)
    run.run_json.write_text("[]")
    with pytest.raises(UserError, match="no format"):
        record.read(run)


def test_processes():
    me = process.identity()
    assert me["pid"] == os.getpid()
    assert process.is_alive(me["pid"], me["process_start_time"])
    assert not process.is_alive(os.getpid(), "1")
    assert not process.is_alive(os.getpid(), None)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    began = process.process_start_time(child.pid)
    assert process.is_alive(child.pid, began)
    child.kill()
    wait_until(lambda: not process.is_alive(child.pid, began))
    child.wait()
    assert process.process_start_time(child.pid) is None
    assert process.cpu_seconds() > 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_what_a_process_uses():
    before = process.rss_bytes()
    ballast = bytearray(os.urandom(1000)) * 50_000
    assert process.rss_bytes() - before > 0.8 * len(ballast)


@pytest.mark.parametrize(
    ("script", "expected"),
    [("echo '37, 1024'", (37.0, 2**30)), ("echo '[N/A], [N/A]'", (None, None)), ("exit 9", (None, None))],
)
def test_gpu(tmp_path, monkeypatch, script, expected):
    fake = tmp_path / "nvidia-smi"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert process.gpu() == expected
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert process.gpu() == (None, None)


# ---- heartbeat, events


def test_heartbeat(run):
    run.path.mkdir(parents=True)
    heart = Heartbeat(run, interval=0.02)
    heart.stop()  # before the start: nothing happens
    heart = Heartbeat(run, interval=0.02)
    heart.start()
    wait_until(lambda: len(read_rows(run.process_csv)) >= 3)
    heart.activity, heart.step = "saving", 7
    heart.stop()
    heart.stop()
    rows = read_rows(run.process_csv)
    assert (rows[0]["activity"], rows[0]["step"]) == ("starting", 0)
    assert (rows[-1]["activity"], rows[-1]["step"]) == ("saving", 7)
    assert rows.skipped == 0
    assert rows[-1]["cpu_percent"] >= 0
    assert 0 <= clock.seconds_since(rows[-1]["time"]) < 5
    assert heart.error is None
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())


def test_heartbeat_outlives_a_full_disk(run, monkeypatch):
    real = CsvLog.append

    def full(self, row):
        raise UserError("no room")

    monkeypatch.setattr(CsvLog, "append", full)
    heart = Heartbeat(run, interval=0.01)
    heart.start()
    wait_until(lambda: heart.error is not None)
    monkeypatch.setattr(CsvLog, "append", real)
    wait_until(lambda: read_rows(run.process_csv))
    heart.stop()
    assert heart.error is None


def test_events(run):
    append_event(run, 0, "started", "12 utterances, 3 shapes")
    append_event(run, 5000, "checkpoint", "step-0005000.keras", bytes=10**8, seconds=1.23456)
    first, second = read_rows(run.events_csv)
    assert first["event"] == "started"
    assert first["detail"] == "12 utterances, 3 shapes"
    assert (second["step"], second["bytes"], second["seconds"]) == (5000, 10**8, 1.235)


# ---- the floor


def test_the_room_is_standard_library_only():
    modules = [f"fs2keras.rundir.{path.stem}" for path in (ROOT / "fs2keras" / "rundir").glob("[a-z]*.py")]
    code = f"import sys; before = set(sys.modules); import {', '.join(modules)}; print(*set(sys.modules) - before)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = {name.partition(".")[0] for name in answer.stdout.split()}
    assert loaded - set(sys.stdlib_module_names) == {"fs2keras"}
