"""What the pane shows, from the runs and the settings: the plots, and the words around them. Knows no Textual."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

from fs2_tui.curves import guide, navigation, readout
from fs2_tui.curves.axes import number
from fs2_tui.curves.drawables import Drawable
from fs2_tui.curves.picture import Panel, View, nearest
from fs2_tui.curves.readout import Part
from fs2_tui.curves.run_curves import RunCurves, marker_of
from fs2_tui.curves.settings import Settings
from fs2_tui.look import Look
from fs2keras.rundir.watch import Snapshot


@dataclass(frozen=True)
class Scene:
    """The runs (the main one first, `runs` beside their `snapshots`), the columns to choose from, and the settings."""

    snapshots: Sequence[Snapshot]
    runs: Sequence[RunCurves]
    columns: Sequence[Drawable]
    settings: Settings
    look: Look

    @property
    def chosen(self) -> Drawable | None:
        return next((column for column in self.columns if column.name == self.settings.column), None)

    def shown(self, capacity: int) -> list[Drawable]:
        """The columns that are drawn: the highlighted one, or as many of its group as there is room for."""
        chosen = self.chosen
        if chosen is None or not self.settings.many:
            return [chosen] if chosen else []
        group = [column for column in self.columns if column.group == chosen.group]
        first = group.index(chosen) // capacity * capacity
        return group[first : first + capacity]

    def view(self) -> View:
        settings = self.settings
        return View(
            *navigation.in_view(settings, self.runs),
            x_title=settings.axis,
            x_whole=settings.axis != "hours",
            log=settings.log,
            whole=settings.whole,
            cross=settings.cross,
            cross_label="" if settings.cross is None else settings.x_label(settings.cross),
            unicode=self.look.unicode,
        )

    def panels(self, shown: Sequence[Drawable]) -> list[Panel]:
        return [self._panel(column) for column in shown] or [Panel(message=self._awaited())]

    def _panel(self, column: Drawable) -> Panel:
        settings, among, unicode = self.settings, len(self.runs), self.look.unicode
        title = column.label if settings.many else ""
        if all(run.last(column.name) is None for run in self.runs):
            return Panel(title=title, message=self._awaited())
        curves = [self.runs[0].guide(settings.axis)] if settings.guide and column.name in guide.COLUMNS else []
        for run in reversed(self.runs):  # the main one in front
            curves += run.curves(column.name, settings.axis, settings.raw, among, unicode)
        return Panel(tuple(curves), title, self._value(column), column.name == settings.column)

    def _value(self, column: Drawable) -> str:
        """The main run's value at the crosshair, else its last."""
        run, cross = self.runs[0], self.settings.cross
        if cross is None:
            return number(run.last(column.name))
        values, smoothed = run.values(column.name)
        values = smoothed if len(smoothed) else values
        row = nearest(run.x(self.settings.axis), cross, len(values))
        return "" if row is None else number(values[row])

    def _awaited(self) -> str:
        """What has to happen before there is something to draw."""
        main = self.snapshots[0]
        if len(main.steps):
            return "no numbers in this column yet"
        if main.problem:
            return main.problem
        every = _log_every(main.recipe)
        return f"no steps yet: the first row comes after {every or 'log_every'} steps"

    def head(self, shown: Sequence[Drawable], notes: Sequence[str], width: int, place: bool) -> list[list[Part]]:
        """The lines above the chart. `notes`: what it could not show; `place`: tell the column's place in the list."""
        chosen, main, settings = self.chosen, self.snapshots[0], self.settings
        title: list[Part] = []
        if chosen:
            title.append((chosen.group if settings.many else chosen.label, "title"))
            title += [(f"  {chosen.unit}", "label")] if chosen.unit and not settings.many else []
            if place and not settings.many:
                title.append((f"  {self.columns.index(chosen) + 1} of {len(self.columns)}", "label"))
            group = [column for column in self.columns if column.group == chosen.group]
            if settings.many and len(shown) < len(group):
                first = group.index(shown[0]) + 1
                title.append((f"  {first} to {first + len(shown) - 1} of {len(group)}", "label"))
        said = [] if main.complete else [f"reading {100 * main.share_read:.0f} %"]
        said += [f"{snapshot.rundir.name}: {snapshot.problem}" for snapshot in self.snapshots if snapshot.problem]
        legend = self._legend(shown)
        return readout.head(title, legend, settings.words(), [*said, *notes], self.look.separator, width)

    def _legend(self, shown: Sequence[Drawable]) -> list[Part]:
        look, parts = self.look, []
        line, point, dashes = ("━", "●", "╌╌") if look.unicode else ("*", "o", "--")
        if len(self.runs) > 1:
            for index, snapshot in enumerate(self.snapshots):
                parts.append((f"  {marker_of(index, look.unicode)} {snapshot.rundir.name}", f"run:{index}"))
        elif shown and len(self.runs[0].steps):
            parts.append((f"  {line} train", "run:0"))
            if any(column.name in self.snapshots[0].validation for column in shown):
                parts.append((f"  {point} validation", "run:1"))
        if self.settings.guide and any(column.name in guide.COLUMNS for column in shown):
            parts.append((f"  {dashes} {guide.LABEL}", "label"))
        return parts

    def readout(self, width: int) -> list[list[Part]]:
        """The lines below the chart: the values at the crosshair, or the newest ones."""
        settings, rows = self.settings, []
        for index, (run, snapshot) in enumerate(zip(self.runs, self.snapshots, strict=True)):
            row = readout.row_at(run, settings.axis, settings.cross)
            facts = {} if row is None else readout.facts(run, row, "" if settings.many else settings.column)
            rows.append((marker_of(index, self.look.unicode), snapshot.rundir.name, facts))
        lines = readout.table(rows, width)
        row = readout.row_at(self.runs[0], settings.axis, settings.cross)
        if settings.guide and row is not None:
            lines.append([(readout.guide_sentence(self.runs[0], row, settings.column), "key")])
        return lines


def _log_every(recipe: str) -> int | None:
    """How many steps apart the rows are, from the recipe's text."""
    try:
        return tomllib.loads(recipe).get("train", {}).get("log_every")
    except (tomllib.TOMLDecodeError, AttributeError):
        return None
