"""fs2keras with an accident: `python faults.py MOMENT SIGNAL NUMBER fit ...` runs the command line, and the process
sends itself SIGNAL at the NUMBER-th occurrence of MOMENT, always at the same instruction. No accident: MOMENT "never".
"""

import functools
import os
import signal
import sys


def main(moment: str, name: str, number: str, *arguments: str) -> int:
    if os.environ["KERAS_BACKEND"] == "jax":
        # As in an installation without TensorFlow, where it is installed too: Keras would import it to save a model.
        sys.modules["tensorflow"] = None
    accident = _Accident(signal.Signals[name], int(number))
    MOMENTS[moment](accident)
    from fs2keras.cli import main as fs2keras

    return fs2keras(arguments)


class _Accident:
    def __init__(self, number: signal.Signals, due: int):
        self._signal, self._due, self._count = number, due, 0

    def is_due(self) -> bool:
        self._count += 1
        return self._count == self._due

    def happen(self) -> None:
        os.kill(os.getpid(), self._signal)


def before_a_step(accident: _Accident) -> None:
    """When all work between two steps is done, and the next step begins."""
    from fs2keras.training.callbacks import Compiling

    @_around(Compiling, "on_train_batch_begin")
    def replacement(original, *arguments, **keywords):
        original(*arguments, **keywords)
        if accident.is_due():
            accident.happen()


def inside_a_row(accident: _Accident) -> None:
    """When half a line of steps.csv is written."""
    from fs2keras.rundir.csvlog import CsvLog

    @_around(CsvLog, "_write")
    def replacement(original, log, line):
        if log.path.name != "steps.csv" or not accident.is_due():
            return original(log, line)
        os.write(log._descriptor, line[: len(line) // 2])
        accident.happen()


def inside_a_checkpoint(accident: _Accident) -> None:
    """When half of a checkpoint is written."""
    import keras

    @_around(keras.Model, "save")
    def replacement(original, model, path, **keywords):
        original(model, path, **keywords)
        if accident.is_due():
            os.truncate(path, os.path.getsize(path) // 2)
            accident.happen()


def inside_a_state(accident: _Accident) -> None:
    """When half of a resume state is written."""
    import numpy

    @_around(numpy, "savez")
    def replacement(original, path, **arrays):
        original(path, **arrays)
        if accident.is_due():
            os.truncate(path, os.path.getsize(path) // 2)
            accident.happen()


def inside_a_validation(accident: _Accident) -> None:
    """When a validation has done its first batch."""
    import keras

    class Happen(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            accident.happen()

    @_around(keras.Model, "evaluate")
    def replacement(original, model, *arguments, **keywords):
        callbacks = [Happen()] if accident.is_due() else []
        return original(model, *arguments, callbacks=callbacks, **keywords)


def never(accident: _Accident) -> None:
    """All goes well."""


def _around(owner, name: str):
    """Replaces a function by another one that gets the original as its first argument."""

    original = getattr(owner, name)

    def decorate(replacement):
        @functools.wraps(original)
        def wrapper(*arguments, **keywords):
            return replacement(original, *arguments, **keywords)

        setattr(owner, name, wrapper)
        return replacement

    return decorate


MOMENTS = {
    f.__name__: f
    for f in (before_a_step, inside_a_row, inside_a_checkpoint, inside_a_state, inside_a_validation, never)
}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
