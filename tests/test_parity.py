"""JAX and TensorFlow compute the same: one process of the other backend, started once, and every number compared."""

import os
import subprocess
import sys
from pathlib import Path

import fastspeech2_cases as cases
import numpy as np
import numpy_aligner
import parity_worker as worker
import pytest
from test_nn import expected_trace

from fs2keras import backend

HERE = Path(__file__).parent
OTHER = {"jax": "tensorflow", "tensorflow": "jax"}
FORWARD, LOSSES = 1e-4, 1e-3


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(folder, results here, results of the other backend)"""
    folder = tmp_path_factory.mktemp("parity")
    worker.save(folder / "theirs.keras")
    environment = os.environ | {
        "KERAS_BACKEND": OTHER[backend.name()],
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [sys.executable, str(HERE / "parity_worker.py"), str(folder)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    here = worker.compute()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    with np.load(folder / "other.npz") as file:
        other = {name: file[name] for name in file.files}
    assert other.pop("backend") == OTHER[backend.name()]
    return folder, here, other


def compare(both, prefix: str, at_least: int) -> None:
    _, here, other = both
    names = [name for name in here if name.startswith(prefix)]
    assert len(names) >= at_least
    for name in names:
        assert here[name].dtype == other[name].dtype, name
        np.testing.assert_allclose(here[name], other[name], rtol=0, atol=FORWARD, err_msg=name)


def test_layers(both):
    compare(both, "layer/", 15)


@pytest.mark.parametrize("variant", list(cases.VARIANTS))
def test_whole_model(both, variant):
    compare(both, f"model/{variant}/", 20)


def test_losses_over_training_steps(both):
    _, here, other = both
    mine, its = here["training/losses"], other["training/losses"]
    assert len(mine) == worker.TRAINING_STEPS
    assert np.isfinite(mine).all()
    assert mine[-2:].sum() < 0.9 * mine[:2].sum()  # it learns, so the weights did change
    np.testing.assert_allclose(mine, its, rtol=LOSSES)
    np.testing.assert_allclose(here["training/grad_norm"], other["training/grad_norm"], rtol=10 * LOSSES)


def test_the_aligner_s_scores(both):
    """Log-densities reach some 100 nats: they are compared relatively."""
    _, here, other = both
    for name in ("gaussian", "scores", "soft"):
        mine, its = here[f"aligner/{name}"], other[f"aligner/{name}"]
        assert mine.dtype == its.dtype == np.float32
        np.testing.assert_allclose(mine, its, rtol=FORWARD, atol=FORWARD, err_msg=name)


def test_sums_over_paths_and_their_gradients(both):
    _, here, other = both
    for name in ("totals", "gradient"):
        mine, its = here[f"aligner_sums/{name}"], other[f"aligner_sums/{name}"]
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-5, err_msg=name)
    assert (here["aligner_sums/totals"] < numpy_aligner.IMPOSSIBLE / 2).tolist() == [False, False, True, False]


def test_the_aligner_s_training(both):
    """Batches of several shapes, which TensorFlow traces once, as free ones."""
    _, here, other = both
    mine, its = here["aligner_training/losses"], other["aligner_training/losses"]
    assert mine.shape == (worker.ALIGNER_STEPS, 2)
    assert np.isfinite(mine).all()
    assert (mine[-2:] < mine[:2]).all()  # it learns, so the weights did change
    np.testing.assert_allclose(mine, its, rtol=LOSSES / 10)
    moved = [name for name in here if name.startswith("aligner_training/aligner/")]
    assert len(moved) == 20
    for name in moved:
        size = np.abs(here[name]).max()
        assert size > 1e-4, name
        np.testing.assert_allclose(here[name], other[name], rtol=0, atol=LOSSES * size + 2e-7, err_msg=name)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_other_backend_s_optimizer_is_numpy_s_too(both, accumulate):
    _, here, other = both
    name = f"optimizer/{accumulate}"
    np.testing.assert_allclose(other[name], expected_trace(accumulate), rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(here[f"bad/{accumulate}"], other[f"bad/{accumulate}"])


def test_checkpoints_open_under_the_other_backend(both):
    folder, _, other = both
    model = cases.shared("frame, speakers")
    outputs = cases.run(model, cases.pad(cases.utterances(model)))
    from_there = worker.open_and_run(folder / "other.keras")
    for name, value in outputs.items():
        for opened in (from_there, other):
            np.testing.assert_allclose(opened[f"checkpoint/{name}"], value, rtol=0, atol=FORWARD, err_msg=name)
    assert list(from_there["assets"]) == list(other["assets"]) == ["language", "symbols"]
