"""Frames of a .tar.zst: a file each, and behind them an index that Zstandard skips."""

import os
import struct
import tarfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import zstandard

from fs2keras.archive.content import BLOCK, Hashing, Snapshot, Source
from fs2keras.archive.manifest import FIRST_LINE, Entry
from fs2keras.progress import Progress

_LEVEL = 3
_SKIPPED = struct.Struct("<II")  # how a frame begins that Zstandard skips: magic number, bytes that follow
_MAGIC = 0x184D2A5F
_END = struct.Struct("<I8sI")  # behind the lengths: how many, _NAME, CRC-32 of all before it
_NAME = b"fs2keras"
CRC_SIZE = 4
BROKEN = (zstandard.ZstdError, tarfile.TarError, EOFError, ValueError)  # what reading a damaged frame raises


class Writer:
    """Writes frames to `file`, and at the end the index."""

    def __init__(self, file: BinaryIO):
        self._file, self._lengths, self._length, self._crc = file, [], 0, Crc()
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=-1, write_checksum=True)

    def put(self, data: bytes) -> None:
        """Some of a frame, compressed."""
        self._file.write(data)
        self._length += len(data)
        self._crc.update(data)

    def end_frame(self) -> None:
        self._lengths.append(self._length)
        self._length = 0

    def add(self, source: Source, folder: str, progress: Progress) -> Entry:
        """A frame with a file of a run. FileNotFoundError, and nothing written, when it is gone."""
        with Snapshot(source) as snapshot:
            blocks = Hashing(progress.through(snapshot.blocks()))
            self._add(f"{folder}/{source.path}", snapshot.size, snapshot.mtime_ns, blocks)
            return Entry(source.path, snapshot.size, snapshot.mtime_ns, blocks.sha256)

    def finish(self, name: str, content: bytes) -> None:
        """The last frame, with the list of the files and the end of the tar; then the index."""
        self._add(name, len(content), time.time_ns(), [content], b"\0" * 2 * tarfile.BLOCKSIZE)
        count = len(self._lengths)
        self.put(_SKIPPED.pack(_MAGIC, 8 * count + _END.size) + struct.pack(f"<{count}Q", *self._lengths))
        self.put(_END.pack(count, _NAME, 0)[:-CRC_SIZE])
        self._file.write(self._crc.value.to_bytes(CRC_SIZE, "little"))

    def _add(self, name: str, size: int, mtime_ns: int, blocks: Iterable[bytes], behind: bytes = b"") -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime = size, mtime_ns // 10**9
        # tarfile itself would write a float, which has no room for nanoseconds.
        info.pax_headers = {"mtime": f"{mtime_ns // 10**9}.{mtime_ns % 10**9:09d}", "comment": FIRST_LINE}
        frame = self._compressor.compressobj()
        self.put(frame.compress(info.tobuf(tarfile.PAX_FORMAT, "utf-8")))
        for block in blocks:
            self.put(frame.compress(block))
        self.put(frame.compress(bytes(-size % tarfile.BLOCKSIZE) + behind))
        self.put(frame.flush())
        self.end_frame()


class Crc:
    """The CRC-32 of what it is shown."""

    value = 0

    def update(self, data: bytes) -> None:
        self.value = zlib.crc32(data, self.value)


class Part:
    """The next `length` bytes of a file, as a file to read; shows what is read to `see`."""

    def __init__(self, file, length: int, see: Callable[[bytes], None] = lambda data: None):
        self._file, self._left, self._see = file, length, see

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._see(data)
        return data


def read_lengths(file: BinaryIO) -> list[int]:
    """The lengths of the frames, that of the list of files last, from the end of the file; none where it has no index
    that agrees with its size."""
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        return []
    file.seek(size - _END.size)
    count, name, _ = _END.unpack(file.read())
    before = size - tail_size(count)
    if name != _NAME or not count or before < 0:
        return []
    file.seek(before)
    head = _SKIPPED.unpack(file.read(_SKIPPED.size))
    lengths = list(struct.unpack(f"<{count}Q", file.read(8 * count)))
    whole = head == (_MAGIC, 8 * count + _END.size) and sum(lengths) == before
    return lengths if whole else []


def tail_size(count: int) -> int:
    """Bytes of the index of so many frames."""
    return _SKIPPED.size + 8 * count + _END.size


def read_crc(file: BinaryIO) -> int:
    """The CRC-32 that the file should have, from where it stands: at its last bytes."""
    return int.from_bytes(file.read(), "little")


def comment(file: BinaryIO) -> str:
    """What the first member of a .tar.zst says about it: in ours FIRST_LINE; "" when it says nothing."""
    file.seek(0)
    try:
        with _decompressed(file) as frame:
            return _first_member(frame)[1].pax_headers.get("comment", "")
    except BROKEN:
        return ""


def member(part: Part, path: str) -> Iterator[bytes]:
    """The bytes of the one file in a frame. BROKEN, where the frame is, and when the file is not `path` of a run."""
    with _decompressed(part) as frame:
        tar, info = _first_member(frame)
        if not info.isfile() or info.name.partition("/")[2] != path:
            raise ValueError(f"{info.name} stands in its place")
        content = tar.extractfile(info)
        while block := content.read(BLOCK):
            yield block
        while frame.read(BLOCK):  # on to the checksum of the frame
            pass
    while part.read(BLOCK):
        pass


def _decompressed(file) -> zstandard.ZstdDecompressionReader:
    return zstandard.ZstdDecompressor().stream_reader(file, read_size=BLOCK, closefd=False)


def _first_member(frame) -> tuple[tarfile.TarFile, tarfile.TarInfo]:
    tar = tarfile.open(fileobj=frame, mode="r|", bufsize=BLOCK, encoding="utf-8")  # noqa: SIM115
    if (info := tar.next()) is None:
        raise tarfile.ReadError("the tar is empty")
    return tar, info
