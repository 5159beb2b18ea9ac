"""`fs2keras report`: the runs read, the report written."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fs2keras import __version__
from fs2keras.errors import CallError, UserError
from fs2keras.report import page
from fs2keras.report.facts import Run, read_run
from fs2keras.report.figures import when
from fs2keras.report.pdf import write as write_pdf
from fs2keras.report.sections import sections
from fs2keras.rundir import clock
from fs2keras.rundir.atomic import replacing, write_text
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.sizes import file_size

MOST_RUNS = 8  # more lines in a chart cannot be told apart
_SELDOM_S = 0.4


def write_report(runs: Sequence[RunDir], html: Path, pdf: Path | None, report: Callable[[str], None]) -> None:
    """Writes the report on one run, or on several beside each other, as one HTML file and a PDF, atomically.

    Args:
        runs: at most MOST_RUNS; training, finished, crashed, from another machine: what is there is reported.
        html: file to write.
        pdf: file to write; None for no PDF.
        report: takes one line at a time: what is being done, about two a second, and at the end what was written.

    Raises:
        CallError: no run, or too many.
        UserError: a file cannot be written.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise CallError(f"A report shows 1 to {MOST_RUNS} runs, not {len(runs)}: more lines cannot be told apart.")
    for path in filter(None, (html, pdf)):
        _check_writable(path)
    say = _seldom(report)
    try:
        found = [read_run(run, label, say) for run, label in zip(runs, _labels(runs), strict=True)]
        chapters = sections(found, say)
    except OSError as error:
        raise UserError(
            f"{error.filename}: cannot be read ({error.strerror}). Ask for permission to read it."
        ) from error
    title, made = _title(found), f"Made by fs2keras {__version__}, {when(clock.unix())}."
    write_text(html, page.render(title, made, chapters, say))
    if pdf:
        with replacing(pdf) as temporary:
            pages = write_pdf(temporary, title, made, chapters, say)
    report(f"{html}: {file_size(html.stat().st_size)}")
    if pdf:
        report(f"{pdf}: {pages} pages, {file_size(pdf.stat().st_size)}")


def _seldom(report: Callable[[str], None]) -> Callable[[str], None]:
    """The same, for lines that need not all be seen: those that follow another one too soon are left out."""
    said = -_SELDOM_S

    def say(line: str) -> None:
        nonlocal said
        if time.monotonic() - said >= _SELDOM_S:
            said = time.monotonic()
            report(line)

    return say


def _check_writable(path: Path) -> None:
    """Known before the work: a report of a run that somebody else owns is written somewhere else."""
    probe = path.with_name(f".tmp-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Name another place: -o report.html") from error


def _labels(runs: Sequence[RunDir]) -> list[str]:
    """The runs' names; their paths where two have the same name."""
    names = [run.name for run in runs]
    return [run.name if names.count(run.name) == 1 else str(run.path) for run in runs]


def _title(runs: Sequence[Run]) -> str:
    return f"Training report: {', '.join(run.label for run in runs)}"
