"""Finding a run by its path or its name."""

import difflib
import os
from pathlib import Path

from fs2keras.errors import NoSuchRun, UserError
from fs2keras.rundir.layout import RunDir


def list_runs(runs_dir: str | Path = "runs") -> list[RunDir]:
    """The runs in a folder, the one that last changed first."""
    folder = Path(runs_dir)
    if not os.path.isdir(folder):
        return []
    try:
        found = [RunDir(path) for path in folder.iterdir() if is_run(path)]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}). Ask for permission to read it.") from error
    return sorted(found, key=_last_change, reverse=True)


def is_run(path: str | Path) -> bool:
    """Whether a folder is a run directory, as far as it may be read."""
    rundir = RunDir(path)
    return os.path.isfile(rundir.run_json) or os.path.isfile(rundir.recipe)


def find_run(name_or_path: str | Path, runs_dir: str | Path = "runs") -> RunDir:
    """The run of that path, or of that name in `runs_dir`. Else NoSuchRun, naming the runs that exist."""
    for path in (Path(name_or_path).expanduser(), Path(runs_dir) / name_or_path):
        if is_run(path):
            return RunDir(path)
        if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):
            raise UserError(f"{path}: may not be read (permission denied). Ask for permission to read it.")
    known = [rundir.name for rundir in list_runs(runs_dir)]
    if not known:
        raise NoSuchRun(f"{name_or_path}: no such run, and {runs_dir}/ holds none. Start one: fs2keras fit demo")
    close = difflib.get_close_matches(Path(name_or_path).name, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"{runs_dir}/ holds: {', '.join(known[:10])}"
    raise NoSuchRun(f"{name_or_path}: no such run. {hint}")


def _last_change(rundir: RunDir) -> float:
    files = (rundir.process_csv, rundir.steps_csv, rundir.run_json, rundir.recipe)
    return max((path.stat().st_mtime for path in files if os.path.isfile(path)), default=0.0)
