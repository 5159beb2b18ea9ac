"""How the curves are seen: what the keys of the pane change. Pure: it knows no Textual."""

from dataclasses import dataclass, field, replace

from fs2_tui.curves.window import Window
from fs2keras.rundir.curves import Axis

WEIGHTS = (0.0, 0.5, 0.8, 0.9, 0.97, 0.99)
SUITED = ((200, 0.5), (2_000, 0.8), (20_000, 0.9))  # for runs of fewer rows
AXES: tuple[Axis, ...] = ("step", "epoch", "hours")


@dataclass(frozen=True)
class Settings:
    """The highlighted column, smoothing, axes, the part that is shown (`window`) and the crosshair's x (`cross`)."""

    column: str = ""
    weight: float = 0.9
    raw: bool = True
    log: bool = False
    axis: Axis = "step"
    many: bool = False  # all columns of the group, as small charts
    guide: bool = False
    whole: bool = False  # y shows far values too
    window: Window = field(default_factory=Window)
    cross: float | None = None

    def smoother(self, by: int) -> "Settings":
        """The next heavier smoothing, or the next lighter one for `by` below 0."""
        at = WEIGHTS.index(self.weight) + by
        return replace(self, weight=WEIGHTS[min(max(at, 0), len(WEIGHTS) - 1)])

    def next_axis(self) -> Axis:
        return AXES[(AXES.index(self.axis) + 1) % len(AXES)]

    def x_label(self, x: float) -> str:
        """A place on the x axis, for people."""
        return f"{x:,.2f}" if self.axis == "hours" else f"{x:,.0f}"

    def words(self) -> list[tuple[str, str]]:
        """(key, what it is set to) for the header."""
        found = [("[ ]", f"smoothing {self.weight:g}" if self.weight else "no smoothing")]
        found += [("s", "raw" if self.raw else "no raw")] if self.weight else []
        found += [("x", self.axis), ("y", "log" if self.log else "linear")]
        found += [("a", "far values too")] if self.whole else []
        found += [("f", "follow" if self.window.follow else "fixed")]
        return found + ([] if self.window.everything else [("0", "zoomed")])


def suited_weight(rows: int) -> float:
    """A smoothing that calms a run of so many rows without lagging behind it."""
    return next((weight for most, weight in SUITED if rows < most), 0.97)
