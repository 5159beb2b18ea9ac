"""Watching a run: everything that its directory says, again and again, reading only what is new."""

import os
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from fs2keras.errors import UserError
from fs2keras.rundir import alerts, clock, record
from fs2keras.rundir.alerts import Alert, Facts
from fs2keras.rundir.checkpoints import Checkpoint, list_checkpoints
from fs2keras.rundir.eta import Eta
from fs2keras.rundir.follow import StepsFollower
from fs2keras.rundir.forecast import Disk, disk
from fs2keras.rundir.layout import RunDir, step_of
from fs2keras.rundir.probe import Probe, Process
from fs2keras.rundir.process import identity
from fs2keras.rundir.summary import remaining, summarise
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows, read_last_rows, read_rows

HOUR_OF_BEATS = 360  # rows of process.csv, one every ten seconds
LOG_LINES = 500
_LOG_BYTES = 65536


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment. Times are Unix seconds, sizes bytes; `problem` says in a sentence what cannot be read."""

    rundir: RunDir
    time: float = field(default_factory=clock.unix)
    problem: str = ""
    record: dict[str, Any] = field(default_factory=dict)  # run.json
    summary: dict[str, Any] = field(default_factory=dict)  # as of summary.summarise
    steps: Table = field(default_factory=Table)  # grows while it is looked at; see Table
    complete: bool = True  # steps holds the whole file; until then its last rows
    share_read: float = 1.0
    validation: Table = field(default_factory=Table)
    events: Rows = field(default_factory=Rows)
    beats: Rows = field(default_factory=Rows)  # the last hour of process.csv
    log: tuple[str, ...] = ()
    recipe: str = ""
    checkpoints: tuple[Checkpoint, ...] = ()
    samples: dict[int, tuple[Path, ...]] = field(default_factory=dict)  # step -> wav files, each with a png beside it
    process: Process | None = None  # the living process, when it is on this host
    here: bool = False
    eta: Eta | None = None
    disk: Disk | None = None
    alerts: tuple[Alert, ...] = ()


class _Cached:
    """What a reader made of a file, read again only when the file has changed."""

    def __init__(self, path: Path, read: Callable[[Path], Any]):
        self._path, self._read = path, read
        self._seen: object = self
        self._value: Any = None

    def get(self) -> Any:
        try:
            status = os.stat(self._path)
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            seen = None
        if seen != self._seen:
            self._value, self._seen = self._read(self._path), seen
        return self._value


class RunWatch:
    """Takes snapshots of one run. Opens files for reading only, and only while it reads them."""

    def __init__(self, rundir: RunDir):
        self.rundir = rundir
        self._follower = StepsFollower(rundir.steps_csv)
        self._probe = Probe()
        self._validation = _Cached(rundir.validation_csv, read_rows)
        self._events = _Cached(rundir.events_csv, read_rows)
        self._beats = _Cached(rundir.process_csv, lambda path: read_last_rows(path, HOUR_OF_BEATS))
        self._log = _Cached(rundir.log_txt, last_lines)
        self._recipe = _Cached(rundir.recipe, _text)

    @property
    def filling(self) -> bool:
        """Whether a part of steps.csv is still to be read, and can be."""
        return not (self._follower.complete or self._follower.problem)

    def read_on(self) -> None:
        """Read the next part of steps.csv and nothing else: a long file takes many parts, and needs one snapshot."""
        self._follower.poll()

    def poll(self) -> Snapshot:
        """The run now. What cannot be read is left empty and named in `problem`; nothing is raised for bad files."""
        try:
            return self._poll()
        except UserError as error:
            return Snapshot(self.rundir, problem=str(error))
        except OSError as error:
            what = f"{error.filename or self.rundir}: {error.strerror or error}"
            return Snapshot(self.rundir, problem=f"{what}. The monitor needs permission to read the run directory.")

    def _poll(self) -> Snapshot:
        self._follower.poll()
        fields = record.read(self.rundir)
        summary = summarise(self.rundir)
        validation_rows = self._validation.get() or Rows()
        facts: dict[str, Any] = {
            "time": clock.unix(),
            "problem": self._follower.problem,
            "record": fields,
            "summary": summary,
            "steps": self._follower.table,
            "complete": self._follower.complete,
            "share_read": self._follower.share_read,
            "validation": Table.from_rows(validation_rows),
            "events": self._events.get() or Rows(),
            "beats": self._beats.get() or Rows(),
            "log": self._log.get() or (),
            "recipe": self._recipe.get() or "",
            "checkpoints": list_checkpoints(self.rundir, validation_rows),
            "samples": list_samples(self.rundir),
            "here": fields.get("host") == identity()["host"],
        }
        facts |= self._forecasts(facts)
        return Snapshot(self.rundir, **facts)

    def _forecasts(self, facts: dict[str, Any]) -> dict[str, Any]:
        """What follows from the facts: the end, the disk, the living process, and what is wrong."""
        fields, summary, steps, train = facts["record"], facts["summary"], facts["steps"], _train(facts["recipe"])
        step, total = summary["step"], summary["total_steps"]
        room = disk(facts["checkpoints"], fields, step, _free(self.rundir), *_retention(train))
        living = None
        if facts["here"] and fields.get("pid"):
            living = self._probe.read(fields["pid"], fields.get("process_start_time"))
        found = alerts.find(
            Facts(
                now=facts["time"],
                state=summary["state"],
                reason=summary["reason"],
                step=step,
                record=fields,
                train=train,
                steps=steps,
                steps_time=_modified(self.rundir.steps_csv),
                validation=facts["validation"],
                events=facts["events"],
                beats=facts["beats"],
                checkpoints=facts["checkpoints"],
                disk=room,
            )
        )
        return {
            "eta": remaining(steps, total) if total and summary["state"] != "finished" else None,
            "disk": room,
            "process": living,
            "alerts": found,
        }


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The summary with the alerts, the disk and the process, as JSON allows it: NaN and infinity are strings."""
    facts = dict(snapshot.summary) or {"path": str(snapshot.rundir.path), "name": snapshot.rundir.name}
    facts["problem"] = snapshot.problem or None
    facts["alerts"] = [alert._asdict() for alert in snapshot.alerts]
    facts["disk"] = snapshot.disk._asdict() if snapshot.disk else None
    facts["living_process"] = asdict(snapshot.process) if snapshot.process else None
    facts["rows"] = len(snapshot.steps)
    return _finite(facts)


