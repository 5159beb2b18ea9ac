"""events.csv: what happened in a run, and when."""

from fs2keras.rundir import clock
from fs2keras.rundir.columns import EVENT_COLUMNS, names
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.layout import RunDir


def append_event(rundir: RunDir, step: int, event: str, detail: str = "", bytes: int = 0, seconds: float = 0.0) -> None:
    """Add a row: started, resumed, checkpoint, sample, validation, nan, stopped, finished, ...

    `bytes` is the size of what was written, `seconds` the time it took.
    """
    with CsvLog(rundir.events_csv, names(EVENT_COLUMNS)) as log:
        log.append([clock.now(), step, event, detail, bytes, round(seconds, 3)])
