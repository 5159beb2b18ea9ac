"""The optimiser and its schedule against NumPy, on the backend of this process (test_parity.py: on the other)."""

import keras
import numpy as np
import parity_worker as worker
import pytest
from numpy_optimizer import Adam, noam

from fs2keras.nn.optimizer import Noam, WatchedAdam


def expected_trace(accumulate: int = 1) -> np.ndarray:
    """What worker.optimizer_trace must return: rows of weights, norm before clipping, rate."""
    adam = Adam(worker.initial_values(), clip=1.0)
    rows, waiting, watched = [], [], [0.0, 0.0]
    for batch in worker.gradients():
        waiting.append(batch)
        if len(waiting) == accumulate:
            rate = noam(adam.updates + 1, **worker.SCHEDULE)
            mean = [np.mean(parts, axis=0, dtype="float64") for parts in zip(*waiting, strict=True)]
            watched, waiting = [adam.apply(mean, rate), rate], []
        rows.append(np.concatenate([*(value.ravel() for value in adam.values), watched]))
    return np.array(rows)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_watched_adam_is_pytorch_s_adam_with_global_clipping(accumulate):
    trace = worker.optimizer_trace(accumulate if accumulate > 1 else None)[f"optimizer/{accumulate}"]
    expected = expected_trace(accumulate)
    norms = expected[:, -2]
    assert (norms > 1).any()
    assert (norms[norms > 0] < 1).any()
    np.testing.assert_allclose(trace, expected, rtol=2e-5, atol=2e-6)


def test_the_first_bad_update_is_remembered():
    got = worker.bad_updates()
    np.testing.assert_array_equal(got["bad/1"], [0, 0, 3, 3, 3, 3])
    np.testing.assert_array_equal(got["bad/2"], [0, 0, 0, 2, 2, 2])  # an update takes two batches


@pytest.mark.parametrize("accumulate", [1, 4])
def test_noam(accumulate):
    settings = {"width": 256, "warmup": 4000, "scale": 1.0, "anneal_steps": (300_000, 400_000, 500_000)}
    schedule = Noam(**settings, anneal_rate=0.3, accumulate=accumulate)
    around = (1, 2, 100, 3999, 4000, 4001, 299_999, 300_000, 300_001, 400_000, 400_001, 500_001, 900_000)
    for update in around:
        for batch in {(update - 1) * accumulate, update * accumulate - 1}:  # the first and the last of this update
            got = float(schedule(keras.ops.convert_to_tensor(batch, "int32")))
            assert got == pytest.approx(noam(update, **settings), rel=1e-6), update
    assert noam(4000, **settings) == pytest.approx(256**-0.5 * 4000**-0.5)


def test_their_configs_survive():
    optimizer = WatchedAdam(Noam(256, anneal_steps=(5, 7), accumulate=2), clip=0.5, gradient_accumulation_steps=2)
    config = keras.saving.serialize_keras_object(optimizer)
    twin = keras.saving.deserialize_keras_object(config)
    assert isinstance(twin, WatchedAdam)
    assert twin.get_config() == optimizer.get_config()
    assert twin.clip == 0.5
