"""Archiving a run that trains, and archiving that is killed, refused or lied to by the disk."""

import errno
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from archive_runs import KINDS, bring_back, change, keep, make_run, place, tree, unsynced  # noqa: F401

from fs2keras.archive import content, folder, tarball
from fs2keras.archive import place as places
from fs2keras.archive.restore import verify
from fs2keras.errors import UserError
from fs2keras.progress import Progress
from fs2keras.rundir import record
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
from fs2keras.rundir.tail import read_rows


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs" / "demo")


@pytest.fixture(params=KINDS)
def where(request, tmp_path):
    return place(tmp_path, request.param)


# ---- killed

MOMENTS = [(os, name) for name in ("replace", "utime", "sync", "fsync", "unlink", "rmdir", "mkdir")]
MOMENTS += [(shutil, "rmtree")]


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_moment_it_holds_the_old_or_the_new_and_goes_on(tmp_path, kind):
    """At each system call that changes something, and after each block: first archive, update, and prune."""
    run = make_run(tmp_path / "runs" / "demo")
    for path in (run.samples, run.validation_csv, run.process_csv, run.log_txt, run.resume / "step-0000001.npz"):
        (shutil.rmtree if path.is_dir() else os.unlink)(path)
    (tmp_path / "killed").mkdir()
    to, archive = place(tmp_path / "killed", kind)
    states = [{}, tree(run.path)]
    _kill_everywhere(run, to, archive, *states, {})
    change(run.steps_csv, run.steps_csv.read_bytes() + b"201,0\n")
    run.checkpoint(100).unlink()
    change(run.checkpoint(300), b"new")
    states += [tree(run.path)]
    _kill_everywhere(run, to, archive, *states[1:], {"prune": True, "confirm": lambda question: True})


def _kill_everywhere(run, to, archive, before, after, options):
    """Kills at the first moment, the second, ..., each time with the archive of `before`, until one is not killed."""
    spare = to.with_name("spare" + "".join(to.suffixes))
    if archive.exists():
        (shutil.copytree if to.is_dir() else shutil.copy2)(to, spare)
    for moment in itertools.count(1):
        was_killed = _killed(moment, run, to, options)
        seen = _seen(archive, to.parent / "back")
        assert seen in ((before or None, after) if was_killed else (after,)), moment
        if not was_killed:
            break
        keep(run, to, **options)
        assert _seen(archive, to.parent / "back") == after, moment
        assert not list(to.parent.rglob(".incoming")) + list(to.parent.rglob(".tmp-*")), moment
        (shutil.rmtree if to.is_dir() else os.unlink)(to)
        if spare.exists():
            (shutil.copytree if spare.is_dir() else shutil.copy2)(spare, to)
    assert moment > 10
    if spare.exists():
        (shutil.rmtree if spare.is_dir() else os.unlink)(spare)


def _killed(moment: int, run: RunDir, to: Path, options: dict) -> bool:
    """Archives in a process that is killed before its `moment`-th change; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            counter = itertools.count(1)

            def counted(function):
                def call(*arguments, **keywords):
                    if next(counter) == moment:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return function(*arguments, **keywords)

                return call

            for module, name in MOMENTS:
                setattr(module, name, counted(getattr(module, name)))
            after_a_block = counted(lambda block: block)
            Progress.through = lambda self, blocks: map(after_a_block, blocks)
            keep(run, to, **options)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _seen(archive: Path, back: Path) -> dict | None:
    """What the archive gives back now; None where it says that it was never finished, or is not there."""
    try:
        return tree(bring_back(archive, back).path)
    except UserError as error:
        if not any(words in str(error) for words in ("never finished", "no such file", "has no SHA256SUMS")):
            raise
        return None
    finally:
        shutil.rmtree(back, ignore_errors=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restore_that_was_killed_begins_again(run, tmp_path, kind):
    to, archive = place(tmp_path, kind)
    keep(run, to)
    (tmp_path / "back/.tmp-demo/demo/checkpoints").mkdir(parents=True)
    (tmp_path / "back/.tmp-demo/demo/checkpoints/old.keras").write_text("left behind")
    assert tree(bring_back(archive, tmp_path / "back").path) == tree(run.path)
    assert os.listdir(tmp_path / "back") == ["demo"]


# ---- a run that trains

TRAINER = """
import json, os, sys, time
from fs2keras.rundir import record
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
from fs2keras.rundir.process import identity
run = RunDir(sys.argv[1])
with lock(run):
    record.update(run, status="training", **identity())
    columns = open(run.steps_csv).readline().strip().split(",")
    with CsvLog(run.steps_csv, columns) as log, open(run.log_txt, "a", buffering=1) as text:
        print("ready", flush=True)
        for step in range(201, 10**9):
            row = os.urandom(20).hex()
            log.append([step] + [1.0] * (len(columns) - 1))
            text.write(f"step {step} ")  # half a line, for a while
            time.sleep(0.0005)
            text.write("is done\\n")
