"""An archive that is a folder: the run's files as they lie in the run, and SHA256SUMS."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fs2keras.archive.content import (
    Hashing,
    Snapshot,
    Source,
    checked,
    digest,
    just_written,
    need_room,
    read_all,
    reading,
    stored,
    write,
    writing,
)
from fs2keras.archive.manifest import INCOMING, NAME, Damaged, Entry, Manifest, parse
from fs2keras.archive.plan import Plan, Watch
from fs2keras.errors import UserError
from fs2keras.progress import Progress
from fs2keras.rundir.atomic import write_bytes


class Folder:
    """The archive at `path`, which may not exist yet.

    How it changes, so that it can be killed anywhere: (1) what is new is written under .incoming, the archive stays as
    it was; (2) everything is read back; (3) the new SHA256SUMS is written under .incoming: from here on the archive is
    the new one, of each file the one under .incoming where there is one; (4) the files are moved into their places,
    SHA256SUMS last. Who finds an archive between (3) and (4) reads it so, and the next update finishes it.
    """

    remedy = "Delete that file there and run the same command again: it is copied anew, if the run still has it."

    def __init__(self, path: Path):
        self.path = path
        self._incoming = path / INCOMING

    def manifest(self) -> Manifest | None:
        """What it holds; None where there is no archive, or only the beginning of its first one. Errors as `parse`."""
        for path in (self._incoming / NAME, self.path / NAME):
            try:
                with reading(path):
                    data = path.read_bytes()
            except FileNotFoundError:
                continue
            return parse(data, str(path))
        return None

    def is_begun(self) -> bool:
        """Whether there is an archive, or the beginning of one."""
        return os.path.isdir(self._incoming) or os.path.exists(self.path / NAME)

    def is_whole(self, entry: Entry) -> bool:
        """Whether a file is there, with its size."""
        path = self._find(entry.path, self._is_committed())
        return path.is_file() and path.stat().st_size == entry.size

    def contents(self, manifest: Manifest) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Each file and its bytes, read from the disk. Damaged, at the end of them, where they are not as recorded."""
        yield from self._read(manifest.entries, self._is_committed())

    def update(self, plan: Plan, watch: Watch) -> Manifest:
        """Carries out a plan and returns what the archive then holds. Damaged, and as it was, where a file is."""
        if self._is_committed():
            self._move(self.manifest())
        need_room(self.path, plan.bytes_to_take)
        with writing(self._incoming):
            self._incoming.mkdir(parents=True, exist_ok=True)
            self._clear({source.path for source in plan.take})
        with watch("copying", plan.bytes_to_take) as progress:
            taken = self._stage_all(plan, progress)
        manifest = Manifest(plan.identity, dict(sorted((plan.keep | taken).items())), plan.made)
        with watch("checking", manifest.size) as progress:
            self._check(taken, plan.keep, progress)
        os.sync()  # the folders too
        write_bytes(self._incoming / NAME, manifest.render())
        self._move(manifest)
        self._remove(plan.drop)
        return manifest

    def _is_committed(self) -> bool:
        return os.path.exists(self._incoming / NAME)

    def _find(self, path: str, staged: bool) -> Path:
        new = self._incoming / path
        return new if staged and new.is_file() else self.path / path

    def _read(self, entries: dict[str, Entry], staged: bool) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        for entry in entries.values():
            path = self._find(entry.path, staged)
            if not path.is_file():
                raise Damaged(f"{self.path}: {entry.path} is missing.")
            yield entry, checked(entry, stored(path), self.path)

    def _clear(self, wanted: set[str]) -> None:
        """Removes what an earlier update, killed, has left under .incoming and this one has no use for."""
        for folder, _, names in os.walk(self._incoming):
            for name in names:
                path = Path(folder, name)
                if path.relative_to(self._incoming).as_posix() not in wanted:
                    path.unlink()

    def _stage_all(self, plan: Plan, progress: Progress) -> dict[str, Entry]:
        entries = {}
        for source in plan.take:
            try:
                entries[source.path] = self._stage(source, progress)
            except FileNotFoundError:
                plan.vanished(source)
                with suppress(FileNotFoundError):
                    (self._incoming / source.path).unlink()
        return entries

    def _stage(self, source: Source, progress: Progress) -> Entry:
        path = self._incoming / source.path
        with Snapshot(source) as snapshot:
            blocks = progress.through(snapshot.blocks())
            if path.is_file() and (path.stat().st_size, path.stat().st_mtime_ns) == (snapshot.size, snapshot.mtime_ns):
                sha256 = digest(blocks)  # an earlier update, killed, has copied it to its end
            else:
                blocks = Hashing(blocks)
                write(path, blocks, snapshot.mtime_ns)
                sha256 = blocks.sha256
            return Entry(source.path, snapshot.size, snapshot.mtime_ns, sha256)

    def _check(self, taken: dict[str, Entry], kept: dict[str, Entry], progress: Progress) -> None:
        """Reads everything back. Where something is damaged the archive is left as it was, without what was copied,
        which the next update would find there and take for whole."""
        try:
            with just_written(self.path):
                read_all(self._read(taken, staged=True), progress)
            read_all(self._read(kept, staged=False), progress)
        except UserError:
            shutil.rmtree(self._incoming, ignore_errors=True)
            raise

    def _move(self, manifest: Manifest) -> None:
        with writing(self.path):
            for path in manifest.entries:
                staged, place = self._incoming / path, self.path / path
                if staged.is_file():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(staged, place)
            os.sync()
            os.replace(self._incoming / NAME, self.path / NAME)
            shutil.rmtree(self._incoming)

    def _remove(self, drop: dict[str, Entry]) -> None:
        with writing(self.path):
            for path in drop:
                (self.path / path).unlink(missing_ok=True)
            folders = {parent for path in drop for parent in (self.path / path).parents}
            for folder in sorted(folders, reverse=True):  # the inner ones first
                if self.path in folder.parents:
                    with suppress(OSError):  # not empty
                        folder.rmdir()
