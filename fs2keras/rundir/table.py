"""Numeric columns of a CSV in little memory: what the curves are drawn from."""

import csv
import itertools
import math
import operator
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from fs2keras.rundir.columns import TEXT_COLUMNS
from fs2keras.rundir.tail import Rows

_DOUBLE = frozenset({"step", "epoch", "elapsed_s"})  # the others are measurements: float32 holds what they mean
_versions = itertools.count(1)


class Table:
    """Numeric columns of a CSV, one array a column; an empty or non-numeric cell is NaN.

    The steps rise strictly: a row whose step is not beyond the last one takes the place of the rows from that step on,
    as after a resume. `columns` are their names, in the file's order. No two contents, of this table or another, have
    the same `version`, and a later one has a higher number.

    One thread may add rows while others read: the array of a column only ever grows, `step` last; a cut puts new arrays
    in place of the old ones. Whoever holds an array may see it longer than `len(table)`, never changed. Do not keep a
    memoryview of one: an array that is looked at so cannot grow.
    """

    def __init__(self, columns: Iterable[str] = ()):
        self.columns = tuple(columns)
        if self.columns and "step" not in self.columns:
            raise ValueError(f"a table needs the column step, these are {', '.join(self.columns)}")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"a column is there twice: {', '.join(self.columns)}")
        self.version = next(_versions)
        self._arrays = {column: array("d" if column in _DOUBLE else "f") for column in self.columns}
        self._last: dict[str, tuple[array, int, float | None]] = {}

    @classmethod
    def from_rows(cls, rows: Rows) -> "Table":
        """The rows of `read_rows`, text columns left out. Rows without a step are too, and a file without such a
        column makes an empty table."""
        if "step" not in rows.columns:
            return cls()
        table = cls(column for column in rows.columns if column not in TEXT_COLUMNS)
        at = table.columns.index("step")
        numbers = ([_number(row[column]) for column in table.columns] for row in rows)
        table.extend([cell for cells in numbers if math.isfinite(cells[at]) for cell in cells])
        return table

    def __len__(self) -> int:
        return len(self._arrays["step"]) if self.columns else 0

    def __contains__(self, column: str) -> bool:
        return column in self._arrays

    def __getitem__(self, column: str) -> array:
        return self._arrays[column]

    def last(self, column: str) -> float | None:
        """The last finite value; None when there is none, or no such column."""
        if column not in self._arrays:
            return None
        values = self._arrays[column]
        of, known, value = self._last.get(column, (values, 0, None))
        if of is not values:
            known, value = 0, None
        end = len(values)
        for i in range(end - 1, known - 1, -1):
            if math.isfinite(values[i]):
                value = values[i]
                break
        self._last[column] = values, end, value
        return value

    def extend(self, cells: Sequence[float]) -> None:
        """Add rows, given cell by cell and row by row. Their steps must be finite; a step that repeats replaces."""
        width, at = len(self.columns), self.columns.index("step")
        cells = list(cells)
        if not cells:
            return
        steps = cells[at::width]
        if not all(map(operator.lt, steps, steps[1:])):
            cells = _rising(cells, steps, width)
        self.cut_from(cells[at])
        for i, column in enumerate(self.columns):
            if column != "step":
                self._arrays[column].fromlist(cells[i::width])
        self._arrays["step"].fromlist(cells[at::width])  # last: len(self) rows are whole at any time
        self.version = next(_versions)

    def extend_lines(self, data: bytes) -> int:
        """Add the rows of whole CSV lines and return how many lines are broken: of another width, or without a step."""
        text = data.decode("utf-8", "replace")
        cells = self._parse_block(text)
        if cells is not None:
            self.extend(cells)
            return 0
        lines = text.split("\n")[:-1]
        rows = [cells for line in lines if (cells := self._parse_line(line)) is not None]
        self.extend(list(itertools.chain.from_iterable(rows)))
        return len(lines) - len(rows)

    def cut_from(self, step: float) -> None:
        """Drop the rows from this step on, as a resume does that repeats them."""
        kept = bisect_left(self._arrays["step"], step)
        if kept < len(self):
            self._arrays = {column: values[:kept] for column, values in self._arrays.items()}
            self.version = next(_versions)

    def _parse_block(self, text: str) -> list[float] | None:
        """All cells of a block of lines at once; None when a line in it needs a closer look."""
        width = len(self.columns)
        cells = text.replace("\n", ",\n").split(",")  # the first cell of each line but the first begins with its end
        cells.pop()  # the end of the last line
        firsts = "".join(cells[::width]).count("\n")
        if len(cells) != width * (firsts + 1) or firsts + 1 != text.count("\n"):
            return None
        try:
            numbers = list(map(float, cells))
        except ValueError:
            try:
                numbers = [float(cell) if cell.strip() else math.nan for cell in cells]
            except ValueError:
                return None
        return numbers if all(map(math.isfinite, numbers[self.columns.index("step") :: width])) else None

    def _parse_line(self, line: str) -> list[float] | None:
        try:
            cells = next(csv.reader([line]), [])
        except csv.Error:
            return None
        if len(cells) != len(self.columns) or "\0" in line:
            return None
        numbers = [_number(cell) for cell in cells]
        return numbers if math.isfinite(numbers[self.columns.index("step")]) else None


def _number(cell: object) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _rising(cells: list[float], steps: list[float], width: int) -> list[float]:
    """The rows that are left when each one takes the place of those before it from its step on."""
    kept: list[int] = []
    for row, step in enumerate(steps):
        while kept and steps[kept[-1]] >= step:
            kept.pop()
        kept.append(row)
    return [cell for row in kept for cell in cells[row * width : (row + 1) * width]]
