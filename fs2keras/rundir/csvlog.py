"""Append-only CSV files: a header, then one row a line, each written whole and at once."""

import csv
import io
import operator
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fs2keras.errors import UserError
from fs2keras.rundir.atomic import replacing, write_problem


class CutError(UserError):
    """The file cannot be cut where it was asked: it is shorter, or no line ends there. `cut_after_step` still can."""


class CsvLog:
    """A CSV file open for appending.

    A missing file gets its header; a file with another header is refused; a last line that a killed process left half
    written is removed. Floats are written by repr, so reading gives the same value back; None is an empty cell.
    Cut a file (`cut`, `cut_after_step`) before it is opened here: cutting replaces it.
    """

    def __init__(self, path: str | os.PathLike, columns: Sequence[str]):
        self.path, self.columns = Path(path), tuple(columns)
        header = _line(self.columns)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise write_problem(error, self.path) or error from error
        try:
            self._begin(header)
        except BaseException:
            self.close()
            raise

    def append(self, row: Mapping[str, Any] | Sequence[Any]) -> None:
        """Write one row; a mapping must have exactly the columns as its keys. ValueError otherwise."""
        if isinstance(row, Mapping):
            if row.keys() != set(self.columns):
                raise ValueError(f"{self.path}: columns {set(self.columns) ^ row.keys()} missing or unknown")
            row = [row[column] for column in self.columns]
        if len(row) != len(self.columns):
            raise ValueError(f"{self.path}: {len(row)} cells for {len(self.columns)} columns")
        self._write(_line(row))

    def size(self) -> int:
        """Bytes of the file: an offset to `cut` at later. What was written is on the disk when this returns."""
        os.fsync(self._descriptor)
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "CsvLog":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self, header: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        found = os.pread(self._descriptor, len(header), 0)
        if found == header:
            os.ftruncate(self._descriptor, _end_of_last_line(self._descriptor, size))
        elif size < len(header) and header.startswith(found):  # new, or killed while the header was written
            os.ftruncate(self._descriptor, 0)
            self._write(header)
        else:
            first = os.pread(self._descriptor, 4096, 0).split(b"\n")[0].decode("utf-8", "replace").strip()
            raise UserError(
                f"{self.path}: its columns are {first!r}, expected {','.join(self.columns)!r}. Another version or "
                "model wrote it: start a new run with --set run.name=NAME, or move the file away."
            )

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                os.write(self._descriptor, line[written:])  # the disk is full, and this says so
        except OSError as error:
            os.ftruncate(self._descriptor, size)
            raise write_problem(error, self.path) or error from error


def cut(path: str | os.PathLike, offset: int) -> None:
    """Cut a CSV file, atomically, to its first `offset` bytes. CutError when it is shorter or no line ends there."""
    path = Path(path)
    with open(path, "rb") as file:
        kept = file.read(offset)
        longer = file.read(1) != b""
    if len(kept) < offset:
        raise CutError(f"{path}: has {len(kept)} bytes, expected at least {offset}")
    if not kept.endswith(b"\n"):
        raise CutError(f"{path}: no line ends at byte {offset}")
    if longer:
        _replace(path, kept)


def cut_after_step(path: str | os.PathLike, step: int) -> None:
    """Cut a CSV file, atomically, to the rows whose step is at most `step`; broken lines go too."""
    path = Path(path)
    header, *lines = path.read_bytes().splitlines(keepends=True) or [b""]
    names = _cells(header)
    kept = [header]
    for line in lines:
        cells = _cells(line)
        whole = line.endswith(b"\n") and len(cells) == len(names)
        if whole and cells[names.index("step")].isdecimal() and int(cells[names.index("step")]) <= step:
            kept.append(line)
    if len(kept) < 1 + len(lines):
        _replace(path, b"".join(kept))


def _replace(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_cell(value) for value in cells])
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(value.split()) if not value.isprintable() else value  # one row is one line
    try:
        return str(operator.index(value))  # int, bool, NumPy's integers
    except TypeError:
        return repr(float(value))


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r\n")]), [])


def _end_of_last_line(descriptor: int, size: int) -> int:
    """The offset after the last line end, found from the end of the file."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        if (found := os.pread(descriptor, end - start, start).rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0
