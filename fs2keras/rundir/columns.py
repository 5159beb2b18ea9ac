"""What the columns of the CSV files mean, so that a run can be drawn without knowing which model it is."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: its name in the CSV, a label for people, a unit, the chart it belongs to, and which way is better."""

    name: str
    label: str
    unit: str = ""
    group: str = ""
    better: str = ""  # "lower", "higher", or "" when neither is


# The columns of steps.csv that every model has; the losses of its family stand between elapsed_s and learning_rate.
STEP_HEAD = (
    Column("step", "step", "", "progress"),
    Column("epoch", "epoch", "", "progress"),
    Column("elapsed_s", "training time", "s", "progress"),
)
STEP_TAIL = (
    Column("learning_rate", "learning rate", "", "optimiser"),
    Column("grad_norm", "gradient norm before clipping", "", "optimiser"),
    Column("steps_per_s", "steps a second", "1/s", "speed", "higher"),
    Column("frames_per_s", "valid mel frames a second", "1/s", "speed", "higher"),
    Column("data_wait_share", "share of the time spent waiting for data", "", "speed", "lower"),
)
EVENT_COLUMNS = (
    Column("time", "time (UTC)", "", "progress"),
    Column("step", "step", "", "progress"),
    Column("event", "event", "", "progress"),
    Column("detail", "detail", "", "progress"),
    Column("bytes", "size of what was written", "B", "progress"),
    Column("seconds", "time it took", "s", "progress"),
)
PROCESS_COLUMNS = (
    Column("time", "time (UTC)", "", "process"),
    Column("step", "step", "", "process"),
    Column("activity", "activity", "", "process"),
    Column("cpu_percent", "processor use, 100 for each core", "%", "process"),
    Column("rss_bytes", "memory in use", "B", "process"),
    Column("read_bytes", "read from disk since the process began", "B", "process"),
    Column("written_bytes", "written to disk since the process began", "B", "process"),
    Column("gpu_percent", "GPU use", "%", "process"),
    Column("gpu_memory_bytes", "GPU memory in use", "B", "process"),
)
# Columns whose cells are text even when they look like a number.
TEXT_COLUMNS = frozenset({"time", "event", "detail", "activity"})


def step_columns(losses: Iterable[Column]) -> tuple[Column, ...]:
    """All columns of steps.csv for a family with these losses."""
    return (*STEP_HEAD, *losses, *STEP_TAIL)


def validation_columns(losses: Iterable[Column]) -> tuple[Column, ...]:
    """All columns of validation.csv: the step, then the same losses on the validation split."""
    return (STEP_HEAD[0], *losses)


def as_json(columns: Iterable[Column]) -> dict[str, dict[str, str]]:
    """The `columns` of run.json: name -> label, unit, group, better."""
    return {c.name: {"label": c.label, "unit": c.unit, "group": c.group, "better": c.better} for c in columns}


def names(columns: Iterable[Column]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)
