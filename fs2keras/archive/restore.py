"""`fs2keras restore`: a run from its archive, or a refusal that names the damaged file."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fs2keras.archive.content import checked, digest, just_written, need_room, read_all, stored, write, writing
from fs2keras.archive.folder import Folder
from fs2keras.archive.manifest import Damaged, Manifest
from fs2keras.archive.place import Archive, alone_in, is_free
from fs2keras.archive.tarball import Tarball
from fs2keras.errors import CallError, UserError
from fs2keras.progress import Progress
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.sizes import file_size

RUNS = Path("runs")


def verify(source: Path, report: Callable[[str], None]) -> Manifest:
    """Reads a whole archive and compares its checksums. UserError when it is no archive, Damaged when a file is."""
    archive, manifest = _open(source)
    with Progress("checking", manifest.size, report, in_bytes=True) as progress:
        read_all(archive.contents(manifest), progress)
    return manifest


def restore(source: Path, to: Path | None, *, report: Callable[[str], None]) -> RunDir:
    """Writes the run of an archive to `to`/<its name>, or to `to` itself when that is new and has the name.

    The run appears when all of it was checked on reading, written, and read back. When it is there already, file by
    file the same, nothing is done.

    Args:
        source: a folder archive, the folder in which one lies, or a .tar.zst.
        to: the folder of runs; None for runs/.
        report: takes one line at a time.

    Raises:
        UserError: it is no archive; a file of it is damaged; another run is in the way; the disk is full.
    """
    archive, manifest = _open(source)
    name, to = manifest.identity.run, (to or RUNS).expanduser()
    target = to if to.name == name and is_free(to) else to / name
    if target.resolve() == archive.path.resolve():
        raise CallError(f"{target} is the archive itself. Choose another folder with --to.")
    with alone_in(target.absolute().parent, report):
        if is_free(target):
            _restore(archive, manifest, target, report)
            report(f"{target}: {len(manifest.entries):,} files, {file_size(manifest.size)}, checksums agree")
        else:
            _refuse_other(manifest, target, report)
            report(f"{target} is there already, with the same {len(manifest.entries):,} files: nothing to do")
    return RunDir(target)


def _open(source: Path) -> tuple[Archive, Manifest]:
    source = source.expanduser()
    if not os.path.exists(source):
        raise UserError(f"{source}: no such file or folder. Expected an archive that `fs2keras archive` made.")
    archive = _archive_in(source) if source.is_dir() else Tarball(source)
    manifest = archive.manifest()
    if manifest is None:
        raise UserError(f"{archive.path}: the archive was never finished. Run `fs2keras archive` again.")
    return archive, manifest


def _archive_in(folder: Path) -> Folder:
    if Folder(folder).is_begun():
        return Folder(folder)
    try:
        inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and Folder(path).is_begun()]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}). Ask for permission to read it.") from error
    if len(inside) == 1:
        return Folder(inside[0])
    if inside:
        raise CallError(f"{folder} holds several archives. Give one: {', '.join(map(str, inside))}")
    raise UserError(f"{folder}: no archive, it has no SHA256SUMS. Expected one that `fs2keras archive` made.")


def _restore(archive: Archive, manifest: Manifest, target: Path, report: Callable[[str], None]) -> None:
    watch = partial(Progress, report=report, in_bytes=True)
    with _staging(target) as folder:
        need_room(folder, manifest.size)
        with watch("restoring", manifest.size) as progress:
            try:
                for entry, blocks in archive.contents(manifest):
                    write(folder / entry.path, progress.through(blocks), entry.mtime_ns)
            except Damaged as error:
                raise UserError(f"{error} Nothing was restored. Restore from another copy.") from error
        written = ((entry, checked(entry, stored(folder / entry.path), target)) for entry in manifest.entries.values())
        with just_written(target), watch("checking", manifest.size) as progress:
            read_all(written, progress)
        os.sync()
        with writing(target):
            os.replace(folder, target)


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A folder beside `target` to make it in; one level deeper than a run, so that nobody takes it for one."""
    outer = target.with_name(f".tmp-{target.name}")
    with writing(target):
        shutil.rmtree(outer, ignore_errors=True)
        (outer / target.name).mkdir(parents=True)
    try:
        yield outer / target.name
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _refuse_other(manifest: Manifest, target: Path, report: Callable[[str], None]) -> None:
    """UserError unless `target` holds every file of the archive as it is there."""
    with Progress("comparing", manifest.size, report, in_bytes=True) as progress:
        for entry in manifest.entries.values():
            path = target / entry.path
            same = path.is_file() and path.stat().st_size == entry.size
            if not same or digest(progress.through(stored(path))) != entry.sha256:
                raise UserError(
                    f"{target} is there already, and its {entry.path} is another than the archive's. Nothing is "
                    "overwritten: choose another folder with --to, or move the run away."
                )
