"""An archive that is one file, RUN.tar.zst, which `tar --zstd -x` opens too.

Each file of the run is a tar member in a Zstandard frame of its own, so an update passes unchanged files on as they
are. The last member is SHA256SUMS. Behind the tar stands what Zstandard skips: how long each frame is, and a CRC-32 of
all before it, for a byte may also flip where no file is.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fs2keras.archive import frames
from fs2keras.archive.content import BLOCK, checked, forget, just_written, read_all, reading, writing
from fs2keras.archive.manifest import NAME, Damaged, Entry, Manifest, check_format, parse
from fs2keras.archive.plan import Plan, Watch
from fs2keras.progress import Progress
from fs2keras.rundir.atomic import replacing

SUFFIX = ".tar.zst"


class Tarball:
    """The archive in the file `path`, which may not exist yet. It changes by being replaced, when the new one is whole
    and was read back."""

    remedy = "Move it away and run the same command again: a new one is made of what the run still has."

    def __init__(self, path: Path):
        self.path = path

    def manifest(self) -> Manifest | None:
        """What it holds; None where there is no such file. UserError when it is not ours or cannot be read; Damaged."""
        try:
            with reading(self.path), open(self.path, "rb") as file:
                *before, last = self._lengths(file)
                file.seek(sum(before))
                content = b"".join(self._member(frames.Part(file, last), NAME))
        except FileNotFoundError:
            return None
        return parse(content, f"{self.path}: {NAME}")

    def is_whole(self, entry: Entry) -> bool:
        """Whether a file is there: its bytes are checked when they are read."""
        return True

    def contents(self, manifest: Manifest) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Each file and its bytes, read from the disk, to be read to their end. Damaged where they are not as recorded,
        and at the very end, where anything else is not."""
        with reading(self.path), open(self.path, "rb") as file:
            forget(file)
            files = self._files(file, manifest)
            file.seek(0)
            crc = frames.Crc()
            whole = frames.Part(file, os.fstat(file.fileno()).st_size - frames.CRC_SIZE, crc.update)
            for entry, length in files:
                yield entry, self._checked(entry, frames.Part(whole, length))
            while whole.read(BLOCK):
                pass
            if crc.value != frames.read_crc(file):
                raise Damaged(f"{self.path} is damaged, between its files or in the list of them.")

    def update(self, plan: Plan, watch: Watch) -> Manifest:
        """Carries out a plan and returns what the archive then holds. Damaged, and as it was, where a file is."""
        if plan.old and plan.is_empty:
            manifest = self.manifest()
            with watch("checking", manifest.size) as progress:
                read_all(self.contents(manifest), progress)
            return manifest
        with replacing(self.path) as temporary:
            with watch("copying", sum(entry.size for entry in plan.keep.values()) + plan.bytes_to_take) as progress:
                manifest = self._write(temporary, plan, progress)
            with just_written(self.path), watch("checking", manifest.size) as progress:
                read_all(Tarball(temporary).contents(manifest), progress)
        return manifest

    def _write(self, path: Path, plan: Plan, progress: Progress) -> Manifest:
        entries, run = {}, plan.identity.run
        with writing(self.path), open(path, "wb") as file:
            out = frames.Writer(file)
            for entry in self._pass_on(plan, out, progress) if plan.keep else ():
                entries[entry.path] = plan.keep[entry.path]
            for source in plan.take:
                try:
                    entries[source.path] = out.add(source, run, progress)
                except FileNotFoundError:
                    plan.vanished(source)
            manifest = Manifest(plan.identity, entries, plan.made)
            out.finish(f"{run}/{NAME}", manifest.render())
            file.flush()
            os.fsync(file.fileno())
        return manifest

    def _pass_on(self, plan: Plan, out: frames.Writer, progress: Progress) -> Iterator[Entry]:
        """Checks the files that stay, and copies their frames as they are."""
        with reading(self.path), open(self.path, "rb") as file:
            offset = 0
            for entry, length in self._files(file, Manifest(plan.identity, plan.old)):
                if entry.path in plan.keep:
                    file.seek(offset)
                    read_all([(entry, self._checked(entry, frames.Part(file, length, out.put)))], progress)
                    out.end_frame()
                    yield entry
                offset += length

    def _files(self, file: BinaryIO, manifest: Manifest) -> list[tuple[Entry, int]]:
        """Each file with the length of its frame."""
        lengths = self._lengths(file)[:-1]
        if len(lengths) != len(manifest.entries):
            raise Damaged(f"{self.path} is damaged: it has {len(lengths)} files, {len(manifest.entries)} by its list.")
        return list(zip(manifest.entries.values(), lengths, strict=True))

    def _lengths(self, file: BinaryIO) -> list[int]:
        if lengths := frames.read_lengths(file):
            return lengths
        check_format(frames.comment(file), str(self.path))
        raise Damaged(
            f"{self.path} is damaged or was cut short: its end is missing. Take another copy, or archive anew."
        )

    def _checked(self, entry: Entry, part: frames.Part) -> Iterator[bytes]:
        return checked(entry, self._member(part, entry.path), self.path)

    def _member(self, part: frames.Part, path: str) -> Iterator[bytes]:
        """The bytes of the file `path` of the run, from the frame that is its own."""
        try:
            yield from frames.member(part, path)
        except frames.BROKEN as error:
            raise Damaged(f"{self.path}: {path} is damaged ({error}).") from error
