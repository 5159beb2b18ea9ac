"""From columns to what a chart draws: a smooth line, and how far the values around it reach."""

from dataclasses import dataclass

import numpy as np

from fs2keras.rundir.table import Table

COLUMNS = 500  # of a chart; more cannot be told apart
_SMOOTHED = 80  # the mean is over this share of a run


@dataclass(frozen=True, eq=False)
class Curve:
    """A line through points. `series` is its colour and dashes; `label` stands in the legend, none when empty.

    `raw`: x, lowest and highest value, drawn faintly behind the line; where these two are the same array, a faint line.
    `dots`: with a mark at each point; `steps`: constant from one point to the next.
    """

    x: np.ndarray
    y: np.ndarray
    series: int = 0
    label: str = ""
    raw: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    dots: bool = False
    steps: bool = False


def finite(table: Table, name: str) -> np.ndarray:
    """The finite values of a column; none where there is no such column."""
    values = np.array(table[name], dtype=float) if name in table else np.empty(0)
    return values[np.isfinite(values)]


def smoothed_over(rows: int) -> int:
    """How many of so many values a smooth line takes the mean of; 1 where there are few."""
    return max(1, rows // _SMOOTHED)


def column(table: Table, name: str, last: float, series: int = 0, label: str = "", raw: bool = True) -> Curve:
    """A column of steps.csv up to step `last`, smoothed."""
    if name not in table:
        return Curve(np.empty(0), np.empty(0), series, label)
    return smoothed(np.array(table["step"]), np.array(table[name], dtype=float), last, series, label, raw)


def smoothed(x: np.ndarray, y: np.ndarray, last: float, series: int = 0, label: str = "", raw: bool = True) -> Curve:
    """Values (n,) at rising x from 0 to `last` as a centred running mean, with their extremes: no spike is lost."""
    mean = running_mean(y, smoothed_over(len(x)))
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), COLUMNS)).astype(int)) if len(x) else []
    return Curve(x[kept], mean[kept], series, label, _raw(x, y, last) if raw else None)


def running_mean(values: np.ndarray, count: int) -> np.ndarray:
    """The mean of the finite ones among the `count` values around each one, NaN where there is none. (n,) -> (n,)"""
    known = np.isfinite(values)
    sums, counts = (np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(known, values, 0.0), known))
    at = np.arange(len(values))
    begin, end = np.maximum(at - count // 2, 0), np.minimum(at - count // 2 + count, len(values))
    there = counts[end] - counts[begin]
    return np.where(there > 0, (sums[end] - sums[begin]) / np.maximum(there, 1), np.nan)


def points(table: Table, name: str, series: int = 0, label: str = "") -> Curve:
    """A column of validation.csv, a dot for each validation; of very many every n-th."""
    if name not in table:
        return Curve(np.empty(0), np.empty(0), series, label)
    stride = max(1, len(table) // COLUMNS)
    x, y = np.array(table["step"])[::-stride][::-1], np.array(table[name], dtype=float)[::-stride][::-1]
    return Curve(x, y, series, label, dots=len(x) <= 60)


def gap(steps: Table, validation: Table, name: str, series: int = 0, label: str = "") -> Curve:
    """By how many per cent a column is higher at each validation than its mean in training since the one before."""
    if name not in steps or name not in validation:
        return Curve(np.empty(0), np.empty(0), series, label)
    x, values = np.array(steps["step"]), np.array(steps[name], dtype=float)
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(values[known])])
    at, measured = np.array(validation["step"]), np.array(validation[name], dtype=float)
    ends = np.searchsorted(x[known], at, "right")
    begins = np.concatenate([[0], ends[:-1]])
    there = (ends > begins) & np.isfinite(measured)
    mean = (sums[ends] - sums[begins])[there] / (ends - begins)[there]
    with np.errstate(all="ignore"):
        found = 100 * (measured[there] - mean) / np.abs(mean)
    return Curve(at[there], np.where(np.isfinite(found), found, np.nan), series, label, dots=len(at) <= 60)


def _raw(x: np.ndarray, y: np.ndarray, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The extremes of the finite values in each of COLUMNS columns of equal width that has any points."""
    if len(x) <= 2 * COLUMNS:
        return x, y, y
    edges = np.searchsorted(x, last * (np.arange(COLUMNS + 1) / COLUMNS))
    edges[-1] = np.searchsorted(x, last, "right")  # a point at the very end belongs to the last column
    filled = np.flatnonzero(edges[1:] > edges[:-1])
    known = np.where(np.isfinite(y), y, np.nan)[: edges[-1]]
    low, high = (extreme.reduceat(known, edges[filled]) for extreme in (np.fmin, np.fmax))
    return (filled + 0.5) * last / COLUMNS, low, high
