"""This process and others, as the operating system sees them; None where it does not say."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any


def process_start_time(pid: int) -> str | None:
    """When process `pid` began, as a word that only that process has; None when there is no such process (or a zombie).

    Linux: clock ticks since boot. Elsewhere: what `ps` prints. Compare for equality only; a pid alone can be reused.
    """
    if Path("/proc/self/stat").exists():
        fields = _stat(pid)
        return fields[19] if fields and fields[0] not in "ZX" else None
    answer = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, began = answer.stdout.strip().partition(" ")
    return began.strip() if began and not state.startswith("Z") else None


def is_alive(pid: int, start_time: str | None) -> bool:
    """Whether the process with this pid and start time still runs on this machine."""
    return process_start_time(pid) == start_time and start_time is not None


def identity() -> dict[str, Any]:
    """Who this process is: the pid, process_start_time and host of run.json and run.lock."""
    return {"pid": os.getpid(), "process_start_time": process_start_time(os.getpid()), "host": socket.gethostname()}


def cpu_seconds() -> float:
    """Processor time of this process so far, all its threads, in seconds."""
    times = os.times()
    return times.user + times.system


def rss_bytes() -> int | None:
    """Memory that this process occupies, in bytes."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def io_bytes() -> tuple[int | None, int | None]:
    """Bytes that this process has read from and written to disks."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return None, None
    values = dict(line.split(": ") for line in lines)
    return int(values["read_bytes"]), int(values["write_bytes"])


def gpu() -> tuple[float | None, int | None]:
    """Use in percent and memory in bytes of the first visible GPU, asked of nvidia-smi."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    command = shutil.which("nvidia-smi")
    if command is None or visible in ("", "-1"):
        return None, None
    query = [command, f"--id={visible}", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout
        percent, mebibytes = answer.strip().split("\n")[0].split(",")
        return float(percent), int(mebibytes) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):  # no driver, or a card that does not tell
        return None, None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name (which may hold spaces): 0 is the state, 19 the start time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
