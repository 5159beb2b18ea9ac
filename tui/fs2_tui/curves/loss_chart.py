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

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        known = {before.rundir.path: run for before, run in zip(self._snapshots, self._runs, strict=True)}
        self._runs = [known.get(snapshot.rundir.path) or RunCurves() for snapshot in snapshots]
        self._snapshots = snapshots
        for index, (run, snapshot) in enumerate(zip(self._runs, snapshots, strict=True)):
            run.index = index
            run.show(snapshot.steps, snapshot.validation)
        self._draw()

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
        self.query_one(Chart).show(scene.panels(scene.shown(1)), scene.view())
        if left <= 0:
            self.set_timer(PAUSE_S, self._draw)
