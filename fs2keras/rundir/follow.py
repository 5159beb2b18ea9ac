"""Reading steps.csv while it grows: its last rows at once, the rest behind, then what is added."""

import csv
import os
import stat
import zlib
from pathlib import Path
from typing import NamedTuple

from fs2keras.rundir.table import Table

BLOCK = 1 << 17  # bytes that are read and parsed at a time: their cells as Python objects take ten times as much
LONGEST_LINE = 1 << 16  # whatever has no line end for so long is no row
CHUNK = 1 << 16  # bytes that a checksum covers, at least
UNDELIVERED = 1 << 20  # NUL bytes so near the end may be data that a network file system has not delivered yet
PATIENCE = 5  # polls that these are waited for


class StepsFollower:
    """Follows a steps.csv that may grow, shrink, be rewritten, replaced or absent, from one `poll` to the next.

    `table` holds all rows read so far, but until the file has been read once only its last `tail_rows` rows and what
    was added since. `complete` says whether the last poll reached the end of the file, `share_read` how much of it has
    been read (0 to 1), `skipped` how many lines were broken: of another width, or without a step. `problem` is a
    sentence when something cannot be read, else empty.
    """

    def __init__(self, path: str | os.PathLike, tail_rows: int = 2000):
        self.path, self.tail_rows = Path(path), tail_rows
        self.table = Table()
        self._start_over()

    def poll(self, max_bytes: int = 1 << 20) -> bool:
        """Read on, about `max_bytes` at most; True when the table changed.

        Of a larger file the first poll reads the tail alone. What was read before is checked as well, and read again
        from about where it has changed.
        """
        version = self.table.version
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would block
        except FileNotFoundError:
            self._start_over()
        except OSError as error:
            self.problem = f"{self.path}: cannot be opened ({error.strerror}). Check the path and its permissions."
        else:
            try:
                self._read(descriptor, max_bytes)
            except OSError as error:
                self.problem = f"{self.path}: cannot be read ({error.strerror}). The rows read before it are shown."
            finally:
                os.close(descriptor)
        return self.table.version != version

    def _start_over(self, problem: str = "") -> None:
        if self.table.columns:
            self.table = Table()
        self.complete, self.share_read, self.skipped, self.problem = True, 1.0, 0, problem
        self._identity: tuple[int, int] | None = None
        self._header = b""
        self._whole: _Reader | None = None  # reads from the first row on
        self._tail: _Reader | None = None  # reads from near the end on, until the other has come to it

    def _read(self, descriptor: int, max_bytes: int) -> None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            self._start_over(f"{self.path}: is not a file. The CSV of a run's steps was expected there.")
            return
        identity = (status.st_dev, status.st_ino)
        if (self._identity != identity or not self._is_as_it_was(descriptor)) and not self._keep_beginning(descriptor):
            self._start_over()
        self._identity = identity
        self.problem = ""
        if self._whole is None and not self._begin(descriptor, status.st_size, max_bytes):
            return
        self._read_rows(descriptor, status.st_size, max_bytes)

    def _is_as_it_was(self, descriptor: int) -> bool:
        readers = [reader for reader in (self._whole, self._tail) if reader]
        return self._has_header(descriptor) and all(reader.seen.is_still_in(descriptor) for reader in readers)

    def _keep_beginning(self, descriptor: int) -> bool:
        """After a change, as by a resume: keep the rows before it; False when everything is to be read again."""
        filled = self._whole is not None and self._tail is None
        return filled and self._has_header(descriptor) and self._whole.go_back(descriptor)

    def _has_header(self, descriptor: int) -> bool:
        return os.pread(descriptor, len(self._header), 0) == self._header

    def _begin(self, descriptor: int, size: int, max_bytes: int) -> bool:
        """Read the header; False when there is none yet, or another than that of a table of steps."""
        first = os.pread(descriptor, LONGEST_LINE, 0)
        end = first.find(b"\n") + 1
        if not end and len(first) < LONGEST_LINE:
            return False  # still being written
        columns = _names(first[:end])
        if "step" not in columns:
            self.problem = f"{self.path}: is not the steps.csv of a run: its first line names no column step."
            return False
        if len(set(columns)) < len(columns):
            self.problem = f"{self.path}: cannot be drawn: its first line names a column twice."
            return False
        self._header = first[:end]
        self._whole = _Reader(columns, end)
        if size - end > max_bytes:
            start = _start_of_tail(descriptor, end, size, self.tail_rows, max_bytes)
            self._tail = None if start is None else _Reader(columns, start)
        return True

    def _read_rows(self, descriptor: int, size: int, max_bytes: int) -> None:
        first = self._tail is not None and self.table is not self._tail.table
        if self._tail:
            self._tail.read_on(descriptor, size, max_bytes)
        self.complete = not first and self._whole.read_on(descriptor, size, max_bytes)
        if self.complete:
            self._tail = None
        shown = self._tail or self._whole
        self.table, self.skipped = shown.table, shown.skipped
        self.share_read = 1.0 if self.complete else min(1.0, self._whole.offset / size)