def list_samples(rundir: RunDir) -> dict[int, tuple[Path, ...]]:
    """Step -> its wav files by name, for every sample folder, earliest step first."""
    found = {}
    if rundir.samples.is_dir():
        for folder in rundir.samples.iterdir():
            try:
                step = step_of(folder)
            except ValueError:
                continue
            found[step] = tuple(sorted(folder.glob("*.wav")))
    return dict(sorted(found.items()))


def last_lines(path: Path, n: int = LOG_LINES) -> tuple[str, ...]:
    """The last `n` lines of a text file, without reading the rest of it."""
    if not path.is_file():
        return ()
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LOG_BYTES))
        data = file.read()
    lines = data.decode("utf-8", "replace").splitlines()
    return tuple(lines[1 if size > _LOG_BYTES else 0 :][-n:])


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _train(recipe: str) -> dict[str, Any]:
    """The section [train] of a recipe; empty when it cannot be read, since then the defaults are as good a guess."""
    try:
        section = tomllib.loads(recipe).get("train", {})
    except tomllib.TOMLDecodeError:
        return {}
    return section if isinstance(section, dict) else {}


def _retention(train: dict[str, Any]) -> tuple[int, int]:
    keep = [train.get(key, 0) for key in ("keep_last", "keep_every")]
    return tuple(value if isinstance(value, int) and value > 0 else 0 for value in keep)


def _free(rundir: RunDir) -> int | None:
    try:
        return shutil.disk_usage(rundir.path).free
    except OSError:
        return None


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
