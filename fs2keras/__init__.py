"""FastSpeech 2 text-to-speech in Keras 3, on JAX and TensorFlow.

Importing this imports nothing heavy. Its classes are registered with Keras the moment keras is imported, or at once
when it already is, so `keras.saving.load_model` opens a checkpoint in either order of imports.
"""

import importlib
import importlib.abc
import importlib.util
import os
import sys

__version__ = "0.1.0"
__all__ = ["FastSpeech2", "Speech", "Voice"]

_HOMES = {"FastSpeech2": "fs2keras.fastspeech2.model", "Speech": "fs2keras.voice", "Voice": "fs2keras.voice"}
_REGISTERED = ("fs2keras.fastspeech2.model", "fs2keras.aligner.model", "fs2keras.nn.optimizer")


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'fs2keras' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted([*globals(), *__all__])


def _register() -> None:
    for module in _REGISTERED:
        importlib.import_module(module)


class _AfterKeras(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds keras as anyone would, and registers our classes when it has been loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        _choose_backend()
        spec = importlib.util.find_spec(name)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        # Keras and others look at the loader of a module: give the real one back before anything runs.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _register()


def _choose_backend() -> None:
    # Keras falls back to TensorFlow when nobody chose; our base installation comes with JAX alone.
    if "KERAS_BACKEND" not in os.environ and not importlib.util.find_spec("tensorflow"):
        os.environ["KERAS_BACKEND"] = "jax"


if "keras" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _AfterKeras())
