"""Times and numbers as people say them."""

from datetime import datetime

from fs2_tui.look import Look
from fs2keras.rundir import clock
from fs2keras.rundir.statistics import duration
from fs2keras.rundir.watch import Snapshot

RUNNING = ("starting", "training", "validating", "saving")


def clock_time(time: float, beside: float | None = None) -> str:
    """Unix seconds as a local time of day; with the day when it is not the day of `beside`."""
    local = datetime.fromtimestamp(time)
    if beside is not None and local.date() != datetime.fromtimestamp(beside).date():
        return local.strftime("%a %d %b %H:%M")
    return local.strftime("%H:%M" if beside is not None else "%H:%M:%S")


def arrival(snapshot: Snapshot) -> tuple[float, float, float] | None:
    """When training will end: expected, earliest, latest (Unix seconds). None when it does not run, or not known."""
    if snapshot.eta is None or snapshot.summary.get("state") not in RUNNING:
        return None
    since = seconds_since_last_row(snapshot)
    base = snapshot.time - since
    return tuple(max(snapshot.time, base + left) for left in snapshot.eta)


def seconds_since_last_row(snapshot: Snapshot) -> float:
    """How long ago the last row of steps.csv was written, 0 when that is not known."""
    try:
        return max(0.0, snapshot.time - snapshot.rundir.steps_csv.stat().st_mtime)
    except OSError:
        return 0.0


def eta_text(snapshot: Snapshot, look: Look) -> str:
    """For example "Tue 24 Nov 03:10 (01:50-05:20)", or how long a finished run took; "" when nothing is known."""
    if snapshot.summary.get("state") == "finished" and snapshot.summary.get("elapsed_s") is not None:
        return f"in {duration(snapshot.summary['elapsed_s'])}"
    times = arrival(snapshot)
    if times is None:
        return ""
    expected, earliest, latest = times
    dash = "–" if look.unicode else "-"
    low, high = clock_time(earliest, expected), clock_time(latest, expected)
    return (
        f"{clock_time(expected, snapshot.time)} ({low}{dash}{high})"
        if low != high
        else clock_time(expected, snapshot.time)
    )


def age(time: str | None) -> str:
    """How long ago a time of the run's files was, in words."""
    seconds = clock.seconds_since(time) if time else None
    return "" if seconds is None else f"{duration(max(0.0, seconds))} ago"


def number(value: float | None) -> str:
    """A loss or rate with four significant digits."""
    return "" if value is None else f"{value:.4g}"
