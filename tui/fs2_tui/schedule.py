"""When a running training will reach a step."""

from fs2_tui.words import RUNNING, arrival
from fs2keras.rundir.watch import Snapshot


def is_running(snapshot: Snapshot) -> bool:
    return snapshot.summary.get("state") in RUNNING


def time_of_step(snapshot: Snapshot, step: int) -> float | None:
    """Unix seconds; None when it does not run, is beyond that step, or cannot be told."""
    end, now = arrival(snapshot), snapshot.summary.get("step")
    total = snapshot.summary.get("total_steps")
    if end is None or now is None or not total or not now < step <= total:
        return None
    return snapshot.time + (end[0] - snapshot.time) * (step - now) / (total - now)


def next_step(snapshot: Snapshot, every: int) -> int | None:
    """The next multiple of `every`, or the last step when that comes first; None when no step is left."""
    now, total = snapshot.summary.get("step"), snapshot.summary.get("total_steps")
    if now is None or not total or not every or now >= total:
        return None
    return min(total, (now // every + 1) * every)
