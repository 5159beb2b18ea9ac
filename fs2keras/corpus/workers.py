"""A function of one utterance, on all cores."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from fs2keras.errors import UserError

_TOO_FEW_FOR_PROCESSES = 32  # starting workers takes seconds, an utterance a twentieth of one


def on_all_cores(
    function: Callable[..., Any],
    calls: Sequence[tuple],
    jobs: int = 0,
    *,
    worthwhile: int = _TOO_FEW_FOR_PROCESSES,
) -> Iterator[Any]:
    """What `function` returns for the arguments of each call, in order.

    Args:
        function: of a module, so that other processes find it.
        calls: the arguments of each call.
        jobs: processes; 0 for one on each core.
        worthwhile: fewer calls than these run in this process.

    Raises UserError when a worker process dies.
    """
    jobs = jobs or joblib.cpu_count()
    if jobs == 1 or len(calls) < worthwhile:
        yield from (function(*call) for call in calls)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
            joblib.delayed(_call_for)(os.getpid(), function, call) for call in calls
        )
        try:
            yield from results
        except TerminatedWorkerError as error:
            raise UserError(
                "A worker process was killed, most likely for want of memory. Use fewer with "
                f"--set corpus.jobs={max(1, jobs // 2)}."
            ) from error


def _call_for(parent: int, function: Callable[..., Any], call: tuple) -> Any:
    """The call in a worker process that ends with its parent: loky's own would wait for a killed one forever."""
    _watch(parent)
    return function(*call)


@cache
def _watch(parent: int) -> None:
    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
