"""Batches read ahead in a thread, so that a training step never waits for the disk."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from fs2keras.training.task import Batches


class Feed:
    """Iterates over (batch,) for batches `start` to `stop` - 1, in order, `ahead` of them in memory.

    One thread, because order is part of exact resume and because keras's own workers fed wrong batches on JAX
    (facts.md, 5). An exception in the reader is raised where the batch is asked for.

    Attributes:
        waited: seconds spent waiting for a batch, since the beginning.
        frames: valid frames of each batch handed out, by `frames_of`.
        error: what the reader raised.
    """

    def __init__(
        self,
        batches: Batches,
        start: int,
        stop: int,
        frames_of: Callable[[dict[str, np.ndarray]], int] = lambda batch: 0,
        ahead: int = 4,
    ):
        self.waited = 0.0
        self.frames: list[int] = []
        self.error: BaseException | None = None
        self._frames_of = frames_of
        self._batches, self._start, self._stop = batches, start, stop
        self._queue: queue.Queue = queue.Queue(maxsize=ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="feed", daemon=True)

    def __iter__(self) -> Iterator[tuple[dict[str, np.ndarray]]]:
        if not self._thread.is_alive():
            self._thread.start()
        for _ in range(self._start, self._stop):
            begin = time.perf_counter()
            batch = self._queue.get()
            self.waited += time.perf_counter() - begin
            if isinstance(batch, BaseException):
                self.error = batch
                raise batch
            self.frames.append(self._frames_of(batch))
            yield (batch,)

    @contextmanager
    def raising_as_read(self) -> Iterator[None]:
        """Inside this block the reader's exception comes out as it was: TensorFlow makes one of its own of it."""
        try:
            yield
        except Exception as error:
            if self.error is None or error is self.error:
                raise
            raise self.error from error

    def close(self) -> None:
        """Ends the thread, also when batches are left."""
        self._closed.set()

    def _read(self) -> None:
        for i in range(self._start, self._stop):
            try:
                batch = self._batches.batch(i)
            except BaseException as error:  # handed over to the training thread, which raises it
                batch = error
            if not self._put(batch) or isinstance(batch, BaseException):
                return

    def _put(self, batch) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
