"""One owner for a run directory. The lock is the operating system's, so it ends with its owner, kill -9 included."""

import fcntl
import json
import os
import time
from typing import Any

from fs2keras.errors import UserError
from fs2keras.rundir import clock
from fs2keras.rundir.atomic import write_problem
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.process import identity, is_alive


class RunLock:
    """Holds `run.lock` inside a `with` block. A second owner gets a UserError that says who holds it and since when."""

    def __init__(self, rundir: RunDir):
        self.rundir = rundir
        self._descriptor: int | None = None

    def __enter__(self) -> "RunLock":
        path = self.rundir.lock_file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise write_problem(error, path) or error from error
        try:
            self._take()
        except BaseException:
            self._close()
            raise
        # A forked child shares the lock and could outlive us with it.
        os.register_at_fork(after_in_child=self._close)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
        self._close()  # the file stays: removing it would let two others each lock a file of that name

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(self._in_use()) from error
        owner = json.dumps({**identity(), "since": clock.now()}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, owner, 0)
        os.fsync(self._descriptor)

    def _in_use(self) -> str:
        for _ in range(20):  # the other may have the lock and be about to write its name
            if owner := read_owner(self.rundir):
                break
            time.sleep(0.01)
        else:
            return f"run {self.rundir.path} is in use by another process. Wait for it, or choose --set run.name=NAME."
        return (
            f"run {self.rundir.path} is in use by pid {owner['pid']} on host {owner['host']} since {owner['since']}. "
            f"Watch it with: fs2keras status {self.rundir.path}. Or choose another: --set run.name=NAME"
        )

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock(rundir: RunDir) -> RunLock:
    """`with lock(rundir):` owns the run directory, which is made when missing, for the length of the block."""
    return RunLock(rundir)


def read_owner(rundir: RunDir) -> dict[str, Any] | None:
    """Who wrote their name (pid, process_start_time, host, since) into run.lock and did not leave in order, or None."""
    try:
        owner = json.loads(rundir.lock_file.read_bytes())
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) and "pid" in owner else None


def living_owner(rundir: RunDir) -> dict[str, Any] | None:
    """The owner, when it is a process that lives on this host, else None."""
    owner = read_owner(rundir)
    here = owner is not None and owner["host"] == identity()["host"]
    return owner if here and is_alive(owner["pid"], owner["process_start_time"]) else None
