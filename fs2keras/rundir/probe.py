"""A living process of this host, as /proc sees it."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fs2keras.rundir import process

GPU_S = 5.0  # nvidia-smi takes a moment, and some of the card's own time
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """What a process uses now; None where the system does not tell.

    `cpu_percent` is the use since the probe before, 100 for each core; `peak_bytes` the most memory it ever occupied;
    `read_bytes` and `written_bytes` count what went from and to disks since it began.
    """

    pid: int
    cpu_percent: float | None = None
    rss_bytes: int | None = None
    peak_bytes: int | None = None
    threads: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    uptime_s: float | None = None
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None
    command: str | None = None


class Probe:
    """Looks at one process again and again; remembers what it needs to say how busy it was in between."""

    def __init__(
        self,
        gpu: Callable[[], tuple[float | None, int | None]] = process.gpu,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self._gpu, self._monotonic = gpu, monotonic
        self._has_gpu = gpu is not process.gpu or shutil.which("nvidia-smi") is not None
        self._gpu_asked: tuple[float, tuple[float | None, int | None]] | None = None
        self._before: tuple[int, str, float, float] | None = None

    def read(self, pid: int, start_time: str | None) -> Process | None:
        """The process with this pid and start time; None when it is gone, a zombie, or another one has its pid."""
        if not process.is_alive(pid, start_time):
            return None
        folder = Path("/proc") / str(pid)
        stat = _words(folder / "stat")
        if stat is None:
            return Process(pid) if not Path("/proc/self/stat").exists() else None
        if stat[19] != start_time or stat[0] in "ZX":
            return None
        status, io = _pairs(folder / "status"), _pairs(folder / "io")
        percent, memory = self._ask_gpu(folder)
        return Process(
            pid=pid,
            cpu_percent=self._cpu_percent(pid, start_time, (int(stat[11]) + int(stat[12])) / _TICKS),
            rss_bytes=_kilobytes(status.get("VmRSS")),
            peak_bytes=_kilobytes(status.get("VmHWM")),
            threads=int(stat[17]),
            read_bytes=_whole(io.get("read_bytes")),
            written_bytes=_whole(io.get("write_bytes")),
            uptime_s=_uptime(int(start_time)),
            gpu_percent=percent,
            gpu_memory_bytes=memory,
            command=_command(folder),
        )

    def _cpu_percent(self, pid: int, start_time: str, seconds: float) -> float | None:
        now, before = self._monotonic(), self._before
        self._before = (pid, start_time, now, seconds)
        if before is None or before[:2] != (pid, start_time) or now <= before[2]:
            return None
        return 100 * (seconds - before[3]) / (now - before[2])

    def _ask_gpu(self, folder: Path) -> tuple[float | None, int | None]:
        if not self._has_gpu or not _sees_our_gpu(folder):
            return None, None
        now = self._monotonic()
        if self._gpu_asked is None or now - self._gpu_asked[0] >= GPU_S:
            self._gpu_asked = (now, self._gpu())
        return self._gpu_asked[1]


def _sees_our_gpu(folder: Path) -> bool:
    """Whether the first GPU of that process is the one that `process.gpu` asks about."""
    try:
        variables = (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    theirs = [value.partition(b"=")[2] for value in variables if value.startswith(b"CUDA_VISIBLE_DEVICES=")]
    first = theirs[0].split(b",")[0].strip().decode("utf-8", "replace") if theirs else "0"
    return first == os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()


def _words(path: Path) -> list[str] | None:
    """The fields of a stat file after the name (which may hold spaces and parentheses)."""
    try:
        return path.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _pairs(path: Path) -> dict[str, str]:
    """`name: value` lines; none when the file cannot be read."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None else None


def _kilobytes(text: str | None) -> int | None:
    """Bytes of a value like '2345 kB'."""
    return int(text.split()[0]) * 1024 if text else None


def _uptime(start_ticks: int) -> float | None:
    """Seconds since a process that began so many clock ticks after the boot."""
    try:
        since_boot = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    return max(0.0, since_boot - start_ticks / _TICKS)


def _command(folder: Path) -> str | None:
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return " ".join(word.decode("utf-8", "replace") for word in words if word) or None
