"""Small runs for the tests of archives, and what they compare."""

import os
import random
from pathlib import Path

import pytest
from synthetic_run import write_run

from fs2keras.archive.archive import Summary, archive
from fs2keras.archive.restore import restore, verify
from fs2keras.rundir.layout import RunDir

KINDS = ("folder", "tarball")


def make_run(folder: Path, seed: int = 1, **options) -> RunDir:
    """A synthetic run whose checkpoints (steps 100 and 200, and best) and resume states are small, with samples, and
    with what an archive leaves out."""
    run = write_run(folder, 200, seed=seed, **options)
    noise = random.Random(seed)
    for path in [*run.checkpoints.iterdir(), *run.resume.iterdir(), run.checkpoint(100), run.best_checkpoint]:
        path.unlink(missing_ok=True)
        path.write_bytes(noise.randbytes(3000))
    run.best_checkpoint.with_suffix(".json").write_text("{}")
    sample = run.sample_folder(100) / "01.wav"
    sample.parent.mkdir(parents=True)
    sample.write_bytes(bytes(2000))
    (run.resume / ".tmp-step-0000300.npz").write_bytes(b"half")
    return run


def place(folder: Path, kind: str) -> tuple[Path, Path]:
    """What --to says, and where the archive of run "demo" then is."""
    return (folder / "backup", folder / "backup" / "demo") if kind == "folder" else (folder / "demo.tar.zst",) * 2


def keep(run: RunDir, to: Path, **options) -> Summary:
    """Archives without a word; a deletion is confirmed only by a test that says so."""
    return archive(run, to, **{"confirm": never, "report": lambda line: None} | options)


def never(question: str) -> bool:
    raise AssertionError(f"asked: {question}")


def bring_back(archive: Path, to: Path) -> RunDir:
    """Restores without a word."""
    return restore(archive, to, report=lambda line: None)


def held(archive: Path) -> set[str]:
    """The paths in an archive, all of them whole."""
    return set(verify(archive, lambda line: None).entries)


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of the files that belong to a run, by path."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.lock" and not path.name.startswith(".tmp-")
    }


def change(path: Path, data: bytes) -> None:
    """Writes a file; its time of change is another than before, as the clock of the disk may be coarse."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 1, before + 1))


@pytest.fixture(autouse=True)
def unsynced(monkeypatch):
    """Power cuts are not tested, and other processes keep the disk busy."""
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