"""


def test_a_run_that_trains_is_archived_up_to_a_whole_line(run, where, tmp_path):
    to, archive = where
    command = [sys.executable, "-c", TRAINER, str(run.path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True) as trainer:
        try:
            assert trainer.stdout.readline() == "ready\n"
            for number in range(4):
                lines = []
                keep(run, to, report=lines.append)
                assert lines == [
                    f"{run.path} is training: it is archived as it is now. Run this again when it has ended."
                ]
                back = bring_back(archive, tmp_path / str(number))
                assert not (back.path / "run.lock").exists()
                for name in ("steps.csv", "log.txt"):
                    taken = (back.path / name).read_bytes()
                    assert taken.endswith(b"\n")
                    assert (run.path / name).read_bytes().startswith(taken)
                steps = [row["step"] for row in read_rows(back.steps_csv)]
                assert steps == list(range(1, steps[-1] + 1))
        finally:
            trainer.kill()
    keep(run, to)
    assert tree(bring_back(archive, tmp_path / "ended").path) == tree(run.path)


def test_the_csvs_reach_at_least_as_far_as_the_resume_states(run, where, tmp_path, monkeypatch):
    """A new row and a new state at each file that is opened: no state may be newer than the rows archived with it."""
    to, archive = where
    opened = content.Snapshot.__init__

    def trained(self, source):
        rows = run.steps_csv.read_text().count("\n")
        with open(run.steps_csv, "a") as file:
            file.write(f"{rows}\n")
        for old in run.resume.glob("step-*.npz"):
            old.unlink()
        (run.resume / f"step-{rows:07d}.npz").write_text("state")
        opened(self, source)

    monkeypatch.setattr(content.Snapshot, "__init__", trained)
    with lock(run):
        for _ in range(2):
            assert keep(run, to).left_out == ()
    back = bring_back(archive, tmp_path / "back")
    last = int(back.steps_csv.read_text().splitlines()[-1])
    states = sorted(int(path.stem[5:]) for path in back.resume.iterdir())
    assert states[:2] == [1, 200]
    assert len(states) == 3
    assert states[-1] <= last


def test_a_file_that_vanishes_is_left_out_and_named(run, where, monkeypatch):
    to, archive = where
    opened = content.Snapshot.__init__

    def vanished(self, source):
        run.checkpoint(100).unlink(missing_ok=True)
        opened(self, source)

    monkeypatch.setattr(content.Snapshot, "__init__", vanished)
    lines = []
    assert keep(run, to, report=lines.append).left_out == ("checkpoints/step-0000100.keras (gone)",)
    assert lines == ["Left out: checkpoints/step-0000100.keras (gone)"]
    assert "checkpoints/step-0000100.keras" not in verify(archive, print).entries


def test_a_file_that_is_replaced_while_it_is_read_is_whole(run, where, tmp_path, monkeypatch):
    to, archive = where
    whole = run.checkpoint(100).read_bytes()
    blocks = content.Snapshot.blocks

    def replaced(self):
        if self._source.path.endswith("step-0000100.keras"):
            other = run.path / "other"
            other.write_bytes(b"other")
            os.replace(other, run.checkpoint(100))
        return blocks(self)

    monkeypatch.setattr(content.Snapshot, "blocks", replaced)
    keep(run, to)
    assert bring_back(archive, tmp_path / "back").checkpoint(100).read_bytes() == whole


def test_a_file_that_is_written_into_while_it_is_read_is_refused(run, where, monkeypatch):
    to, archive = where
    blocks = content.Snapshot.blocks

    def written(self):
        if self._source.path.endswith("step-0000100.keras"):
            change(run.checkpoint(100), b"half of another")
        return blocks(self)

    monkeypatch.setattr(content.Snapshot, "blocks", written)
    with pytest.raises(UserError, match=r"step-0000100.keras was changed while it was read. Run the same command"):
        keep(run, to)
    monkeypatch.undo()
    keep(run, to)
    verify(archive, print)


def test_a_file_that_vanishes_does_not_take_its_older_state_along(run, where, monkeypatch):
    to, archive = where
    keep(run, to)
    change(run.checkpoint(100), b"anew")
    opened = content.Snapshot.__init__

    def vanished(self, source):
        run.checkpoint(100).unlink(missing_ok=True)
        opened(self, source)

    monkeypatch.setattr(content.Snapshot, "__init__", vanished)
    with pytest.raises(UserError, match="was replaced while it was read"):
        keep(run, to)
    assert "checkpoints/step-0000100.keras" in verify(archive, print).entries


def test_a_crashed_run_is_archived_as_it_is(tmp_path):
    run = make_run(tmp_path / "runs/demo", status="crashed")
    change(run.steps_csv, run.steps_csv.read_bytes()[:-3])
    keep(run, tmp_path / "backup")
    assert bring_back(tmp_path / "backup", tmp_path / "back").steps_csv.read_bytes() == run.steps_csv.read_bytes()


def test_a_run_on_another_host_that_trains(run, tmp_path):
    record.update(run, status="training", host="elsewhere")
    with open(run.process_csv, "a") as file:
        from fs2keras.rundir import clock

        file.write(f"{clock.now()},200,training,,,,,,\n")
    lines = []
    keep(run, tmp_path / "backup", report=lines.append)
    assert "is training" in lines[0]


# ---- damaged, and put right


def test_a_damaged_folder_is_not_updated_until_the_file_is_gone(run, tmp_path):
    to, folder = tmp_path / "backup", tmp_path / "backup/demo"
    keep(run, to)
    good = tree(folder)
    bad = folder / "checkpoints/step-0000100.keras"
    bad.write_bytes(b"!" + bad.read_bytes()[1:])
    change(run.steps_csv, b"step\n")
    with pytest.raises(UserError, match=r"step-0000100.keras is damaged.*Nothing was changed. Delete that file there"):
        keep(run, to)
    assert (folder / "steps.csv").read_bytes() == good["steps.csv"][0]
    assert not (folder / ".incoming").exists()
    bad.unlink()
    assert keep(run, to).copied == 2
    run.checkpoint(100).unlink()
    bad.unlink()
    with pytest.raises(UserError, match=r"step-0000100.keras is missing there .* --prune"):
        keep(run, to)
    keep(run, to, prune=True, confirm=lambda question: True)
    assert tree(bring_back(to, tmp_path / "back").path) == tree(run.path)


def test_a_damaged_tarball_is_not_updated(run, tmp_path):
    path = tmp_path / "demo.tar.zst"
    keep(run, path)
    data = path.read_bytes()
    at = data.index(run.checkpoint(100).read_bytes()[500:540])
    path.write_bytes(data[:at] + b"!" + data[at + 1 :])
    before = path.read_bytes()
    change(run.steps_csv, b"step\n")
    for _ in range(2):
        with pytest.raises(UserError, match=r"step-0000100.keras is damaged.*Nothing was changed. Move it away"):
            keep(run, path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_disk_that_does_not_keep_what_it_was_given(run, where, monkeypatch):
    to, archive = where
    keep(run, to)
    before = archive.read_bytes() if archive.is_file() else tree(archive)
    change(run.checkpoint(100), b"new" * 1000)

    def lose(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[:-100] + b"?" + data[-99:])

    if archive.is_file():
        write = tarball.Tarball._write
        monkeypatch.setattr(
            tarball.Tarball, "_write", lambda self, path, *rest: [write(self, path, *rest), lose(path)][0]
        )
    else:
        monkeypatch.setattr(
            folder, "write", lambda path, blocks, mtime_ns: [content.write(path, blocks, mtime_ns), lose(path)][0]
        )
    with pytest.raises(UserError, match="what was written is not what is read back"):
        keep(run, to)
    assert (archive.read_bytes() if archive.is_file() else tree(archive)) == before
    monkeypatch.undo()
    keep(run, to)
    verify(archive, print)


# ---- the disk says no


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no room left on the disk. Free some"),
        (errno.EROFS, "cannot be written"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_a_disk_that_fails_while_it_is_written(run, where, tmp_path, monkeypatch, number, message):
    to, archive = where
    keep(run, to)
    back = tmp_path / "back"
    change(run.checkpoint(100), b"new")

    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match=message) as caught:
        keep(run, to)
    assert str(archive) in str(caught.value)
    with pytest.raises(UserError, match=message):
        bring_back(archive, back)
    monkeypatch.undo()
    assert os.listdir(back) == []
    assert keep(run, to).copied == 1


def test_too_little_room_is_seen_before(run, tmp_path, monkeypatch):
    keep(run, tmp_path / "demo.tar.zst")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 500, 500))
    with pytest.raises(UserError, match=r"are to be written, and 500 B are free"):
        keep(run, tmp_path / "backup")
    with pytest.raises(UserError, match=r"are to be written, and 500 B are free"):
        bring_back(tmp_path / "demo.tar.zst", tmp_path / "back")
    assert os.listdir(tmp_path / "back") == []


def test_a_file_of_the_run_that_may_not_be_read(run, where, monkeypatch):
    to, archive = where
    real = open

    def refused(path, mode="r", *rest, **keywords):
        if Path(path).name == "step-0000100.keras" and "r" in mode:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, mode, *rest, **keywords)

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(UserError, match=r"demo/checkpoints/step-0000100.keras: cannot be read \(Permission denied\)"):
        keep(run, to)
    monkeypatch.undo()
    keep(run, to)


def test_a_folder_that_may_not_be_written(run, tmp_path, monkeypatch):
    def refused(path, *rest, **keywords):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "mkdir", refused)
    for to in ("new/backup", "new/demo.tar.zst"):
        with pytest.raises(UserError, match=r"new.*: cannot be written \(Permission denied\)"):
            keep(run, tmp_path / to)


# ---- two at a time


def test_one_waits_for_the_other(run, tmp_path):
    (tmp_path / "backup").mkdir()
    lines, done = [], threading.Event()

    def second():
        keep(run, tmp_path / "backup", report=lines.append)
        done.set()

    with places.alone_in(tmp_path / "backup", lines.append):
        thread = threading.Thread(target=second)
        thread.start()
        end = time.monotonic() + 10
        while not lines and time.monotonic() < end:
            time.sleep(0.005)
        assert lines == [f"waiting for another fs2keras that writes into {tmp_path / 'backup'}"]
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()
    verify(tmp_path / "backup", print)


def test_a_file_system_without_locks(run, tmp_path, monkeypatch):
    def unsupported(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    lines = []
    keep(run, tmp_path / "backup", report=lines.append)
    assert "cannot be locked" in lines[0]
