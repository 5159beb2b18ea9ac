"""FastSpeech 2 against the NumPy model, its losses, initial values and serialisation."""

import json
import re

import fastspeech2_cases as cases
import keras
import numpy as np
import numpy_fastspeech2 as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy import stats

from fs2keras.fastspeech2 import variance
from fs2keras.fastspeech2.model import FastSpeech2
from fs2keras.fastspeech2.transformer import positions

TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=list(cases.VARIANTS))
def model(request):
    return cases.shared(request.param)


def assert_close(outputs: dict, expected: list[dict], names: dict[str, str]) -> None:
    """Compares each utterance's valid part, and requires zeros beyond it; `names`: the model's -> the reference's."""
    for name, theirs in names.items():
        for row, utterance in enumerate(expected):
            value, want = outputs[name][row], utterance[theirs]
            np.testing.assert_allclose(value[: len(want)], want, rtol=0, atol=TOLERANCE, err_msg=f"{name} {row}")
            assert not value[len(want) :].any(), f"{name} is not zero in the padding of row {row}"


def test_teacher_forced_equals_numpy(model):
    batch = cases.utterances(model)
    expected, _ = reference.forward(batch, cases.numpy_weights(model), cases.numpy_config(model))
    outputs = cases.run(model, cases.pad(batch))
    assert_close(outputs, expected, {n: n for n in ("mel", "mel_postnet", "log_durations", "pitch", "energy")})
    np.testing.assert_array_equal(outputs["frames"], [u["targets"]["durations"].sum() for u in batch])
    np.testing.assert_array_equal(outputs["valid_phonemes"].sum(axis=1), cases.PHONEMES)
    np.testing.assert_array_equal(outputs["valid_frames"].sum(axis=1), outputs["frames"])


@pytest.mark.parametrize("controlled", [False, True])
def test_free_running_equals_numpy(model, controlled):
    rng = np.random.default_rng(4)
    names = ("speed", "pitch", "energy")
    controls = {n: np.ones((3, cases.P)) + controlled * rng.uniform(-0.3, 0.4, (3, cases.P)) for n in names}
    batch = cases.utterances(model)
    alone = [
        {k: u[k] for k in u if k != "targets"} | {n: controls[n][row, : len(u["symbols"])] for n in names}
        for row, u in enumerate(batch)
    ]
    expected, _ = reference.forward(alone, cases.numpy_weights(model), cases.numpy_config(model))
    controls = {name: value.astype("float32") for name, value in controls.items()}
    outputs = cases.run(model, cases.free(cases.pad(batch)), max_frames=cases.T, **controls)
    np.testing.assert_array_equal(outputs["frames"], [len(u["mel"]) for u in expected])
    assert outputs["frames"].max() <= cases.T
    assert not outputs["is_short"].any()
    same = {n: n for n in ("mel", "mel_postnet", "log_durations", "durations")}
    assert_close(outputs, expected, same | {"pitch": "pitch_embedded", "energy": "energy_embedded"})


def test_training_losses_and_batch_norm_equal_numpy():
    model = cases.shared("frame, speakers")
    batch = cases.utterances(model)
    weights = cases.numpy_weights(model)
    outs, moved = reference.forward(batch, weights, cases.numpy_config(model), training=True)
    expected = reference.losses(outs, [u["targets"] for u in batch])
    cases.compile_training(model, keras.optimizers.SGD(0.0))
    got = model.train_on_batch(cases.pad(batch), return_dict=True)
    for name, value in expected.items():
        assert got[name.removesuffix("_loss")] == pytest.approx(value, rel=1e-5), name
    after = cases.numpy_weights(model)
    for name, value in moved.items():
        np.testing.assert_allclose(after[name], value, atol=1e-5, err_msg=name)
    cases.randomise(model, 0)  # the statistics as they were


