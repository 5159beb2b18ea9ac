"""What a run directory says, read once and whole."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fs2keras.report.choice import Choice, read_choice, tell_earlier_bests
from fs2keras.report.evaluations import Evaluation, read_evaluations
from fs2keras.report.figures import is_number
from fs2keras.rundir.columns import STEP_HEAD, STEP_TAIL, names
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows, read_rows
from fs2keras.rundir.watch import RunWatch, Snapshot

_EVERY_RUN = names((*STEP_HEAD, *STEP_TAIL))
_SAID_EVERY = 4  # of the parts in which steps.csv is read, 1 MB each


@dataclass(frozen=True, eq=False)
class Run:
    """One run: the monitor's snapshot of it, and what the monitor does not need.

    `label` tells it from the others of the report; `beats` is all of process.csv; `choice` is what was chosen as the
    best checkpoint, if that was done; `problems` says in sentences what could not be read.
    """

    snapshot: Snapshot
    label: str
    beats: Rows
    evaluations: tuple[Evaluation, ...]
    choice: Choice | None
    problems: tuple[str, ...]

    @property
    def rundir(self) -> RunDir:
        return self.snapshot.rundir

    @property
    def steps(self) -> Table:
        return self.snapshot.steps

    @property
    def validation(self) -> Table:
        return self.snapshot.validation

    @property
    def state(self) -> str:
        """As of rundir.statistics.state; "" when it cannot be told."""
        return self.snapshot.summary.get("state", "")

    @property
    def step(self) -> int:
        """The last step that any file speaks of."""
        step = self.snapshot.summary.get("step") or 0
        return step if is_number(step) else 0

    @property
    def elapsed_s(self) -> float | None:
        """Seconds of training, None when they are not known."""
        seconds = self.snapshot.summary.get("elapsed_s")
        return seconds if is_number(seconds) and seconds > 0 else None

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of validation.csv with the lowest loss."""
        return self._validation("best")

    @property
    def last_validation(self) -> dict[str, Any] | None:
        """The last row of validation.csv, if its loss is a number."""
        return self._validation("validation")

    def _validation(self, which: str) -> dict[str, Any] | None:
        row = self.snapshot.summary.get(which)
        return row if row and is_number(row["step"]) and is_number(row.get("loss")) else None

    @property
    def events(self) -> list[dict[str, Any]]:
        """The rows of events.csv, but those with an impossible step."""
        return [row for row in self.snapshot.events if is_number(row["step"]) and row["step"] >= 0]

    @property
    def total(self) -> int | None:
        return self.positive(self.snapshot.record, "total_steps")

    @property
    def planned(self) -> int:
        """The steps that the run is to have, or has where it has more or that is not known."""
        return max(self.total or self.positive(self.recipe("train"), "steps") or 0, self.step)

    @property
    def losses(self) -> list[str]:
        """The columns of steps.csv that are this model's own, "loss" first."""
        found = [column for column in self.steps.columns if column not in _EVERY_RUN]
        return sorted(found, key=lambda column: column != "loss")

    def about(self, column: str) -> Mapping[str, Any]:
        """What run.json says about a column: label, unit, ..."""
        columns = self.snapshot.record.get("columns")
        about = columns.get(column) if isinstance(columns, Mapping) else None
        return about if isinstance(about, Mapping) else {}

    def title(self, column: str) -> str:
        """The label of a column with its unit, such as "mel (L1, log magnitude)"."""
        unit = self.about(column).get("unit")
        return self.name_of(column) + (f" ({unit})" if unit else "")

    def name_of(self, column: str) -> str:
        return str(self.about(column).get("label") or column)

    def recipe(self, section: str) -> Mapping[str, Any]:
        """A section of recipe.toml as it stands there; empty when there is none, or it cannot be read."""
        try:
            found = tomllib.loads(self.snapshot.recipe).get(section, {})
        except tomllib.TOMLDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def hop_s(self) -> float | None:
        """Seconds from one frame to the next."""
        audio = self.recipe("audio")
        rate, hop = (self.positive(audio, key) for key in ("sample_rate", "hop"))
        return hop / rate if rate and hop else None

    @staticmethod
    def positive(fields: Mapping[str, Any], name: str) -> int | None:
        """A whole number above 0, None when it is missing or something else was written there."""
        value = fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def read_run(rundir: RunDir, label: str, report: Callable[[str], None]) -> Run:
    """Reads a run, which may be training at this moment; what cannot be read is left empty and named in `problems`."""
    report(f"{label}: reading what it wrote")
    watch = RunWatch(rundir)
    watch.read_on()
    parts = 1
    while watch.filling:
        watch.read_on()
        parts += 1
        if parts % _SAID_EVERY == 0:
            report(f"{label}: {parts} MB of steps.csv read")
    report(f"{label}: steps.csv read")
    try:
        snapshot = watch.poll()
    except ValueError as error:
        snapshot = Snapshot(rundir, problem=f"{rundir.path}: its CSV files cannot be read: {error}.")
    report(f"{label}: reading process.csv")
    problems = [snapshot.problem] if snapshot.problem else []
    try:
        beats = read_rows(rundir.process_csv)
    except OSError as error:
        beats = Rows()
        problems.append(f"{rundir.process_csv}: cannot be read ({error.strerror}).")
    if skipped := snapshot.summary.get("skipped_rows", 0) + beats.skipped:
        problems.append(f"{skipped:,} lines of the run's CSV files are broken and left out.")
    evaluations, unread = read_evaluations(rundir.path / "evaluation")
    choice, unclear = read_choice(rundir)
    evaluations, earlier = tell_earlier_bests(evaluations, rundir)
    return Run(snapshot, label, beats, evaluations, choice, tuple(problems + unread + unclear + earlier))
