"""What the files of a run say about it: its state, and how that is known."""

from typing import NamedTuple

from fs2keras.rundir import clock, process, record
from fs2keras.rundir.eta import seconds_per_step
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import living_owner, read_owner
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import read_last_rows, read_rows

# What a trainer writes into run.json when it ends; any other status means that it was running.
ENDED = {"finished": "finished", "interrupted": "interrupted", "nan": "nan", "crashed": "crashed", "failed": "crashed"}
ACTIVITIES = {
    "preparing": "starting",
    "starting": "starting",
    "compiling": "starting",
    "validating": "validating",
    "sampling": "validating",
    "saving": "saving",
}
SILENT_S = 60.0  # six missed heartbeats
STUCK_S = 900.0  # no new step while training; also 50 times the usual time of a step
BUSY_S = 7200.0  # longer than any compilation, validation or save


class State(NamedTuple):
    """One of starting training validating saving stalled crashed finished interrupted nan, and how that is known."""

    name: str
    reason: str


def state(rundir: RunDir) -> State:
    """The state of a run, from run.json, the heartbeat and, on the same host, the process itself."""
    fields, owner = record.read(rundir), living_owner(rundir)
    if owner and owner["process_start_time"] != fields.get("process_start_time"):
        return State("starting", "a process owns the run, and has not begun to train")
    if not fields:
        return State("crashed", "there is no run.json: it ended before training began. Run the same command again")
    if ended := ENDED.get(fields.get("status", "")):
        return State(ended, _how_it_ended(rundir, fields["status"]))
    silence = _silence(rundir)
    last = "it left no heartbeat" if silence is None else f"the last heartbeat was {duration(silence)} ago"
    who = f"process {fields.get('pid')}"
    here = fields.get("host") == process.identity()["host"]
    if here and not process.is_alive(fields.get("pid", 0), fields.get("process_start_time")):
        return State("crashed", f"{who} is gone, and {last}. Run the same command again: it goes on from the last save")
    if silence is None:
        return State("starting", f"{who} has begun, and has not trained yet")
    if silence > SILENT_S:
        who += " lives" if here else f" on host {fields.get('host')} cannot be seen from here"
        return State("stalled", f"{who}, but {last}")
    return _by_heartbeat(rundir, silence)


def duration(seconds: float | None) -> str:
    """A span of time as people say it: 42 s, 5 min, 3 h 20 min, 4 d 6 h."""
    if seconds is None:
        return "unknown"
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def _silence(rundir: RunDir) -> float | None:
    """Seconds since the last heartbeat of the process that owns the run now; None when it has given none yet."""
    beats, owner = read_last_rows(rundir.process_csv, 1), read_owner(rundir)
    if not beats or (owner and beats[-1]["time"] < owner["since"]):  # the heartbeat of the process before
        return None
    return clock.seconds_since(beats[-1]["time"])


def _how_it_ended(rundir: RunDir, status: str) -> str:
    if status == "nan":
        bad = [row for row in read_rows(rundir.events_csv) if row["event"] == "nan"]
        where = f" at step {bad[-1]['step']}, in the batch of {bad[-1]['detail']}" if bad else ""
        return f"the gradients became NaN or infinite{where}. The last good state is kept in {rundir.resume}"
    return {
        "finished": "all steps are done",
        "interrupted": "it was asked to stop. Run the same command again: it goes on from the last save",
    }.get(
        status,
        "it ended with an error. Run the same command again: it goes on from the last save, or says what is wrong",
    )


def _by_heartbeat(rundir: RunDir, silence: float) -> State:
    """The state of a run whose heart beats: what it does, and whether it gets anywhere."""
    beats = read_last_rows(rundir.process_csv, 1000)
    last = beats[-1]
    name = ACTIVITIES.get(last["activity"], "training")
    same = last
    for beat in reversed(beats):
        if (beat["step"], beat["activity"]) != (last["step"], last["activity"]):
            break
        same = beat
    since = (clock.seconds_since(same["time"]) or 0.0) - silence
    allowed = BUSY_S
    if name == "training":
        steps = Table.from_rows(read_last_rows(rundir.steps_csv, 50))
        one_step = seconds_per_step(steps["step"], steps["elapsed_s"]) if "elapsed_s" in steps else None
        allowed = max(STUCK_S, 50 * (one_step or 0.0))
    if since > allowed:
        return State(
            "stalled",
            f"the process lives, but has been {last['activity']} at step {last['step']} for {duration(since)}",
        )
    return State(name, f"the last heartbeat, {duration(silence)} ago, says {last['activity']}")
