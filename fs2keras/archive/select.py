"""Which files of a run go into its archive, in the order in which they are read."""

import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from fs2keras.archive.content import Source, reading
from fs2keras.archive.manifest import INCOMING, NAME, Identity
from fs2keras.errors import CallError, UserError
from fs2keras.rundir import record
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import living_owner
from fs2keras.rundir.statistics import state
from fs2keras.rundir.tail import read_rows

_RUNNING = {"starting", "training", "validating", "saving"}
_LOGS = {"recipe.toml", "run.json", "log.txt"}  # and every CSV beside them


def identify(run: RunDir) -> Identity:
    """Which run it is. A damaged run.json is archived like any other file, and says nothing."""
    try:
        fingerprint = record.read(run).get("fingerprint")
    except UserError:
        fingerprint = None
    with reading(run.events_csv):
        events = read_rows(run.events_csv)
    return Identity(run.name, fingerprint, str(events[0]["time"]) if events and "time" in events[0] else None)


def is_training(run: RunDir) -> bool:
    """Whether a process may be writing into the run at this moment."""
    try:
        return living_owner(run) is not None or state(run).name in _RUNNING
    except (UserError, OSError):  # what cannot be read is refused, or archived, when its turn comes
        return False


def select(
    run: RunDir, logs_only: bool, checkpoints: str | None, training: bool, until: ExitStack
) -> tuple[list[Source], list[str]]:
    """The files to archive, and in words those that cannot be.

    The CSVs come last: they then reach at least as far as the resume state that a restored run goes on from.

    Args:
        logs_only: leave out all but the recipe, run.json, CSVs and log, and the checkpoints that are named.
        checkpoints: a list of best, last, all, none and steps; None for all, or with `logs_only` for none.
        training: the CSVs and the log grow, and resume states do not live long: they are open from now on.
        until: closes them.

    Raises:
        CallError, UserError: as `named`.
        UserError: something may not be read.
    """
    names = named(run, logs_only, checkpoints)
    sources, left_out = [], []
    for path, file in _walk(run.path, "", ()):
        if not _is_wanted(path, logs_only, names):
            continue
        if os.path.exists(file) and not os.path.isfile(file):
            left_out.append(f"{path} (no file)")
            continue
        try:
            sources.append(_source(path, file, training, until))
        except FileNotFoundError:
            left_out.append(f"{path} (a link to nothing)" if file.is_symlink() else f"{path} (gone)")
    return sorted(sources, key=_order), left_out


def _source(path: str, file: Path, training: bool, until: ExitStack) -> Source:
    with reading(file):
        status = os.stat(file)
        short_lived = training and path.startswith("resume/")
        opened = until.enter_context(open(file, "rb")) if short_lived else None  # noqa: SIM115
    grows = training and "/" not in path and path.endswith((".csv", ".txt"))
    return Source(path, file, status.st_size, status.st_mtime_ns, grows, opened)


def _is_wanted(path: str, logs_only: bool, names: set[str] | None) -> bool:
    first, _, rest = path.partition("/")
    if first == "checkpoints" and rest:
        return names is None or rest in names
    return not logs_only or path in _LOGS or not rest and path.endswith(".csv")


def _order(source: Source) -> tuple[bool, str]:
    return "/" not in source.path, source.path


def named(run: RunDir, logs_only: bool, checkpoints: str | None) -> set[str] | None:
    """Names of the files in checkpoints/ that are chosen, arguments as of `select`; None for all of them.

    Raises:
        CallError: another word in `checkpoints`, or a step without a checkpoint.
        UserError: there is no best or last checkpoint.
    """
    checkpoints = checkpoints or ("none" if logs_only else "all")
    words = [word.strip() for word in checkpoints.split(",")]
    steps = {step: path.name for step, path in run.list_checkpoints()}
    names = set()
    for word in words:
        if word == "best":
            if not run.best_checkpoint.exists():
                raise UserError(
                    f"{run.best_checkpoint}: not chosen yet. Run `fs2keras best {shlex.quote(str(run.path))}`."
                )
            names |= {run.best_checkpoint.name, run.best_checkpoint.with_suffix(".json").name}
        elif word == "last":
            if not steps:
                raise UserError(f"{run.path} has no checkpoint yet. Archive it without: --checkpoints none")
            names.add(steps[max(steps)])
        elif word.isdecimal():
            if int(word) not in steps:
                known = ", ".join(map(str, steps)) or "none"
                raise CallError(f"{run.path} has no checkpoint of step {word}. It has: {known}.")
            names.add(steps[int(word)])
        elif word not in ("all", "none"):
            raise CallError(f"--checkpoints {checkpoints}: expected best, last, all, none or steps, such as best,5000.")
    return None if "all" in words else names


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """(path in the run, path) of every file, links followed; not what is being written, locks, and our own."""
    here = os.path.realpath(folder)
    if here in above:
        return
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}). Ask for permission to read it.") from error
    for name in names:
        ours = not prefix and name in ("run.lock", NAME, INCOMING)
        if ours or name.startswith(".tmp-") or name.endswith(".tmp"):
            continue
        path = folder / name
        if os.path.isdir(path):
            yield from _walk(path, f"{prefix}{name}/", (*above, here))
        else:
            yield f"{prefix}{name}", path
