"""Padding never changes a result: alone, in a batch, in a longer one, with dummy rows; at inference and in training."""

import fastspeech2_cases as cases
import keras
import numpy as np
import pytest

TOLERANCE = 1e-5
VARIANT = "mixed"  # pitch at frames, energy at phonemes


@pytest.fixture(scope="module")
def model():
    return cases.shared(VARIANT)


def paddings(batch: list[dict]) -> dict[str, dict]:
    """The same utterances, padded in two ways."""
    return {
        "plain": cases.pad(batch),
        "longer, with dummy rows and junk": cases.pad(batch, cases.P + 3, cases.T + 9, rows=5, junk=True),
    }


def test_inference(model):
    batch = cases.utterances(model)
    several = paddings(batch)
    one = batch[1]  # the shortest
    several["alone"] = cases.pad([one], len(one["symbols"]), int(one["targets"]["durations"].sum()))
    forced = {name: cases.run(model, padded) for name, padded in several.items()}
    spoken = {
        name: cases.run(model, cases.free(padded), max_frames=padded["mel"].shape[1])
        for name, padded in several.items()
        if name != "alone"
    }
    for outputs in (forced, spoken):
        plain = outputs.pop("plain")
        alone = outputs.pop("alone", None)
        for name, other in outputs.items():
            for key, value in plain.items():
                if value.ndim > 1:
                    for row, utterance in enumerate(batch):
                        length = len(utterance["symbols"]) if value.shape[1] == cases.P else plain["frames"][row]
                        same(value[row, :length], other[key][row, :length], f"{name}: {key}")
                        assert not other[key][row, length:].any(), f"{name}: {key} is not zero in the padding"
                        assert not other[key][len(batch) :].any(), f"{name}: {key} is not zero in a dummy row"
        if alone is not None:
            for key in ("mel", "mel_postnet", "pitch", "energy", "log_durations"):
                same(plain[key][1, : alone[key].shape[1]], alone[key][0], f"alone: {key}")


def same(one, other, message: str) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE, err_msg=message)


def test_training(model):
    """One step of plain gradient descent: losses, new weights (so the gradients), new BatchNorm statistics."""
    cases.compile_training(model, keras.optimizers.SGD(0.1))
    batch, results = cases.utterances(model), {}
    several = paddings(batch)
    # As tight as can be, since the end of an array is a padding of another kind.
    frames = max(int(utterance["targets"]["durations"].sum()) for utterance in batch)
    several["plain"] = cases.pad(batch, max(cases.PHONEMES), frames)
    for name, padded in several.items():
        cases.randomise(model, 0)
        losses = model.train_on_batch(padded, return_dict=True)
        results[name] = losses | {w.path: w.numpy().copy() for w in model.weights}
    cases.randomise(model, 0)
    before = {w.path: w.numpy().copy() for w in model.weights}
    plain = results.pop("plain")
    model.train_on_batch({key: np.zeros_like(value) for key, value in several["plain"].items()})
    for weight in model.trainable_weights:
        np.testing.assert_array_equal(np.asarray(weight), before[weight.path], err_msg="a batch of dummies only")
    cases.randomise(model, 0)
    assert all(np.isfinite(value).all() for value in plain.values())
    assert sum((plain[path] != value).any() for path, value in before.items()) > 0.9 * len(before)
    for name, other in results.items():
        for key, value in plain.items():
            np.testing.assert_allclose(other[key], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name}: {key}")


def test_a_batch_of_dummies_only_has_no_nan(model):
    nothing = {key: np.zeros_like(value) for key, value in cases.pad(cases.utterances(model)).items()}
    outputs = cases.run(model, nothing)
    assert not any(value.any() for value in outputs.values())