def test_evaluation_is_a_mean_over_elements_of_all_batches():
    model = cases.compile_training(cases.shared())
    weights, config = cases.numpy_weights(model), cases.numpy_config(model)
    batches = [cases.utterances(model, seed=1), cases.utterances(model, seed=2)[:1]]
    outs, _ = reference.forward(batches[0] + batches[1], weights, config)
    expected = reference.losses(outs, [u["targets"] for u in batches[0] + batches[1]])
    got = model.evaluate(((cases.pad(batch, rows=3),) for batch in batches), return_dict=True, verbose=0)
    for name in ("mel", "mel_postnet", "pitch", "energy", "duration"):
        assert got[name] == pytest.approx(expected[f"{name}_loss"], rel=1e-5), name


# --- what it is made of


def paper_sized(symbols: int = 361) -> FastSpeech2:
    """The full model with the shapes of its weights and no values."""
    with keras.StatelessScope(initialize_variables=False):
        return FastSpeech2(symbols, cases.PITCH, cases.ENERGY)


def test_number_of_parameters_is_the_reference_s():
    model = paper_sized()
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    frozen = {w.path: int(np.prod(w.shape)) for w in model.non_trainable_weights}
    assert trainable == 34_646_339
    assert sum(frozen.values()) == 4_256
    # Positions and bin edges are constants, not weights.
    assert all(re.search(r"postnet/norm_\d/moving_(mean|variance)$", path) for path in frozen)


def test_initial_values_are_pytorch_s():
    keras.utils.set_random_seed(1)  # a p-value of random numbers is below .001 once in a thousand times
    model = FastSpeech2(50, cases.PITCH, cases.ENERGY, **(cases.SIZES | {"width": 16, "bins": 64, "speakers": 40}))
    fan, uniform, normal, last = {}, [], [], model.arguments["postnet_blocks"] - 1
    for weight in model.weights:
        value, (owner, kind) = np.asarray(weight), weight.path.rsplit("/", 1)
        if kind in ("kernel", "bias"):
            fan.setdefault(owner, cases.fan_in(weight))  # a kernel comes before its bias
            scaled = value.ravel() * np.sqrt(fan[owner])
            assert np.abs(scaled).max() <= 1, weight.path
            assert value.size < 100 or np.abs(scaled).max() > 0.9, weight.path
            uniform.append(scaled)
        elif kind == "embeddings":
            assert abs(value.std() - 1) < 0.15, weight.path
            normal.append(value.ravel())
        else:
            # The postnet's last gain is the exception: its residual starts at zero.
            is_one = kind in ("gamma", "moving_variance") and not weight.path.endswith(f"norm_{last}/gamma")
            assert (value == is_one).all(), weight.path
    assert stats.kstest(np.concatenate(uniform), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert stats.kstest(np.concatenate(normal), "norm").pvalue > 1e-3
    # No two weights share their random numbers.
    firsts = [round(float(v[0]), 6) for v in uniform + normal if len(v) > 1]
    assert len(set(firsts)) == len(firsts)


def test_the_embedding_of_padding_counts_as_zero():
    model = cases.shared()
    batch = cases.pad(cases.utterances(model))
    before = cases.run(model, batch)
    table = model.symbol_table.embeddings
    table.assign(np.concatenate([np.full((1, 8), 50.0), np.asarray(table)[1:]]))
    after = cases.run(model, batch)
    cases.randomise(model, 0)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


# --- serialisation


def test_config_survives_json(model):
    config = json.loads(json.dumps(model.get_config()))
    twin = FastSpeech2.from_config(config)
    assert json.loads(json.dumps(twin.get_config())) == config
    assert [(w.path, w.shape) for w in twin.weights] == [(w.path, w.shape) for w in model.weights]


def test_layers_survive_their_config():
    model = cases.shared("frame, speakers")
    parts = (model.encoder, model.encoder.blocks[0], model.encoder.blocks[0].expand, model.duration, model.pitch)
    for layer in (*parts, model.pitch.embedding, model.postnet):
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
        twin = keras.saving.deserialize_keras_object(config)
        assert type(twin) is type(layer)
        assert [w.shape for w in twin.weights] == [w.shape for w in layer.weights]
        assert json.loads(json.dumps(twin.get_config())) == json.loads(json.dumps(layer.get_config()))


def test_saved_and_loaded_it_is_the_same(tmp_path):
    model = cases.shared("frame, speakers")
    model.assets = {"symbols": ["_", "ʃ", "ˈɑːɹ"], "language": "en-us"}
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert twin.assets == model.assets
    for mine, its in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(its), err_msg=mine.path)
    batch = cases.pad(cases.utterances(model))
    before, after = cases.run(model, batch), cases.run(twin, batch)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_mixed_bfloat16_trains_with_float32_weights():
    model = cases.compile_training(cases.build(dtype="mixed_bfloat16", **(cases.VARIANTS["mixed"])))
    batch = cases.pad(cases.utterances(model), rows=4)
    before = [np.asarray(w) for w in model.trainable_weights]
    losses = model.train_on_batch(batch, return_dict=True)
    assert np.isfinite(list(losses.values())).all()
    assert {keras.backend.standardize_dtype(w.dtype) for w in model.weights} == {"float32"}
    assert all(np.isfinite(np.asarray(w)).all() for w in model.weights)
    assert any((np.asarray(w) != b).any() for w, b in zip(model.trainable_weights, before, strict=True))


