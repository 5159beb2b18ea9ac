"""Moving about in the curves: each function gives the settings after a key or the mouse. Pure: it knows no Textual."""

from collections.abc import Sequence
from dataclasses import replace

from fs2_tui.curves.picture import nearest
from fs2_tui.curves.run_curves import RunCurves
from fs2_tui.curves.settings import Settings
from fs2_tui.curves.window import Window
from fs2keras.rundir.curves import Axis

FEW_ROWS = 4  # the closest zoom shows about so many
NEAR_ZERO = 0.05  # an axis that would begin at less than this share of its end begins at 0


def bounds(runs: Sequence[RunCurves], axis: Axis) -> tuple[float, float]:
    """The whole x axis; 0 to 1 when no run has a row."""
    ends = [(x[0], x[-1]) for run in runs if len(x := run.x(axis))]
    if not ends:
        return 0.0, 1.0
    first, last = min(low for low, _ in ends), max(high for _, high in ends)
    if first <= NEAR_ZERO * last or first == last:
        first = 0.0
    return first, last if last > first else first + 1.0


def in_view(settings: Settings, runs: Sequence[RunCurves]) -> tuple[float, float]:
    """The part of the x axis that is shown."""
    return settings.window.bounds(*bounds(runs, settings.axis))


def over_next_axis(settings: Settings, runs: Sequence[RunCurves]) -> Settings:
    """The same part of the runs, and the crosshair at the same row, over the next x axis."""
    axis = settings.next_axis()
    main = next((run for run in runs if len(run.steps)), None)
    if main is None:
        return replace(settings, axis=axis)

    def moved(x: float) -> float:
        to = main.x(axis)
        return to[nearest(main.x(settings.axis), x, len(to))] if len(to) else 0.0

    cross = None if settings.cross is None else moved(settings.cross)
    window = settings.window
    if not window.everything:
        low, high = map(moved, in_view(settings, runs))
        window = Window(low, high, window.follow) if low < high else Window()
    return replace(settings, axis=axis, cross=cross, window=window)


def zoomed(settings: Settings, runs: Sequence[RunCurves], factor: float, around: float | None = None) -> Settings:
    """Zoomed about an x, the crosshair, the newest row when that is followed, or the middle, whichever is there."""
    first, last = bounds(runs, settings.axis)
    low, high = settings.window.bounds(first, last)
    if around is None:
        around = settings.cross
    if around is None:
        around = high if settings.window.follow else (low + high) / 2
    rows = max((len(run.steps) for run in runs), default=0)
    least = FEW_ROWS * (last - first) / max(rows, 1)
    return replace(settings, window=settings.window.zoomed(factor, around, first, last, least))


def panned(settings: Settings, runs: Sequence[RunCurves], share: float) -> Settings:
    """Moved by this share of what is shown."""
    return replace(settings, window=settings.window.panned(share, *bounds(runs, settings.axis)))


def follow_toggled(settings: Settings, runs: Sequence[RunCurves]) -> Settings:
    window = settings.window
    return replace(settings, window=window.following(not window.follow, *bounds(runs, settings.axis)))


def crosshair(settings: Settings, runs: Sequence[RunCurves], by: float) -> Settings:
    """The crosshair moved by this share of what is shown, at least to the next row of the main run; the window goes
    with it. When there is none in view it appears at the newest row there."""
    main = next((run for run in runs if len(run.x(settings.axis))), None)
    if main is None:
        return settings
    x, (low, high) = main.x(settings.axis), in_view(settings, runs)
    if settings.cross is None or not low <= settings.cross <= high:
        return replace(settings, cross=x[nearest(x, high, len(x))])
    row, to = (nearest(x, at, len(x)) for at in (settings.cross, settings.cross + by * (high - low)))
    if to == row:
        to = min(max(row + (1 if by > 0 else -1), 0), len(x) - 1)
    settings = replace(settings, cross=x[to])
    if low <= x[to] <= high:
        return settings
    return panned(settings, runs, (x[to] - (low if x[to] < low else high)) / (high - low))
