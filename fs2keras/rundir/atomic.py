"""Files that are either whole or absent: write to a temporary name beside it, sync, rename, sync the folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fs2keras.errors import UserError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def replacing(path: str | os.PathLike, is_shared: bool = False) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder; when the block ends well, what it wrote there takes `path`'s place.

    The temporary name keeps the suffix (`step-1.keras` -> `.tmp-step-1.keras`: Keras and h5py look at it) and is always
    the same, so what a killed process left behind is overwritten, not collected. Only for a file that several processes
    may write at once, `is_shared`, each has a name of its own. The folder is made when missing.
    If the block raises, the temporary file is removed and `path` is as it was. A full disk or a folder that cannot be
    written raises UserError naming the file.
    """
    path = Path(path)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}" if is_shared else f".tmp-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError) and (problem := write_problem(error, path, temporary)):
            raise problem from error
        raise


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a whole file, atomically. Raises UserError when the disk is full or the folder cannot be written."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a whole UTF-8 file, atomically, line ends as given. Raises UserError as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_problem(error: OSError, path: Path, temporary: Path | None = None) -> UserError | None:
    """The UserError for a failed write of `path`, by way of `temporary`; None when `error` is not about writing it."""
    if error.errno in _NO_ROOM:
        return UserError(f"{path}: no room left on the disk. Free some, then run the same command again.")
    ours = (path, temporary, *path.parents)
    about_us = error.filename is None or Path(os.fsdecode(error.filename)) in ours
    if error.errno in _NOT_WRITABLE and about_us:
        return UserError(
            f"{path}: cannot be written ({error.strerror}). Check the folder's permissions, or choose another."
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR) and about_us:
        return UserError(f"{path}: cannot be written, a file or folder of that name is in the way ({error.strerror}).")
    if error.errno == errno.ENAMETOOLONG or (error.errno == errno.ENOENT and _is_folder_of(error, path)):
        return UserError(f"{path}: no file of that name can be made there ({error.strerror}). Choose another.")
    return None


def _is_folder_of(error: OSError, path: Path) -> bool:
    """Whether it was the making of a folder that failed, as below /proc: a missing file would be our own mistake."""
    return error.filename is not None and Path(os.fsdecode(error.filename)) in path.parents


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the error already under way says more than a temporary file that stays behind