# --- pieces


@pytest.mark.parametrize("width", [8, 7])
@pytest.mark.parametrize("length", [1, 12, 13])
def test_positions(width, length):
    got = np.asarray(positions(length, width, "float32"))[0]
    np.testing.assert_allclose(got, reference.positions(length, width), atol=2e-6)


@given(st.lists(st.integers(0, 9), min_size=5, max_size=5), st.data())
@settings(deadline=None, max_examples=40)
def test_length_regulator_repeats(durations, data):
    durations = np.array([durations, data.draw(st.permutations(durations))], "int32")
    x = np.arange(1, 31, dtype="float32").reshape(2, 5, 3)
    spread, valid = map(np.asarray, variance.regulate_length(x, durations, 24))
    for row in range(2):
        expected = np.repeat(x[row], durations[row], axis=0)[:24]
        np.testing.assert_array_equal(spread[row, : len(expected)], expected)
        assert not spread[row, len(expected) :].any()
        np.testing.assert_array_equal(valid[row], np.arange(24) < len(expected))


def test_bins_are_those_of_numpy_s_searchsorted():
    layer = variance.QuantisedEmbedding(1, 16, -2.0, 3.0)
    layer.build()
    layer.table.embeddings.assign(np.arange(16, dtype="float32")[:, None])
    edges = np.linspace(-2.0, 3.0, 15, dtype="float32")
    values = np.concatenate([edges, np.nextafter(edges, 9), [-99, 99, 0]]).astype("float32").reshape(3, 11)
    got = np.asarray(layer(values))[..., 0]
    np.testing.assert_array_equal(got, np.searchsorted(edges, values, side="left"))


def test_durations_round_half_to_even_and_are_never_negative():
    halves = np.arange(8) + 0.5
    # Whatever the backend's exp is, some float32 close to log(half + 1) gives half + 1 exactly.
    near = np.log(halves + 1).astype("float32")[:, None] + np.arange(-40, 41, dtype="float32") * 6e-8
    exact = np.asarray(ops.exp(near)) == (halves + 1)[:, None]
    found = exact.any(axis=1)
    assert found.sum() >= 4
    logs = near[np.arange(8), exact.argmax(axis=1)][None]
    valid = np.ones((1, 8), bool)
    got = np.asarray(variance.durations_from(logs, valid))[0]
    np.testing.assert_array_equal(got[found], np.array([0, 2, 2, 4, 4, 6, 6, 8])[found])
    np.testing.assert_array_equal(variance.durations_from(logs, ~valid)[0], np.zeros(8))
    low = np.array([[-50.0, -1.0, -1e-3, 0.0, 0.3, 0.4, 0.5, 2.0]], "float32")
    np.testing.assert_array_equal(variance.durations_from(low, valid)[0], [0, 0, 0, 0, 0, 0, 1, 6])
