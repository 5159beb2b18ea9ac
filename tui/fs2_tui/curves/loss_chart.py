"""The loss of the runs as one chart without keys, for the overview."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from fs2_tui.curves.chart import Chart
from fs2_tui.curves.drawables import drawables
from fs2_tui.curves.run_curves import RunCurves
from fs2_tui.curves.scene import Scene
from fs2_tui.curves.settings import Settings, suited_weight
from fs2keras.rundir.watch import Snapshot

PORTION, PAUSE_S = 25_000, 0.02  # rows smoothed at a time, so that keys are heard meanwhile


class LossChart(Vertical):
    """Training and validation loss of the watched runs over the steps, smoothed as suits their length."""

    DEFAULT_CSS = "LossChart Chart { height: 1fr; }"

    def compose(self) -> ComposeResult:
        chart = Chart()
        chart.can_focus = False
        yield chart

    def on_mount(self) -> None:
        self._snapshots: Sequence[Snapshot] = ()
        self._runs: list[RunCurves] = []
        self._drawn: list[tuple[str, int, int]] = []  # run, rows and validations of what is drawn

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        known = {before.rundir.path: run for before, run in zip(self._snapshots, self._runs, strict=True)}
        self._runs = [known.get(snapshot.rundir.path) or RunCurves() for snapshot in snapshots]
        self._snapshots = snapshots
        for index, (run, snapshot) in enumerate(zip(self._runs, snapshots, strict=True)):
            run.index = index
            run.show(snapshot.steps, snapshot.validation)
        if self._would_differ():
            self._draw()

    def _would_differ(self) -> bool:
        """Whether enough rows have come to move a dot of the chart; a frame for less would be wasted."""
        now = self._extent()
        dots = 4 * max(1, self.size.width)
        return len(now) != len(self._drawn) or any(
            (path, validations) != (drawn_path, drawn_validations) or not 0 <= rows - drawn_rows <= rows // dots
            for (path, rows, validations), (drawn_path, drawn_rows, drawn_validations) in zip(
                now, self._drawn, strict=True
            )
        )

    def _extent(self) -> list[tuple[str, int, int]]:
        return [(str(s.rundir.path), len(s.steps), len(s.validation)) for s in self._snapshots]

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if not self._snapshots or not self.is_attached:
            return
        weight = suited_weight(len(self._snapshots[0].steps))
        left = PORTION
        for run in self._runs:
            left -= run.advance(["loss"], weight, max(left, 0))
        settings = Settings(column="loss", weight=weight)
        scene = Scene(self._snapshots, self._runs, drawables(self._snapshots), settings, self.app.look)
        self._drawn = self._extent()
        self.query_one(Chart).show(scene.panels(scene.shown(1)), scene.view())
        if left <= 0:
            self.set_timer(PAUSE_S, self._draw)
