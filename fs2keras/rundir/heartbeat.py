"""process.csv: every few seconds, what the process is doing and what it uses, from a thread of its own."""

import threading
import time

from fs2keras.errors import UserError
from fs2keras.rundir import clock, process
from fs2keras.rundir.columns import PROCESS_COLUMNS, names
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.layout import RunDir


class Heartbeat:
    """A daemon thread that appends a row every `interval` seconds, also while the main thread compiles or saves.

    The trainer sets `activity` (starting, compiling, training, validating, sampling, saving) and `step`. A row that
    cannot be written (a full disk) is tried again at the next beat; meanwhile `error` says why.
    """

    def __init__(self, rundir: RunDir, interval: float = 10.0):
        self.activity = "starting"
        self.step = 0
        self.error: UserError | None = None
        self._rundir, self._interval = rundir, interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write the last row and end the thread; does nothing when it was never started or has stopped."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        before, ended = None, False
        while True:
            now = time.monotonic(), process.cpu_seconds()
            self._beat(100 * (now[1] - before[1]) / (now[0] - before[0]) if before else None)
            if ended:
                return
            before, ended = now, self._stopped.wait(self._interval)

    def _beat(self, cpu_percent: float | None) -> None:
        cpu = None if cpu_percent is None else round(cpu_percent, 1)
        usage = [cpu, process.rss_bytes(), *process.io_bytes(), *process.gpu()]
        try:
            with CsvLog(self._rundir.process_csv, names(PROCESS_COLUMNS)) as log:
                log.append([clock.now(), self.step, self.activity, *usage])
            self.error = None
        except UserError as error:
            self.error = error
