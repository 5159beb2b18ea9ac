"""What somebody who trains should be told: rules over the facts of a run, each alert a sentence with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Any, NamedTuple

from fs2keras.rundir import clock
from fs2keras.rundir.checkpoints import Checkpoint
from fs2keras.rundir.eta import seconds_per_step
from fs2keras.rundir.forecast import Disk, positive
from fs2keras.rundir.generalization import Overfitting, overfitting, plateau
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import SILENT_S, duration
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows

RECENT = 50  # rows of steps.csv in which a NaN is news
SILENT_INTERVALS, SILENT_LEAST_S = 5, 120.0  # a row is missing after so many usual intervals, and so many seconds
LATE = 0.1  # of checkpoint_every, by which a checkpoint may be late
JUMP_S, AHEAD_S = 1.0, 60.0  # a clock that is set right by less is no matter
_ENDED = ("finished", "interrupted", "nan", "crashed")


class Alert(NamedTuple):
    """One sentence, or two, with its evidence. `severity` is "error" or "warning"; `key` names this very occurrence, so
    that it is told once and can be dismissed."""

    kind: str  # nan gone silent disk overdue clock overfitting plateau
    severity: str
    text: str
    key: str


@dataclass(frozen=True)
class Facts:
    """What the rules look at. Times are Unix seconds."""

    now: float
    state: str  # as of statistics.state
    reason: str = ""
    step: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)  # run.json
    train: Mapping[str, Any] = field(default_factory=dict)  # [train] of recipe.toml
    steps: Table = field(default_factory=Table)
    steps_time: float | None = None  # when steps.csv last changed
    validation: Table = field(default_factory=Table)
    events: Rows = field(default_factory=Rows)
    beats: Rows = field(default_factory=Rows)  # the last of process.csv
    checkpoints: Sequence[Checkpoint] = ()
    disk: Disk | None = None


def find(facts: Facts) -> tuple[Alert, ...]:
    """All alerts of a run at this moment, errors first."""
    found = [alert for rule in _RULES if (alert := rule(facts))]
    return tuple(sorted(found, key=lambda alert: alert.severity != "error"))


def _nan(facts: Facts) -> Alert | None:
    if facts.state == "nan":
        return Alert("nan", "error", _sentence(facts.reason), f"nan:{_process(facts)}")
    for name, table, recent in (("steps.csv", facts.steps, RECENT), ("validation.csv", facts.validation, 1)):
        columns = [column for column in _losses(facts, table) if table.last(column) is not None]
        rows = range(len(table) - 1, max(-1, len(table) - 1 - recent), -1)
        last = next((row for row in rows if _bad(table, columns, row)), None)
        if last is None:
            continue
        first = last
        while first > 0 and _bad(table, columns, first - 1):
            first -= 1
        text = (
            f"{name}: {', '.join(_bad(table, columns, last))} NaN or infinite at step {table['step'][last]:,.0f}. "
            "What is learned from here on is worth nothing: go back to the last good checkpoint in a new run, with a "
            "smaller train.learning_rate_scale."
        )
        return Alert("nan", "error", text, f"nan:{name}:{table['step'][first]:.0f}")
    return None


def _gone(facts: Facts) -> Alert | None:
    if facts.state != "crashed":
        return None
    return Alert("gone", "error", _sentence(facts.reason), f"gone:{_process(facts)}")


def _silent(facts: Facts) -> Alert | None:
    if facts.state == "stalled":
        return Alert("silent", "error", _sentence(facts.reason), f"silent:{_process(facts)}:{facts.step}")
    if facts.state != "training" or "elapsed_s" not in facts.steps or len(facts.steps) < 2:
        return None
    steps = facts.steps["step"]
    pace = seconds_per_step(steps, facts.steps["elapsed_s"])
    usual_steps = median(b - a for a, b in pairwise(steps[-RECENT:]))
    usual = (pace or 0.0) * (positive(facts.train, "log_every") or usual_steps)
    silence = _training_since_row(facts)
    if not usual or silence <= max(SILENT_INTERVALS * usual, SILENT_LEAST_S):
        return None
    text = (
        f"steps.csv: no new row in {duration(silence)} of training, after step {steps[-1]:,.0f}; usually one comes "
        f"every {duration(usual)}. See what the process waits for: its processor, disk and data, and log.txt."
    )
    return Alert("silent", "warning", text, f"silent:{_process(facts)}:{steps[-1]:.0f}")


def _training_since_row(facts: Facts) -> float:
    """Seconds since the last row of steps.csv in which the process was seen training, by its heartbeats.

    Validations and saves are not in it, nor is the time in which the machine slept: then the heart did not beat either.
    """
    if facts.steps_time is None:
        return 0.0
    begun = [clock.to_unix(row["time"]) for row in facts.events if row.get("event") in ("started", "resumed")]
    since = max([facts.steps_time, *(time for time in begun if time is not None)])
    beats = [(time, row.get("activity")) for row in facts.beats if (time := clock.to_unix(row.get("time"))) is not None]
    jumped = max((i for i, (a, b) in enumerate(pairwise(beats), 1) if b[0] < a[0]), default=0)
    after = [beat for beat in beats[jumped:] if since < beat[0] <= facts.now]
    if not after:
        return 0.0
    # A silence that is longer than the beats go back.
    unseen = after[0][0] - since if after[0] == beats[0] and after[0][1] == "training" else 0.0
    seen = [(since, after[0][1]), *after, (facts.now, after[-1][1])]
    trained = [min(b - a, SILENT_S) for (a, x), (b, y) in pairwise(seen) if b > a and x == y == "training"]
    return max(0.0, unseen - SILENT_S) + sum(trained)


def _overdue(facts: Facts) -> Alert | None:
    every = positive(facts.record, "checkpoint_every")
    if not every or facts.state in (*_ENDED, "saving"):
        return None
    due = facts.step // every * every
    begun = [row["step"] for row in facts.events if row.get("event") in ("started", "resumed")]
    saved = [row["step"] for row in facts.events if row.get("event") == "checkpoint"]
    saved += [checkpoint.step for checkpoint in facts.checkpoints]
    if due <= max([*begun[-1:], *saved], default=0) or facts.step - due < max(2, LATE * every):
        return None
    last = f"the last is that of step {max(saved):,}" if saved else "there is none yet"
    text = (
        f"The checkpoint of step {due:,} is overdue: the run is at step {facts.step:,}, one is due every {every:,} "
        f"steps, and {last}. Look into log.txt, and whether checkpoints/ can be written."
    )
    return Alert("overdue", "warning", text, f"overdue:{due}")


def _disk(facts: Facts) -> Alert | None:
    disk = facts.disk
    if disk is None or not disk.short or facts.state == "finished":
        return None
    severity = "error" if disk.bytes_each > disk.free else "warning"  # not even the next one fits
    text = (
        f"The disk will be full at step {disk.full_at_step:,}: the checkpoints still to come need up to "
        f"{file_size(disk.needed)}, {file_size(disk.free)} are free. Free some, or stop and go on with fewer: "
        "--set train.keep_last=5."
    )
    return Alert("disk", severity, text, f"disk:{severity}")


def _clock(facts: Facts) -> Alert | None:
    if facts.state in ("finished", "interrupted"):
        return None
    beats = [(time, row["time"]) for row in facts.beats if (time := clock.to_unix(row.get("time"))) is not None]
    for (before, words_before), (after, words_after) in reversed(list(pairwise(beats))):
        if after < before - JUMP_S:
            text = (
                f"process.csv: the clock of host {facts.record.get('host')} went back by {duration(before - after)}, "
                f"from {words_before} to {words_after}. Times around that are wrong; see to its time service."
            )
            return Alert("clock", "warning", text, f"clock:{words_after}")
    times = {"process.csv": beats[-1][0] if beats else None, "steps.csv": facts.steps_time}
    times |= {checkpoint.path.name: checkpoint.time for checkpoint in facts.checkpoints[-1:]}
    for name, time in times.items():
        if time is not None and time > facts.now + AHEAD_S:
            text = (
                f"{name} was written {duration(time - facts.now)} after now, as this machine's clock has it: that, or "
                f"the clock of host {facts.record.get('host')}, is wrong. Until they agree, trust no time shown here."
            )
            return Alert("clock", "warning", text, f"clock:ahead:{_process(facts)}")
    return None


def _overfitting(facts: Facts) -> Alert | None:
    columns = _losses(facts, facts.validation)
    found = [case for column in columns if (case := overfitting(facts.steps, facts.validation, column))]
    if not found:
        return None
    case, *others = sorted(found, key=lambda case: case.column != "loss")
    if case.column == "loss":
        where, verdict = "Over-fitting", ""
    else:
        where = f"Over-fitting in {_label(facts, case.column)}"
        verdict = "; the validation loss as a whole does not prove it yet"
    text = (
        f"{where}: in validation {_rise(facts, case)} at step {case.step:,}, while in training it fell from "
        f"{case.training_then:.4g} to {case.training_now:.4g}"
        + "".join(f"; {_rise(facts, other)} likewise" for other in others)
        + f"{verdict}. Listen to the checkpoints around step {case.best_step:,}, and compare them with the last."
    )
    return Alert("overfitting", "warning", text, f"overfitting:{case.column}:{case.best_step}")


def _rise(facts: Facts, case: Overfitting) -> str:
    return f"{_label(facts, case.column)} rose from {case.best:.4g} at step {case.best_step:,} to {case.value:.4g}"


def _plateau(facts: Facts) -> Alert | None:
    case = plateau(facts.validation, "loss", positive(facts.record, "total_steps"))
    if case is None or facts.state in _ENDED or overfitting(facts.steps, facts.validation, "loss"):
        return None
    text = (
        f"The validation loss has not improved since step {case.best_step:,} ({case.best:.4g}), for "
        f"{case.step - case.best_step:,} steps of {case.step:,}. If the samples sound no better either, stop here, or "
        "try another learning rate in a new run."
    )
    return Alert("plateau", "warning", text, f"plateau:{case.best_step}")


_RULES = (_nan, _gone, _silent, _disk, _overdue, _clock, _overfitting, _plateau)


def _losses(facts: Facts, table: Table) -> list[str]:
    """The columns of a table that are losses, by run.json."""
    return [column for column in table.columns if _about(facts, column).get("group") == "loss" or column == "loss"]


def _about(facts: Facts, column: str) -> Mapping[str, Any]:
    columns = facts.record.get("columns")
    about = columns.get(column) if isinstance(columns, Mapping) else None
    return about if isinstance(about, Mapping) else {}


def _label(facts: Facts, column: str) -> str:
    return str(_about(facts, column).get("label") or column)


def _bad(table: Table, columns: Sequence[str], row: int) -> list[str]:
    return [column for column in columns if not isfinite(table[column][row])]


def _process(facts: Facts) -> str:
    return f"{facts.record.get('pid')}:{facts.record.get('process_start_time')}"


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
