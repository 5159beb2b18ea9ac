"""Where an archive and a restored run go, and who may write there."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fs2keras.archive.content import writing
from fs2keras.archive.folder import Folder
from fs2keras.archive.tarball import SUFFIX, Tarball
from fs2keras.errors import CallError, UserError
from fs2keras.rundir.layout import RunDir

_OTHER_KINDS = (".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".tzst", ".zip", ".7z", ".rar")

Archive = Folder | Tarball


def target(run: RunDir, to: Path) -> Archive:
    """The archive that `--to` means: a .tar.zst, or in a folder one of the run's name; that folder itself when it is an
    archive, or is new and named like the run.

    Raises:
        CallError: another kind of file is asked for; it lies in the run, or the run in it.
        UserError: something else is in the way.
    """
    to = to.expanduser()
    if to.name.endswith(SUFFIX):
        found = Tarball(to)
        in_the_way = "a folder" if to.is_dir() else ""
    elif to.suffix in _OTHER_KINDS and not to.is_dir():
        raise CallError(f"--to {to}: archives are folders or end in {SUFFIX}.")
    elif to.is_file():
        raise CallError(f"--to {to} is a file. Expected a folder, or a name that ends in {SUFFIX}.")
    else:
        itself = Folder(to).is_begun() or is_free(to) and to.name == run.name
        found = Folder(to if itself else to / run.name)
        in_the_way = "" if found.is_begun() or is_free(found.path) else "something else"
    _refuse_overlap(run, found.path)
    if in_the_way:
        raise UserError(f"{found.path}: {in_the_way} of that name is there, and no archive. Choose another --to.")
    return found


def is_free(path: Path) -> bool:
    """Whether there is nothing, or an empty folder."""
    try:
        return not os.listdir(path)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            return False
        raise UserError(f"{path}: cannot be read ({error.strerror}). Ask for permission, or choose another.") from error


def _refuse_overlap(run: RunDir, path: Path) -> None:
    ours, theirs = run.path.resolve(), path.resolve()
    if theirs == ours:
        raise CallError(f"--to would put the archive where the run is, {run.path}. Choose another folder.")
    if ours in theirs.parents:
        raise CallError(f"{path} lies in the run {run.path}, and would become part of it. Choose another --to.")
    if theirs in ours.parents:
        raise CallError(f"{path} would be the archive, and the run {run.path} lies in it. Choose another --to.")


@contextmanager
def alone_in(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Inside the block no other fs2keras archives or restores into this folder, which is made when missing.

    Where the file system knows no locks, it goes on without.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another fs2keras that writes into {folder}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            report(f"{folder} cannot be locked: let nothing else archive into it now")
        yield
    finally:
        os.close(descriptor)
