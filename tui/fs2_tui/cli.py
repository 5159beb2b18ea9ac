"""The command `fs2-tui`. Textual is imported only when something is drawn."""

import argparse
import importlib.util
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from fs2keras import __version__
from fs2keras.errors import CallError, NoSuchRun, UserError
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.runs import find_run, list_runs
from fs2keras.rundir.summary import exit_code, render
from fs2keras.rundir.watch import RunWatch, Snapshot, as_json

EXAMPLES = """\
examples:
  fs2-tui                                 the runs under runs/: the only one, or a list to choose from
  fs2-tui runs/a runs/b                   two runs, compared by colour
  fs2-tui ljspeech --bell --on-alert 'mail -s training me@example.org'
  fs2-tui ljspeech --once                 a plain summary; its exit code says whether all is well
  fs2-tui ljspeech --export curves.svg    the curves as a picture (svg, png) or as numbers (csv)

exit codes: 0 fine, 1 stalled or crashed, 2 wrong call, 3 no such run, 4 NaN
"""
_WORST_LAST = (0, 1, 4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the monitor and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except UserError as error:
        print(f"fs2-tui: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fs2-tui",
        description="Watch training runs in the terminal. Reads the run directory only, and writes nothing into it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "runs", metavar="RUN", nargs="*", help="runs (folders, or names under runs/); the first is the main one"
    )
    parser.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs lie (default: runs)")
    parser.add_argument("--version", action="version", version=f"fs2-tui {__version__}")

    headless = parser.add_argument_group("without a screen")
    headless.add_argument("--once", action="store_true", help="print one plain summary and leave")
    headless.add_argument("--json", action="store_true", help="the same for machines")
    headless.add_argument("--export", type=Path, metavar="FILE", help="write the curves to FILE.svg, .png or .csv")
    headless.add_argument("--serve", action="store_true", help="show it in a browser (needs the extra: serve)")
    headless.add_argument("--port", type=int, default=8000, help="the port of --serve (default: 8000)")

    alerts = parser.add_argument_group("alerts")
    alerts.add_argument("--bell", action="store_true", help="ring the terminal's bell at a new alert")
    alerts.add_argument("--desktop", action="store_true", help="a desktop notification at a new alert (OSC 9)")
    alerts.add_argument(
        "--on-alert", default="", metavar="COMMAND|URL", help="run a command or call a webhook at a new alert (JSON)"
    )

    look = parser.add_argument_group("look")
    look.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    look.add_argument("--theme", default="", help="a Textual theme, for example textual-light, nord, gruvbox")
    return parser


def _run(options: argparse.Namespace) -> int:
    rundirs = [find_run(run, options.runs_dir) for run in options.runs]
    if options.once or options.json:
        return _once(rundirs or [_newest(options.runs_dir)], options.json)
    if options.export:
        return _export(rundirs or [_newest(options.runs_dir)], options.export)
    if options.serve:
        return _serve(options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CallError("there is no terminal to draw on. For a plain summary: fs2-tui --once, or --json")
    if not rundirs and len(list_runs(options.runs_dir)) < 2:
        rundirs = [_newest(options.runs_dir)]
    return _draw(rundirs, options)


def _newest(runs_dir: str) -> RunDir:
    runs = list_runs(runs_dir)
    if not runs:
        raise NoSuchRun(f"{runs_dir}/ holds no run. Start one: fs2keras fit demo")
    return runs[0]


def _draw(rundirs: Sequence[RunDir], options: argparse.Namespace) -> int:
    from fs2_tui.app import MonitorApp
    from fs2_tui.look import detect

    app = MonitorApp(
        rundirs,
        options.runs_dir,
        detect(options.ascii),
        bell=options.bell,
        desktop=options.desktop,
        on_alert=options.on_alert,
    )
    if options.theme:
        if options.theme not in app.available_themes:
            raise CallError(f"--theme {options.theme}: unknown; there are {', '.join(sorted(app.available_themes))}")
        app.theme = options.theme
    app.run()
    if app.return_code:
        print("fs2-tui: this should not have happened; the training is not touched by it.", file=sys.stderr)
    return app.return_code or 0


def _once(rundirs: Sequence[RunDir], machine: bool) -> int:
    snapshots = [_whole(rundir) for rundir in rundirs]
    if machine:
        facts = [as_json(snapshot) for snapshot in snapshots]
        print(json.dumps(facts[0] if len(facts) == 1 else facts, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n\n".join(_plain(snapshot) for snapshot in snapshots))
    codes = [_exit_code(snapshot) for snapshot in snapshots]
    return max(codes, key=_WORST_LAST.index)


def _exit_code(snapshot: Snapshot) -> int:
    """Of `fs2keras status`, but a run that was asked to stop is fine: nothing needs anybody's help."""
    if not snapshot.summary:
        return 1
    return 0 if snapshot.summary["state"] == "interrupted" else exit_code(snapshot.summary)


def _plain(snapshot: Snapshot) -> str:
    if not snapshot.summary:
        return f"{'run':<12} {snapshot.rundir.path}\n{'problem':<12} {snapshot.problem}"
    lines = [render(snapshot.summary)]
    lines += [f"{'problem':<12} {snapshot.problem}"] if snapshot.problem else []
    lines += [f"{'alert':<12} {alert.text}" for alert in snapshot.alerts]
    return "\n".join(lines)


def _whole(rundir: RunDir) -> Snapshot:
    """A snapshot with all of steps.csv read."""
    watch = RunWatch(rundir)
    watch.read_on()
    while watch.filling:
        watch.read_on()
    return watch.poll()


def _export(rundirs: Sequence[RunDir], path: Path) -> int:
    from fs2_tui.curves.export import export

    snapshots = [_whole(rundir) for rundir in rundirs]
    for snapshot in snapshots:
        if snapshot.problem:
            raise UserError(snapshot.problem)
    export(snapshots, path)
    print(path)
    return 0


def _serve(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("textual_serve") is None:
        raise CallError("--serve needs the package textual-serve. Install it: pip install 'fs2keras[serve]'")
    from textual_serve.server import Server

    command = [sys.executable, "-m", "fs2_tui.cli", *options.runs, "--runs-dir", options.runs_dir]
    command += ["--ascii"] if options.ascii else []
    command += ["--theme", options.theme] if options.theme else []
    command += ["--on-alert", options.on_alert] if options.on_alert else []
    Server(shlex.join(command), port=options.port, title="fs2-tui").serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
