"""One plot as lines of text: title, axes, grid, curves. Pure: it knows no Textual and reads nothing."""

from fs2_tui.curves.axes import Bounds, Scale, fitted, labels, reach
from fs2_tui.curves.canvas import stretches
from fs2_tui.curves.drawing import Drawing
from fs2_tui.curves.picture import Curve, Ink, Line, Panel, Picture, View
from fs2keras.rundir.curves import Bucket

LABELS_WIDTH = 5  # characters kept for the labels of y; more when they need more
LEAST_PLOT = 10  # characters kept for the plot itself
SHORT = 56  # a plot narrower than this writes 12k for 12,000
FRAMED = 12  # rows from which on there is room for a line between the plot and its labels


def draw(panel: Panel, view: View, width: int, height: int) -> Picture:
    """The plot in `width` x `height` characters; every line is exactly `width` long."""
    head = [_title(panel, view, width)] if panel.title else []
    rows = height - len(head)
    if panel.message or not panel.curves or width < 20 or rows < 4:
        return Picture(head + _message(panel.message or "no room", width, rows))
    framed = rows >= FRAMED
    picture, found, at_rows = _measure(panel, view, width, rows - 1 - framed)
    picture.top = len(head)
    drawing = Drawing(picture, view)
    drawing.grid(at_rows)
    for curve, buckets in found:
        drawing.curve(curve, buckets)
    drawing.cross([curve for curve, _ in found])
    sides = (_side(at_rows.get(row, ""), row in at_rows, picture.left, view) for row in range(picture.height))
    body = [[side, *line] for side, line in zip(sides, drawing.canvas.rows(), strict=True)]
    picture.lines = [*head, *body, *_x_axis(picture, view, framed)]
    picture.notes = drawing.notes()
    return picture


def _measure(panel: Panel, view: View, width: int, rows: int) -> tuple[Picture, list, dict[int, str]]:
    """The axes, the buckets of each curve, and the labels of y by row."""
    left = LABELS_WIDTH + 2
    while True:
        columns = width - left
        dots = columns * (2 if view.unicode else 1)
        found = [(curve, curve.buckets(view.x_min, view.x_max, dots)) for curve in panel.curves]
        y = fitted((_reach(curve, buckets, view) for curve, buckets in found), view.log)
        ticks = y.ticks(max(3, rows // 3))
        texts = labels(ticks, short=width < SHORT)
        needed = max((len(text) for text in texts), default=0) + 2
        if needed <= left:
            break
        if width - needed < LEAST_PLOT:
            ticks = texts = []
            break
        left = needed
    picture = Picture([], left, 0, columns, rows, Scale(view.x_min, view.x_max), y)
    return picture, found, {picture.row(tick): text for tick, text in zip(ticks, texts, strict=True)}


def _reach(curve: Curve, buckets: list[Bucket], view: View) -> Bounds | None:
    lows, highs = [bucket.low for bucket in buckets], [bucket.high for bucket in buckets]
    if not buckets:  # zoomed in between two points: the line from the one to the other is seen
        before, after = curve.neighbours(view.x_min, view.x_max)
        if before is None or after is None:
            return None
        (x, y), (to_x, to_y) = before, after
        lows = highs = [y + (to_y - y) * (at - x) / (to_x - x) for at in (view.x_min, view.x_max)]
    return reach(lows, highs, view.log, view.whole)


def _title(panel: Panel, view: View, width: int) -> Line:
    lead = f"{view.glyphs.selected} " if panel.selected else "  "
    title = (lead + panel.title)[: width - 1]
    value = f"  {panel.value}" if len(title) + len(panel.value) + 2 < width else ""
    rest = " " * (width - len(title) - len(value))
    return [(title, Ink("selected" if panel.selected else "title")), (value, Ink("value")), (rest, None)]


def _message(message: str, width: int, height: int) -> list[Line]:
    words, lines = message.split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) + 5 > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    above = max((height - len(lines)) // 2, 0)
    found: list[Line] = [[(line[:width].center(width), Ink("message"))] for line in lines[:height]]
    blank: Line = [(" " * width, None)]
    return ([blank] * above + found + [blank] * height)[:height]


def _side(text: str, ticked: bool, left: int, view: View) -> tuple[str, Ink]:
    return f"{text:>{left - 1}}{view.glyphs.side if ticked else view.glyphs.wall}", Ink("axis")


def _x_axis(picture: Picture, view: View, framed: bool) -> list[Line]:
    ticks, texts = _x_ticks(picture, view)
    cells: list[tuple[str, Ink | None]] = [(" ", None)] * picture.width
    for tick, text in zip(ticks, texts, strict=True):
        _put(cells, _start(picture, tick, text), text, Ink("axis"))
    if view.cross is not None and view.x_min <= view.cross <= view.x_max:
        label = f" {view.cross_label} "[: picture.width]
        start = _start(picture, view.cross, label)
        _clear(cells, start, start + len(label))
        _put(cells, start, label, Ink("cursor"))
    corner = f"{view.x_title[: picture.left - 2]:>{picture.left - 2}}  ", Ink("x title")
    labelled = [corner, *stretches(cells)]
    if not framed:
        return [labelled]
    line = [view.glyphs.axis] * picture.width
    for tick in ticks:
        line[picture.column(tick)] = view.glyphs.tick
    return [[(" " * (picture.left - 1) + view.glyphs.corner + "".join(line), Ink("axis"))], labelled]


def _put(cells: list[tuple[str, Ink | None]], start: int, text: str, ink: Ink) -> None:
    cells[start : start + len(text)] = [(character, ink) for character in text]


def _clear(cells: list[tuple[str, Ink | None]], start: int, end: int) -> None:
    """Blank these cells and the rest of any word that begins or ends in them."""
    while start > 0 and cells[start - 1][0] != " ":
        start -= 1
    while end < len(cells) and cells[end][0] != " ":
        end += 1
    cells[start:end] = [(" ", None)] * (end - start)


def _x_ticks(picture: Picture, view: View) -> tuple[list[float], list[str]]:
    """As many ticks as their labels leave room for."""
    for most in range(max(picture.width // 7, 2), 0, -1):
        ticks = [tick for tick in picture.x.ticks(most) if not view.x_whole or tick == int(tick)]
        texts = labels(ticks, short=picture.left + picture.width < SHORT)
        starts = [_start(picture, tick, text) for tick, text in zip(ticks, texts, strict=True)]
        ends = [start + len(text) for start, text in zip(starts, texts, strict=True)]
        if all(end + 2 <= start for end, start in zip(ends, starts[1:], strict=False)):
            return ticks, texts
    return [], []


def _start(picture: Picture, x: float, text: str) -> int:
    """Where a text begins so that its middle is at x, within the plot."""
    return max(min(picture.column(x) - (len(text) - 1) // 2, picture.width - len(text)), 0)
