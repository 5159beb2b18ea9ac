"""The lowest and highest of many rows without looking at each of them, so that a frame costs the same for any run."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf, isfinite

from fs2keras.rundir.curves import Bucket, decimate

BLOCK = 32  # rows
FEW = 2048  # so many rows are looked at one by one


class Extremes:
    """The extremes of each block of rows of a column that grows. `odd` lists the rows that hold no finite number."""

    def __init__(self) -> None:
        self.rows = 0  # taken in so far
        self.odd = array("q")
        self._lows, self._highs = array("d"), array("d")

    def extend(self, values: Sequence[float], end: int) -> None:
        """Take in the rows up to `end`; those before have not changed since."""
        for start in range(self.rows, end, BLOCK):
            part = values[start : min(start + BLOCK, end)]
            if not isfinite(sum(part)):
                self.odd.extend(start + row for row, value in enumerate(part) if not isfinite(value))
        self.rows = end
        for start in range(len(self._lows) * BLOCK, end - BLOCK + 1, BLOCK):
            finite = self._finite(values, start, start + BLOCK)
            self._lows.append(min(finite, default=inf))
            self._highs.append(max(finite, default=-inf))

    def buckets(
        self, x: Sequence[float], values: Sequence[float], x_min: float, x_max: float, columns: int
    ) -> list[Bucket]:
        """What `decimate` gives for the rows taken in, at a cost that hardly depends on how many there are."""
        rows = min(self.rows, len(x))
        first, end = bisect_left(x, x_min, 0, rows), bisect_right(x, x_max, 0, rows)
        if end - first <= FEW or not x_max > x_min:
            return decimate(x[first:end], values[first:end], x_min, x_max, columns)
        found = []
        span = x_max - x_min
        for column in range(columns):
            last = column == columns - 1
            after = end if last else bisect_left(x, x_min + span * ((column + 1) / columns), first, end)
            if after > first and (bucket := self._bucket(values, first, after, column)):
                found.append(bucket)
            first = after
        return found

    def _bucket(self, values: Sequence[float], first: int, end: int, column: int) -> Bucket | None:
        whole, after = -(-first // BLOCK), min(end // BLOCK, len(self._lows))
        if whole >= after:
            finite = self._finite(values, first, end)
            return Bucket(column, finite[0], min(finite), max(finite), finite[-1]) if len(finite) else None
        left, right = self._finite(values, first, whole * BLOCK), self._finite(values, after * BLOCK, end)
        low = min(min(self._lows[whole:after]), min(left, default=inf), min(right, default=inf))
        high = max(max(self._highs[whole:after]), max(left, default=-inf), max(right, default=-inf))
        if low > high:
            return None
        return Bucket(column, self._next(values, first, 1), low, high, self._next(values, end - 1, -1))

    def _finite(self, values: Sequence[float], first: int, end: int) -> Sequence[float]:
        part = values[first:end]
        if bisect_left(self.odd, first) == bisect_left(self.odd, end):
            return part
        return [value for value in part if isfinite(value)]

    def _next(self, values: Sequence[float], row: int, direction: int) -> float:
        while not isfinite(values[row]):
            row += direction
        return values[row]
