"""The curves as a file: svg and png for people, csv for machines."""

import csv
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from fs2_tui.curves.drawables import Drawable, drawables
from fs2_tui.curves.paper import PAPER, Disc, Page, Stroke, Word, lay_out
from fs2_tui.curves.run_curves import Moment, RunCurves
from fs2_tui.curves.settings import suited_weight
from fs2keras.errors import CallError, UserError
from fs2keras.rundir.curves import Axis
from fs2keras.rundir.watch import Snapshot

SHARPER = 3  # a png is drawn so many times as large, then made smaller: smooth lines
FINER = 2  # pixels of the png for each of the page
PROGRESS = "progress"  # the group of columns that the others are drawn over
TIMES = ("epoch", "elapsed_s")


def export(
    snapshots: Sequence[Snapshot], path: str | Path, columns: Sequence[str] | None = None, axis: Axis = "step"
) -> None:
    """Write the curves of these runs to `path`, whose ending says how: svg, png or csv.

    `columns` are names of columns in steps.csv, all but the progress ones if None. CallError for another ending;
    UserError for a column that no run has, when there is nothing to draw yet, or when the file cannot be written.
    """
    path = Path(path)
    write = {".svg": _write_svg, ".png": _write_png, ".csv": _write_csv}.get(path.suffix.lower())
    if write is None:
        raise CallError(f"{path}: unknown ending {path.suffix!r}. Choose a name that ends in .svg, .png or .csv.")
    chosen = _chosen(snapshots, columns)
    runs = [(snapshot.rundir.name, _prepared(index, snapshot, chosen)) for index, snapshot in enumerate(snapshots)]
    try:
        write(path, runs, chosen, axis)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Choose another place.") from error


def _chosen(snapshots: Sequence[Snapshot], names: Sequence[str] | None) -> list[Drawable]:
    known = {column.name: column for column in drawables(snapshots)}
    if not any(len(snapshot.steps) for snapshot in snapshots):
        where = ", ".join(str(snapshot.rundir.steps_csv) for snapshot in snapshots)
        raise UserError(f"{where}: no steps yet, so there are no curves. Export again when training has begun.")
    if names is None:
        return [column for column in known.values() if column.group != PROGRESS]
    if unknown := [name for name in names if name not in known]:
        raise UserError(f"no run has the column {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in names]


def _prepared(index: int, snapshot: Snapshot, columns: Sequence[Drawable]) -> RunCurves:
    run, rows = RunCurves(index), len(snapshot.steps)
    run.show(snapshot.steps, snapshot.validation)
    run.advance([column.name for column in columns], suited_weight(rows), (rows + 1) * len(columns))
    return run


Runs = Sequence[tuple[str, RunCurves]]


def _write_csv(path: Path, runs: Runs, columns: Sequence[Drawable], _axis: Axis) -> None:
    kinds = [f"{column.name}{kind}" for column in columns for kind in ("", " smoothed", " validation")]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "step", *TIMES, *kinds])
        for name, run in runs:
            writer.writerows([name, *cells] for cells in _rows(run, [column.name for column in columns]))


def _rows(run: RunCurves, columns: Sequence[str]) -> Iterator[list[str]]:
    """The cells of each step of a run at which something was measured."""
    steps = {step: row for row, step in enumerate(run.steps["step"])} if len(run.steps) else {}
    validated = {step: row for row, step in enumerate(run.validation["step"])} if len(run.validation) else {}
    for step in sorted({*steps, *validated}):
        row, at = steps.get(step), validated.get(step)
        cells = [f"{step:.0f}", *(_cell(_column(run.steps, time), row) for time in TIMES)]
        for column in columns:
            values, smoothed = run.values(column)
            cells += [_cell(values, row), _cell(smoothed, row), _cell(_column(run.validation, column), at)]
        yield cells


def _column(table: Moment, name: str) -> Sequence[float]:
    if name not in table:
        return ()
    return table[name]


def _cell(values: Sequence[float], row: int | None) -> str:
    if row is None or row >= len(values):
        return ""
    return f"{values[row]:.7g}" if isfinite(values[row]) else str(values[row])


def _write_svg(path: Path, runs: Runs, columns: Sequence[Drawable], axis: Axis) -> None:
    page = lay_out(runs, columns, axis)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{page.width}" height="{page.height}" '
        f'viewBox="0 0 {page.width} {page.height}" font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        *map(_svg, page.shapes),
        "</svg>",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _svg(shape: Stroke | Disc | Word) -> str:
    if isinstance(shape, Stroke):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        return (
            f'<polyline points="{points}" fill="none" stroke="{shape.colour}" stroke-width="{shape.width}" '
            f'stroke-linejoin="round"/>'
        )
    x, y = shape.at
    if isinstance(shape, Disc):
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius}" fill="{shape.colour}"/>'
    weight = ' font-weight="bold"' if shape.bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{shape.size}" text-anchor={quoteattr(shape.anchor)} '
        f'fill="{shape.colour}"{weight}>{escape(shape.text)}</text>'
    )


def _write_png(path: Path, runs: Runs, columns: Sequence[Drawable], axis: Axis) -> None:
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise UserError(f"{path}: a png needs Pillow, which is not installed. Write an .svg instead.") from error
    page = lay_out(runs, columns, axis)
    large = Image.new("RGB", (page.width * SHARPER, page.height * SHARPER), PAPER)
    draw = ImageDraw.Draw(large)
    for shape in page.shapes:
        if isinstance(shape, Stroke):
            points = [(x * SHARPER, y * SHARPER) for x, y in shape.points]
            draw.line(points, fill=shape.colour, width=round(shape.width * SHARPER), joint="curve")
        elif isinstance(shape, Disc):
            draw.circle([at * SHARPER for at in shape.at], shape.radius * SHARPER, fill=shape.colour)
    picture = large.resize((page.width * FINER, page.height * FINER), Image.Resampling.LANCZOS)
    _write_words(picture, page)
    picture.save(path)


def _write_words(picture, page: Page) -> None:
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(picture)
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for shape in page.shapes:
        if isinstance(shape, Word):
            font = ImageFont.load_default(shape.size * FINER)
            at = [coordinate * FINER for coordinate in shape.at]
            stroke = FINER // 2 * 0.5 if shape.bold else 0
            draw.text(at, shape.text, fill=shape.colour, font=font, anchor=anchors[shape.anchor], stroke_width=stroke)