class _Reader:
    """Reads whole lines from an offset on into a table of its own."""

    def __init__(self, columns: tuple[str, ...], offset: int):
        self.table, self.offset, self.skipped = Table(columns), offset, 0
        self.seen = _Seen(offset)
        self._waited = 0  # polls, for the NUL bytes in the next line
        self._in_long_line = False

    def read_on(self, descriptor: int, size: int, max_bytes: int) -> bool:
        """Read about `max_bytes`, at least a block; True when that is all that the file's `size` bytes hold now."""
        end = self.offset + max_bytes
        while True:
            data = os.pread(descriptor, BLOCK, self.offset)
            last = self.offset + len(data) >= size
            if not self._take(data, size) or last:
                return True
            if self.offset >= end:
                return False

    def go_back(self, descriptor: int) -> bool:
        """Go back to before the first change of what was read; False when that cannot be done."""
        chunk = self.seen.forget_changed(descriptor)
        if chunk is None:
            return True
        if not chunk.rows:
            return False
        if chunk.rows < len(self.table):
            self.table.cut_from(self.table["step"][chunk.rows])
        self.offset, self.skipped = chunk.start, chunk.skipped
        self._waited, self._in_long_line = 0, False
        return True

    def _take(self, data: bytes, size: int) -> bool:
        """Use the whole lines at the beginning of `data`; False when there are none that can be used yet."""
        rows, skipped, steps = None if self._in_long_line else len(self.table), self.skipped, self.table["step"]
        nul = data.find(b"\0")
        if nul >= 0 and self._waited < PATIENCE and self.offset + nul >= size - UNDELIVERED:
            self._waited += 1
            data = data[: data.rfind(b"\n", 0, nul) + 1]
        if self._in_long_line:
            end = data.find(b"\n") + 1
            self._in_long_line = not end
            self.skipped += not self._in_long_line
            data = data[: end or None]
        elif end := data.rfind(b"\n") + 1:
            data = data[:end]
            self.skipped += self.table.extend_lines(data)
        elif len(data) >= LONGEST_LINE:
            self._in_long_line = True
        else:
            return False
        if not data:
            return False
        if self.table["step"] is not steps:  # rows were replaced: there is no way back to before
            self.seen.forget_rows()
            rows = None
        self.seen.add(data, rows, skipped)
        self.offset += len(data)
        self._waited = 0
        return True


class _Chunk(NamedTuple):
    """Bytes that were read. `rows` and `skipped` are how many there were before them, None when that is not known."""

    start: int
    length: int
    checksum: int
    rows: int | None
    skipped: int


class _Seen:
    """Checksums of the bytes that were read, in order, to notice when these are changed later."""

    def __init__(self, offset: int):
        self._chunks = [_Chunk(offset, 0, 0, 0, 0)]
        self._turn = 0

    def add(self, data: bytes, rows: int | None, skipped: int) -> None:
        last = self._chunks[-1]
        if last.length < CHUNK:
            self._chunks[-1] = last._replace(length=last.length + len(data), checksum=zlib.crc32(data, last.checksum))
        else:
            self._chunks.append(_Chunk(last.start + last.length, len(data), zlib.crc32(data), rows, skipped))

    def is_still_in(self, descriptor: int) -> bool:
        """Whether the last bytes are still there, and one earlier chunk: another one each time."""
        self._turn = (self._turn + 1) % len(self._chunks)
        return all(_is_in(descriptor, chunk) for chunk in {self._chunks[-1], self._chunks[self._turn]})

    def forget_changed(self, descriptor: int) -> _Chunk | None:
        """Forget the first chunk that is not there any more and all after it, and return it; None when all are."""
        for at, chunk in enumerate(self._chunks):
            if not _is_in(descriptor, chunk):
                self._chunks[at:] = [_Chunk(chunk.start, 0, 0, chunk.rows, chunk.skipped)]
                return chunk
        return None

    def forget_rows(self) -> None:
        self._chunks = [chunk._replace(rows=None) for chunk in self._chunks]


def _is_in(descriptor: int, chunk: _Chunk) -> bool:
    return zlib.crc32(os.pread(descriptor, chunk.length, chunk.start)) == chunk.checksum


def _names(header: bytes) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader([header.decode("utf-8-sig", "replace").rstrip("\r\n")]), []))
    except csv.Error:
        return ()


def _start_of_tail(descriptor: int, first: int, size: int, rows: int, max_bytes: int) -> int | None:
    """The offset where the last `rows` lines begin, or those in about the last `max_bytes` bytes; None without any."""
    data, start = b"", size
    while start > first and data.count(b"\n") <= rows and len(data) < max_bytes:
        length = min(CHUNK, start - first)
        start -= length
        data = os.pread(descriptor, length, start) + data
    *lines, unfinished = data.split(b"\n")
    lines = lines[start > first :]  # the first one began somewhere before
    return start + len(data) - len(unfinished) - sum(len(line) + 1 for line in lines[-rows:]) if lines else None
