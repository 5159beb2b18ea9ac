"""The bytes of files: read from a run that may be writing them, checked on the way, written, and read back."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fs2keras.archive.manifest import Damaged, Entry
from fs2keras.errors import UserError
from fs2keras.progress import Progress
from fs2keras.rundir.atomic import write_problem
from fs2keras.rundir.sizes import file_size

BLOCK = 1 << 20


@dataclass(frozen=True)
class Source:
    """A file of a run: its path there with / between the parts, where it is, and its bytes and time of change when it
    was found. `grows`: lines are appended to it at this moment. `opened`: it is open, since it may soon be removed."""

    path: str
    file: Path
    size: int
    mtime_ns: int
    grows: bool = False
    opened: BinaryIO | None = None


class Snapshot:
    """A file of a run, open, as it is at this moment: `size` bytes, last changed at `mtime_ns`.

    Of a file that grows, the lines that are whole. A file that is replaced or removed meanwhile is read to its end all
    the same. FileNotFoundError when it is gone already.
    """

    def __init__(self, source: Source):
        self._source = source
        with reading(source.file):
            self._file = source.opened or open(source.file, "rb")  # noqa: SIM115
            self._status = os.fstat(self._file.fileno())
            self.mtime_ns, self.size = self._status.st_mtime_ns, self._status.st_size
            if source.grows:
                self.size = _end_of_last_line(self._file, self.size)

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not self._source.opened:
            self._file.close()

    def blocks(self) -> Iterator[bytes]:
        """The bytes. UserError when somebody writes into the file meanwhile: what was read is then no moment's."""
        left = self.size
        with reading(self._source.file):
            self._file.seek(0)
            while left and (block := self._file.read(min(BLOCK, left))):
                left -= len(block)
                yield block
            now = os.fstat(self._file.fileno())
        unchanged = (now.st_size, now.st_mtime_ns) == (self._status.st_size, self._status.st_mtime_ns)
        if left or not (unchanged or self._source.grows):
            raise UserError(f"{self._source.file} was changed while it was read. Run the same command again.")


def stored(path: Path) -> Iterator[bytes]:
    """The bytes of a file of ours, from the disk itself where the system lets its memory of them go."""
    with reading(path), open(path, "rb") as file:
        forget(file)
        while block := file.read(BLOCK):
            yield block


def forget(file: BinaryIO) -> None:
    """Asks the system to read the file from the disk when it is read next. What is not synced stays in memory."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Hashing:
    """Passes the blocks of a file on; `sha256` (hex) and `size` are of those passed so far."""

    def __init__(self, blocks: Iterable[bytes]):
        self._blocks, self._state, self.size = blocks, hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._state.update(block)
            self.size += len(block)
            yield block

    @property
    def sha256(self) -> str:
        return self._state.hexdigest()


def checked(entry: Entry, blocks: Iterable[bytes], archive: Path) -> Iterator[bytes]:
    """Passes the blocks of a file on. Damaged, at their end, when they are not what the entry says."""
    passed = Hashing(blocks)
    for block in passed:
        if passed.size > entry.size:
            break
        yield block
    if (passed.size, passed.sha256) != (entry.size, entry.sha256):
        raise Damaged(f"{archive}: {entry.path} is damaged, its SHA-256 is not the recorded one.")


def digest(blocks: Iterable[bytes]) -> str:
    """The SHA-256 of a file's blocks (hex)."""
    passed = Hashing(blocks)
    for _ in passed:
        pass
    return passed.sha256


def write(path: Path, blocks: Iterable[bytes], mtime_ns: int) -> None:
    """Writes a whole file, synced, its folder made when missing.

    The time of change is set last: a file with the right one was written to its end.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.utime(path, ns=(mtime_ns, mtime_ns))


def read_all(contents: Iterable[tuple[Entry, Iterable[bytes]]], progress: Progress) -> None:
    """Reads files to their ends, so that each is checked."""
    for _, blocks in contents:
        for _ in progress.through(blocks):
            pass


@contextmanager
def just_written(path: Path) -> Iterator[None]:
    """What is damaged although it was written a moment ago is no fault of the archive's."""
    try:
        yield
    except Damaged as error:
        raise UserError(
            f"{path}: what was written is not what is read back ({error}) Run the same command again; if it ends so "
            "again, the disk or the memory fails."
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A read of `path` that fails is a UserError that names it; FileNotFoundError stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}). Check permissions and disk.") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A write of `path` that fails is a UserError that names it."""
    try:
        yield
    except OSError as error:
        general = UserError(
            f"{path}: cannot be written ({error.strerror or error}). Check the disk, or choose another."
        )
        raise write_problem(error, path) or general from error


def need_room(folder: Path, needed: int) -> None:
    """UserError when the disk of a folder that may not exist yet has less than `needed` bytes free."""
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UserError(f"{folder}: {file_size(needed)} are to be written, and {file_size(free)} are free. Free some.")


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        if (found := file.read(end - start).rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0
