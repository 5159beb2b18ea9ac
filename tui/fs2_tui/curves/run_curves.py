"""The curves of one run as they grow: smoothed and ready to be drawn at any zoom. Pure: it knows no Textual."""

from array import array
from collections.abc import Sequence
from functools import partial

from fs2_tui.curves import guide
from fs2_tui.curves.extremes import Extremes
from fs2_tui.curves.picture import Curve
from fs2keras.rundir.curves import Axis, Smoother, XValues, decimate, x_at
from fs2keras.rundir.table import Table

GUIDE_EVERY = 500  # steps between the points of the reference's line
MARKERS = "●■▲◆○□△◇"  # by run; in ASCII the letters A, B, C, ...


class Moment:
    """A table as it is now: its columns may grow and be cut by who reads the file, these rows stay."""

    def __init__(self, table: Table):
        self._columns = {column: table[column] for column in table.columns}
        self._rows = min(map(len, self._columns.values()), default=0)

    def __len__(self) -> int:
        return self._rows

    def __contains__(self, column: str) -> bool:
        return column in self._columns

    def __getitem__(self, column: str) -> array:
        """The column; it may be longer by now than this moment's rows."""
        return self._columns[column]


class Series:
    """One column of a run, smoothed with one weight (0: not at all). It takes in new rows a portion at a time, so that
    no frame has to wait for a long run."""

    def __init__(self, weight: float):
        self.weight = weight
        self._source: array | None = None
        self._start_over("f")

    def _start_over(self, typecode: str) -> None:
        self.values = array(typecode)
        self.extremes = Extremes()
        self.smooth_with(self.weight)

    def smooth_with(self, weight: float) -> None:
        self.weight = weight
        self.smoothed: Sequence[float] = ()
        self.smooth_extremes = Extremes()
        self._smoother = Smoother(weight) if weight else None

    def take(self, values: array, end: int, most: int) -> int:
        """Take in the rows up to `end`, at most `most` new ones, and return how many that were. When rows taken in
        before have changed (another file, a resume that repeats steps) all begins anew."""
        if not self._goes_on(values):
            self._start_over(values.typecode)
        known, done = len(self.values), len(self.smoothed)
        self.values.extend(values[known : min(end, known + most)])
        self.extremes.extend(self.values, len(self.values))
        if self._smoother and done < len(self.values):
            self.smoothed = self._smoother.update(self.values)
            self.smooth_extremes.extend(self.smoothed, len(self.smoothed))
        return len(self.values) - known

    def _goes_on(self, values: array) -> bool:
        """Whether the rows that were taken in are still these; the same array only ever grows."""
        if values is not self._source:
            known, self._source = len(self.values), values
            return (values.typecode, values[:known].tobytes()) == (self.values.typecode, self.values.tobytes())
        return True


class RunCurves:
    """All that is drawn of one run. `index` is its place among the runs, which gives it its colour and marker."""

    def __init__(self, index: int = 0):
        self.index = index
        self._series: dict[str, Series] = {}
        self._axes: dict[Axis, XValues] = {}
        self.show(Table(), Table())

    def show(self, steps: Table, validation: Table) -> None:
        """The run's tables as they are now."""
        self._logged, self._validated = steps, validation
        self.steps, self.validation = Moment(steps), Moment(validation)

    def advance(self, columns: Sequence[str], weight: float, most: int) -> int:
        """Prepare these columns, smoothed with this weight; returns the rows looked at, `most` where more are left."""
        left = most
        for column in columns:
            if column in self.steps:
                series = self._series.setdefault(column, Series(weight))
                if series.weight != weight and left > 0:
                    series.smooth_with(weight)
                    left -= len(series.values)
                left -= series.take(self.steps[column], len(self.steps), max(left, 0))
        return most - left

    def x(self, axis: Axis) -> Sequence[float]:
        return self._axes.setdefault(axis, XValues(axis)).update(self.steps)

    def x_of(self, steps: Sequence[float], axis: Axis) -> Sequence[float]:
        """Where these steps are on an axis."""
        return steps if axis == "step" else x_at(steps, self.steps["step"], self.x(axis)) if len(self.steps) else ()

    def last(self, column: str) -> float | None:
        """The last value of a column that was logged, else the last one of the validation; None when there is none."""
        return self._logged.last(column) if column in self._logged else self._validated.last(column)

    def values(self, column: str) -> tuple[Sequence[float], Sequence[float]]:
        """The values of a column and, of the same rows, the smoothed ones (none when nothing is smoothed)."""
        series = self._series.get(column)
        return (series.values, series.smoothed) if series else ((), ())

    def curves(self, column: str, axis: Axis, raw: bool, runs: int, unicode: bool) -> tuple[Curve, ...]:
        """What there is to draw of a column, among `runs` runs."""
        found = [*self._training(column, axis, raw, runs, unicode), *self._validation(column, axis, runs, unicode)]
        return tuple(found)

    def _training(self, column: str, axis: Axis, raw: bool, runs: int, unicode: bool) -> list[Curve]:
        series = self._series.get(column)
        if series is None or not len(series.values):
            return []
        x, found = self.x(axis), []
        marker = marker_of(self.index, unicode) if runs > 1 else ""
        if raw or not len(series.smoothed):
            buckets = partial(series.extremes.buckets, x, series.values)
            main = not len(series.smoothed)
            found.append(
                Curve(
                    "raw",
                    self.index,
                    x,
                    series.values,
                    buckets,
                    odd=series.extremes.odd,
                    marker=marker if main else "",
                    sparse=True,
                    glyph="" if not main else line_of(self.index, runs),
                )
            )
        if len(series.smoothed):
            buckets = partial(series.smooth_extremes.buckets, x, series.smoothed)
            odd = () if raw else series.extremes.odd
            found.append(
                Curve(
                    "smooth",
                    self.index,
                    x,
                    series.smoothed,
                    buckets,
                    odd=odd,
                    marker=marker,
                    sparse=True,
                    glyph=line_of(self.index, runs),
                )
            )
        return found

    def _validation(self, column: str, axis: Axis, runs: int, unicode: bool) -> list[Curve]:
        if column not in self.validation or column == "step" or not len(self.validation):
            return []
        x, y = self.x_of(self.validation["step"], axis), self.validation[column]
        marker = marker_of(self.index, unicode) if runs > 1 else ("●" if unicode else "o")
        return [Curve("validation", self.index, x, y, partial(decimate, x, y), marker=marker, glyph=".")]

    def guide(self, axis: Axis) -> Curve:
        """The reference run on this run's axis; on other axes than the steps only as far as this run has come."""
        steps = range(0, guide.LAST_STEP + 1, GUIDE_EVERY)
        if axis != "step":
            last = self.steps["step"][-1] if len(self.steps) else 0
            steps = [step for step in steps if step <= last]
        x = self.x_of(steps, axis)
        y = [guide.reference(step) for step in steps][: len(x)]
        return Curve("guide", 0, x, y, partial(decimate, x, y), glyph="-")


def marker_of(run: int, unicode: bool) -> str:
    """What tells this run from others without colour."""
    return MARKERS[run % len(MARKERS)] if unicode else chr(ord("A") + run % 26)


def line_of(run: int, runs: int) -> str:
    """What its smoothed curve is made of in ASCII."""
    return chr(ord("a") + run % 26) if runs > 1 else "*"
