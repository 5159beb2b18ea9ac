"""The smallest training there is: 24 sentences of the demo corpus, a model of width 8, 12 steps. Some tests run it in
their own process, as `fs2keras` does, others in processes of their own that come to harm (faults.py)."""

import csv
import io
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import jax
import numpy as np

from fs2keras import cli
from fs2keras.rundir.layout import RunDir

ROOT = Path(__file__).parent.parent
STEPS = 12
# What depends on the clock; all other columns are the same however often a run was interrupted.
TIMES = {"elapsed_s", "steps_per_s", "frames_per_s", "data_wait_share"}
RECIPE = """\
kind = "fastspeech2"

[run]
name = "tiny"
dir = "{folder}/runs"

[corpus]
reader = "demo"
path = "{folder}/corpus"
store = "{folder}/store"
sentences = 24
validation = "0.2"
jobs = 1

[text]
frontend = "espeak"

[alignment]
source = "given"

[model]
encoder_blocks = 1
decoder_blocks = 1
width = 8
conv_filters = 16
conv_kernel = 3
predictor_filters = 8
bins = 8
postnet_blocks = 2
postnet_filters = 8

[train]
steps = 12
batch_size = 4
max_shapes = 2
log_every = 1
validate_every = 4
checkpoint_every = 5
backup_every = 3
sample_every = 1000
warmup = 10
"""


@dataclass(frozen=True)
class Tiny:
    """A folder with tiny.toml, its corpus and its store, where runs are made."""

    folder: Path

    @property
    def recipe(self) -> str:
        return str(self.folder / "tiny.toml")

    def run(self, name: str) -> RunDir:
        return RunDir(self.folder / "runs" / name)

    def arguments(self, name: str, *changes: str, verb: str = "fit") -> list[str]:
        """The command line for a run of that name, with changes as for --set."""
        pairs = [f"run.name={name}", *changes]
        return [verb, self.recipe, *(word for pair in pairs for word in ("--set", pair))]

    def fit(self, name: str, *changes: str) -> int:
        """`fs2keras fit` in this process; returns the exit code."""
        return cli.main(self.arguments(name, *changes))

    def copy(self, run: RunDir, name: str) -> RunDir:
        """A run to try something on."""
        shutil.copytree(run.path, self.run(name).path)
        # The name is part of the recipe; a copied folder keeps its history.
        return self.run(name)

    def process(self, arguments: list[str], *script: str, backend: str = "jax") -> subprocess.CompletedProcess:
        """A process of its own, by default `python -m fs2keras.cli`."""
        command = [sys.executable, *(script or ("-m", "fs2keras.cli")), *arguments]
        return subprocess.run(command, env=environment(backend), cwd=self.folder, capture_output=True, text=True)

    def accident(self, moment: str, signal: str, number: int, arguments: list[str], backend: str = "jax"):
        """`fs2keras` with an accident (faults.py)."""
        return self.process(arguments, str(ROOT / "tests/faults.py"), moment, signal, str(number), backend=backend)


def environment(backend: str = "jax") -> dict[str, str]:
    """For a process that finds our package, on a backend, as quiet as can be. On JAX it finds no TensorFlow, as where
    only fs2keras was installed: Keras imports it where it is, which takes seconds. "" leaves the choice to the call."""
    path = [ROOT, ROOT / "tests" / "without"] if backend == "jax" else [ROOT]
    names = os.pathsep.join(map(str, path))
    found = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": names}
    return {name: value for name, value in found.items() if value}


def make(folder: Path) -> Tiny:
    """Writes the recipe and prepares the corpus."""
    (folder / "tiny.toml").write_text(RECIPE.format(folder=folder))
    tiny = Tiny(folder)
    assert cli.main(["prepare", tiny.recipe]) == 0
    return tiny


@contextmanager
def compilations() -> Iterator[list[str]]:
    """What JAX compiles meanwhile in this process, a line each; one found in the cache counts."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: "Compiling" in record.msg and lines.append(record.getMessage())
    logger = logging.getLogger("jax")
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        with jax.log_compiles():
            yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def losses(run: RunDir) -> list[list[str]]:
    """steps.csv without the columns of time, as text."""
    rows = list(csv.DictReader(io.StringIO(run.steps_csv.read_text())))
    return [[value for name, value in row.items() if name not in TIMES] for row in rows]


def checkpoint_weights(path: Path) -> dict[str, np.ndarray]:
    """Every array in a .keras file, by its place."""
    arrays = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(collect)
    return arrays


def state_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array in a resume state: model and optimiser."""
    with np.load(path) as file:
        return {key: file[key] for key in file.files if key != "meta"}


def assert_same_run(run: RunDir, reference: RunDir, step: int = STEPS) -> None:
    """Losses identical as text, weights and optimiser bit for bit."""
    assert losses(run) == losses(reference)
    assert run.validation_csv.read_text() == reference.validation_csv.read_text()
    assert_same_weights(run, reference, step)


def assert_same_weights(run: RunDir, reference: RunDir, step: int = STEPS) -> None:
    """The checkpoints of a step, and the states to resume from, bit for bit."""
    assert_same_arrays(checkpoint_weights(run.checkpoint(step)), checkpoint_weights(reference.checkpoint(step)))
    name = f"step-{step:07d}.npz"
    assert_same_arrays(state_arrays(run.resume / name), state_arrays(reference.resume / name))


def assert_same_arrays(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert len(ours) >= 20
    assert ours.keys() == theirs.keys()
    different = [name for name, array in ours.items() if not np.array_equal(array, theirs[name])]
    assert not different
