"""Verbs that write down and put away: report, archive, restore."""

import sys
from pathlib import Path

from fs2keras.cli.options import add_run, quoted, shown, verb
from fs2keras.errors import CallError


def add_verbs(verbs) -> None:
    report = verb(verbs, "report", _report, "one HTML page and a PDF about a run, or several beside each other")
    report.add_argument("runs", metavar="RUN", nargs="+", help="a run: its folder, or its name under runs/")
    report.add_argument(
        "-o", "--output", type=Path, metavar="HTML", help="default: RUN/report.html; of several runs: ./report.html"
    )
    report.add_argument("--no-pdf", action="store_true", help="only the page; else a PDF of that name beside it")

    archive = verb(verbs, "archive", _archive, "put a run away, with checksums, read back; again: only what changed")
    add_run(archive)
    archive.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="DIR|FILE.tar.zst",
        help="a folder, or one file; one that exists is updated",
    )
    archive.add_argument("--logs-only", action="store_true", help="recipe, run.json, CSVs and log")
    archive.add_argument(
        "--checkpoints",
        metavar="LIST",
        help="which ones, such as best,last or 100000,200000; all or none (default: all)",
    )
    archive.add_argument(
        "--prune", action="store_true", help="delete from the archive what is not chosen now or gone from the run; asks"
    )
    archive.add_argument("--yes", action="store_true", help="delete without asking")

    restore = verb(verbs, "restore", _restore, "a run back from its archive, every checksum compared")
    restore.add_argument("archive", type=Path, metavar="ARCHIVE", help="what `fs2keras archive` wrote")
    restore.add_argument("--to", type=Path, metavar="DIR", help="folder of runs (default: runs)")
    restore.add_argument("--verify", action="store_true", help="only compare the checksums, write nothing")


def _report(options) -> int:
    from fs2keras.rundir.runs import find_run

    _refuse_other_than_html(options.output)
    with shown("loading matplotlib"):
        from fs2keras.report.write import write_report

    runs = [find_run(name) for name in options.runs]
    html = options.output or (runs[0].path / "report.html" if len(runs) == 1 else Path("report.html"))
    write_report(runs, html, None if options.no_pdf else html.with_suffix(".pdf"), print)
    return 0


def _refuse_other_than_html(output: Path | None) -> None:
    """The page goes there, whatever it was before: a report.pdf would be written twice, a recipe.toml be lost."""
    if output is None or output.suffix.lower() in (".html", ".htm"):
        return
    is_folder = output.is_dir() or output.name in ("", "..")
    page = output / "report.html" if is_folder else output.with_suffix(".html")
    raise CallError(
        f"-o {output}: expected the name of a page, in .html; the PDF goes beside it. Write: -o {quoted(page)}"
    )


def _archive(options) -> int:
    from fs2keras.archive.archive import archive
    from fs2keras.rundir.runs import find_run

    summary = archive(
        find_run(options.run),
        options.to,
        logs_only=options.logs_only,
        checkpoints=options.checkpoints,
        prune=options.prune,
        confirm=(lambda question: True) if options.yes else _confirm,
        report=print,
    )
    print(summary)
    print(f"Bring it back: fs2keras restore {quoted(summary.path)}")
    return 0


def _confirm(question: str) -> bool:
    if not sys.stdin.isatty():
        raise CallError(f"{question} Nobody is here to be asked: say --yes, or leave --prune out.")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def _restore(options) -> int:
    from fs2keras.archive.restore import RUNS, restore, verify

    if options.verify:
        manifest = verify(options.archive, print)
        print(f"{options.archive}: {len(manifest.entries):,} files, checksums agree")
        return 0
    run = restore(options.archive, options.to, report=print)
    if run.resume.exists():
        where = "" if run.path.parent == RUNS else f" --set {quoted(f'run.dir={run.path.parent}')}"
        print(f"Train on: fs2keras fit {quoted(run.recipe)}{where}")
    return 0
