"""Reading the CSV files of a run that may be writing them at this moment."""

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fs2keras.rundir.columns import TEXT_COLUMNS

_WHOLE = re.compile(r"-?\d+")
_BLOCK = 65536
# What a reader relies on; a file without these columns is not ours, whatever its name. Every file has a step.
_NEEDED = {"events.csv": {"time", "event"}, "process.csv": {"time", "activity"}}


class Rows(list):
    """The rows, each a dict of int, float, str or None (empty cell); `columns` from the header; `skipped` broken lines.

    A line is broken when it has another number of cells, or no whole number as its step; in a file without the columns
    that it should have, all are. A last line without its line end is still being written: it is left out, not counted.
    """

    def __init__(self, rows: Iterable[dict[str, Any]] = (), columns: tuple[str, ...] = (), skipped: int = 0):
        super().__init__(rows)
        self.columns, self.skipped = columns, skipped


def read_rows(path: str | os.PathLike) -> Rows:
    """All rows of a CSV file; none when there is no such file yet."""
    if not Path(path).is_file():
        return Rows()
    data = Path(path).read_bytes()
    header, *lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1] or [b""]
    return _parse(Path(path).name, header, lines)


def read_last_rows(path: str | os.PathLike, n: int) -> Rows:
    """The last `n` rows, read from the end of the file: as fast for a long run as for a short one."""
    if not Path(path).is_file():
        return Rows()
    with open(path, "rb") as file:
        header = file.readline()
        if not header.endswith(b"\n"):
            return Rows()
        first = file.tell()
        start = file.seek(0, os.SEEK_END)
        data = b""
        while start > first and data.count(b"\n") <= n + 1:
            size = min(_BLOCK, start - first)
            start -= size
            file.seek(start)
            data = file.read(size) + data
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
    if start > first:
        lines = lines[1:]  # the block began somewhere inside it
    return _parse(Path(path).name, header.rstrip(b"\n"), lines[-n:] if n > 0 else [])


def _parse(name: str, header: bytes, lines: list[bytes]) -> Rows:
    columns = tuple(_split(header))
    if len(set(columns)) < len(columns):  # a column that is there twice means nothing
        return Rows((), (), len(lines))
    if not {"step"} | _NEEDED.get(name, set()) <= set(columns):
        return Rows((), columns, len(lines))
    rows, skipped = [], 0
    for line in lines:
        cells = _split(line)
        if len(cells) != len(columns):
            skipped += 1
            continue
        row = {column: _value(column, cell) for column, cell in zip(columns, cells, strict=True)}
        if isinstance(row["step"], int):
            rows.append(row)
        else:
            skipped += 1
    return Rows(rows, columns, skipped)


def _split(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r")]), [])
    except csv.Error:  # not a line of this file: a block of zeros after a power cut, say
        return []


def _value(column: str, cell: str) -> int | float | str | None:
    if column in TEXT_COLUMNS:
        return cell
    if cell == "":
        return None
    try:
        return int(cell) if _WHOLE.fullmatch(cell) else float(cell)  # int refuses thousands of digits
    except ValueError:
        return cell
