"""Curves and marks on the canvas of one plot. Pure: it knows no Textual."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from math import ceil, isfinite

from fs2_tui.curves.axes import number
from fs2_tui.curves.canvas import Canvas
from fs2_tui.curves.picture import LEVELS, Curve, Ink, Picture, View, nearest
from fs2keras.rundir.curves import Bucket

APART = 3, 8  # characters between the markers of a curve's points, and where these lie closer
FAR_APART = 24  # characters between the markers that tell runs apart
DASHES = {"guide": (3, 6), "validation": (1, 2)}  # columns drawn, of so many: told apart even without colour
MARKED = 6  # rows: in a lower plot there is no room for a marker at every point
MOST_MARKS = 2000


class Drawing:
    """Puts curves and marks on the canvas of one plot, and remembers what it had to leave out."""

    def __init__(self, picture: Picture, view: View):
        self.picture, self.view = picture, view
        self.canvas = Canvas(picture.width, picture.height, view.unicode)
        self._highest: tuple[float, float] | None = None  # value, x
        self._lowest: tuple[float, float] | None = None
        self._odd, self._first_odd = 0, 0.0
        self._not_positive = False

    def grid(self, rows: Iterable[int]) -> None:
        for row in rows:
            for column in range(1, self.canvas.width, 2):
                self.canvas.under(column, row, self.view.glyphs.grid, Ink("grid"))

    def curve(self, curve: Curve, buckets: list[Bucket]) -> None:
        if self.view.log:
            buckets = [positive for bucket in buckets if (positive := self._positive(curve, bucket))]
        layer = self.canvas.layer(curve.ink, LEVELS[curve.kind], curve.glyph)
        previous = None
        for bucket in self._with_neighbours(curve, buckets):
            layer.span(bucket.column, self._down(bucket.low), self._down(bucket.high))
            if previous:
                layer.line(previous.column, self._down(previous.last), bucket.column, self._down(bucket.first))
            previous = bucket
        marked = bool(curve.marker) and (curve.sparse or self.canvas.height >= MARKED)
        if curve.kind == "guide" or (marked and curve.kind in DASHES):
            on, every = DASHES[curve.kind]
            layer.columns = [dots if column % every < on else 0 for column, dots in enumerate(layer.columns)]
        if marked and buckets:
            self._markers(curve, buckets)
        self._beyond(curve, buckets)
        self._mark_odd(curve)

    def cross(self, curves: Sequence[Curve]) -> None:
        """The crosshair, with a ring where it meets each run's main curve."""
        x, picture = self.view.cross, self.picture
        if x is None or not self.view.x_min <= x <= self.view.x_max:
            return
        column = picture.column(x)
        layer = self.canvas.layer(Ink("cross"), LEVELS["cross"], self.view.glyphs.wall)
        layer.span(column * self.canvas.across, 0, self.canvas.dot_rows)
        smooth = [curve for curve in curves if curve.kind == "smooth"]
        for curve in smooth or [curve for curve in curves if curve.kind == "raw"]:
            row = nearest(curve.x, x, curve.rows)
            if row is not None and self._can_place(curve.y[row]):
                self.canvas.over(column, picture.row(curve.y[row]), self.view.glyphs.cross, Ink("ring", curve.run))

    def notes(self) -> tuple[str, ...]:
        """Sentences about the values that are in view but not drawn where they belong."""
        glyphs, found = self.view.glyphs, []
        if self._highest:
            found.append(f"{glyphs.above} up to {number(self._highest[0])} at {self._place(self._highest[1])}")
        if self._lowest:
            found.append(f"{glyphs.below} down to {number(self._lowest[0])} at {self._place(self._lowest[1])}")
        if self._odd:
            rows = "1 row" if self._odd == 1 else f"{self._odd:,} rows"
            found.append(f"{glyphs.odd} {rows} without a number, the first at {self._place(self._first_odd)}")
        if self._not_positive:
            found.append("values of 0 or less have no place on a log axis")
        return tuple(found)

    def _place(self, x: float) -> str:
        return f"{self.view.x_title} {x:,.0f}" if self.view.x_whole else f"{x:,.2f} {self.view.x_title}"

    def _down(self, value: float) -> float:
        """How many dots below the top a value is."""
        return (1 - self.picture.y.place(value)) * self.canvas.dot_rows - 0.5

    def _can_place(self, value: float) -> bool:
        return isfinite(value) and (value > 0 or not self.view.log)

    def _rows_of(self, curve: Curve, column: int) -> tuple[int, int]:
        """The rows of the curve in one dot column."""
        width = (self.view.x_max - self.view.x_min) / self.canvas.dot_columns
        low = self.view.x_min + column * width
        return bisect_left(curve.x, low, 0, curve.rows), bisect_right(curve.x, low + width, 0, curve.rows)

    def _positive(self, curve: Curve, bucket: Bucket) -> Bucket | None:
        """What a bucket holds for a log axis."""
        if bucket.low > 0:
            return bucket
        self._not_positive = True
        first, end = self._rows_of(curve, bucket.column)
        values = [value for value in curve.y[first:end] if value > 0 and isfinite(value)]
        return Bucket(bucket.column, values[0], min(values), max(values), values[-1]) if values else None

    def _with_neighbours(self, curve: Curve, buckets: list[Bucket]) -> list[Bucket]:
        """With the points just outside, so that the line goes on to the edges of the plot."""
        found, dots = list(buckets), self.canvas.dot_columns
        before, after = curve.neighbours(self.view.x_min, self.view.x_max)
        if before and self._can_place(before[1]):
            found.insert(0, Bucket(min(int(self.picture.x.place(before[0]) * dots), -1), *[before[1]] * 4))
        if after and self._can_place(after[1]):
            found.append(Bucket(max(int(self.picture.x.place(after[0]) * dots), dots), *[after[1]] * 4))
        return found

    def _markers(self, curve: Curve, buckets: list[Bucket]) -> None:
        if curve.sparse:
            every, due = FAR_APART, 5 + 7 * curve.run % FAR_APART
        else:
            room = (buckets[-1].column - buckets[0].column) / self.canvas.across / max(len(buckets) - 1, 1)
            every, due = APART[room < APART[0]], 0
        for bucket in buckets:
            column = bucket.column // self.canvas.across
            if column >= due:
                due = column + every
                if 0 <= self.picture.y.place(bucket.last) <= 1:
                    self.canvas.over(column, self.picture.row(bucket.last), curve.marker, curve.ink)

    def _beyond(self, curve: Curve, buckets: list[Bucket]) -> None:
        """Marks at the edge above or below which a curve goes on."""
        y, glyphs, ink = self.picture.y, self.view.glyphs, Ink("mark", curve.run)
        above = [bucket for bucket in buckets if bucket.high > y.high]
        below = [bucket for bucket in buckets if bucket.low < y.low]
        for bucket in above:
            self.canvas.over(bucket.column // self.canvas.across, 0, glyphs.above, ink)
        for bucket in below:
            self.canvas.over(bucket.column // self.canvas.across, self.canvas.height - 1, glyphs.below, ink)
        if above:
            highest = max(above, key=lambda bucket: bucket.high)
            if not self._highest or highest.high > self._highest[0]:
                self._highest = highest.high, self._x_of(curve, highest.column, highest.high)
        if below:
            lowest = min(below, key=lambda bucket: bucket.low)
            if not self._lowest or lowest.low < self._lowest[0]:
                self._lowest = lowest.low, self._x_of(curve, lowest.column, lowest.low)

    def _x_of(self, curve: Curve, column: int, value: float) -> float:
        first, end = self._rows_of(curve, column)
        return next((curve.x[row] for row in range(first, end) if curve.y[row] == value), curve.x[first])

    def _mark_odd(self, curve: Curve) -> None:
        """NaN at the bottom edge, infinity at the edge it lies beyond."""
        if not curve.odd:
            return
        first = bisect_left(curve.x, self.view.x_min, 0, curve.rows)
        end = bisect_right(curve.x, self.view.x_max, 0, curve.rows)
        rows = curve.odd[bisect_left(curve.odd, first) : bisect_left(curve.odd, end)]
        if not rows:
            return
        if not self._odd:
            self._first_odd = curve.x[rows[0]]
        self._odd += len(rows)
        for row in rows[:: ceil(len(rows) / MOST_MARKS)]:
            edge = 0 if curve.y[row] > 0 else self.canvas.height - 1
            self.canvas.over(self.picture.column(curve.x[row]), edge, self.view.glyphs.odd, Ink("odd", curve.run))
