"""The same computations under whichever backend runs: each layer, the whole model, a training, the optimiser.

test_parity.py calls `compute` in its own process, starts this file as a script under the other backend, and compares.

    KERAS_BACKEND=tensorflow python parity_worker.py FOLDER

reads FOLDER/theirs.keras, a checkpoint of the first process, and writes FOLDER/other.npz and FOLDER/other.keras.
"""

import sys
from pathlib import Path

import fastspeech2_cases as cases
import keras
import numpy as np

import fs2keras  # noqa: F401  registers the classes of the checkpoint
from fs2keras import backend
from fs2keras.fastspeech2.convolution import MaskedConv1D
from fs2keras.fastspeech2.postnet import Postnet
from fs2keras.fastspeech2.transformer import FFTBlock, Transformer, positions
from fs2keras.fastspeech2.variance import Contour, QuantisedEmbedding, VariancePredictor, regulate_length
from fs2keras.nn.optimizer import Noam, WatchedAdam

WIDTH, TRAINING_STEPS = 8, 20
SCHEDULE = {"width": 8, "warmup": 3, "scale": 1.5, "anneal_steps": (5, 7), "anneal_rate": 0.3}
# Gradients of successive batches: the global norm is above the clip of 1 for some, below it for others.
GRADIENT_SCALES = (0.01, 3.0, 0.2, 40.0, 0.05, 0.5, 1e-4, 2.0)


def compute() -> dict[str, np.ndarray]:
    results = layers() | optimizer_trace() | optimizer_trace(accumulate=2) | bad_updates()
    for variant in cases.VARIANTS:
        results |= whole_model(variant)
    return results | training()


def layers() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (3, 9, WIDTH)).astype("float32")
    valid = np.arange(9)[None] < np.array([9, 5, 0])[:, None]
    values = rng.normal(0, 2, (3, 9)).astype("float32")
    control = rng.uniform(0.5, 1.5, (3, 9)).astype("float32")
    durations = rng.integers(0, 4, (3, 9)).astype("int32")
    predictor = {"filters": 6, "kernel_size": 3, "dropout": 0.0}
    calls = {
        "masked_conv": (MaskedConv1D(6, 5, WIDTH, activation="relu"), (x, valid), {}),
        "fft_block": (FFTBlock(WIDTH, 2, 12, 5, 0.0), (x, valid), {}),
        "transformer": (Transformer(2, WIDTH, 2, 12, 5, 0.0), (x, valid), {}),
        "predictor": (VariancePredictor(WIDTH, **predictor), (x, valid), {}),
        "quantised": (QuantisedEmbedding(WIDTH, 16, -2.0, 3.0), (values,), {}),
        "contour": (Contour(WIDTH, cases.PITCH, predictor, 16), (x, valid), {"control": control}),
        "contour_forced": (Contour(WIDTH, cases.PITCH, predictor, 16), (x, valid), {"target": values}),
        "postnet": (Postnet(WIDTH, 3, 7, 3, 0.0), (x, valid), {}),
        "postnet_training": (Postnet(WIDTH, 3, 7, 3, 0.0), (x, valid), {"training": True}),
    }
    results = {"regulate": regulate_length(x, durations, 21)}
    for width in (WIDTH, WIDTH - 1):
        results[f"positions_{width}"] = positions(900, width, "float32")
    for seed, (name, (layer, arguments, keywords)) in enumerate(calls.items()):
        layer.build()
        cases.randomise(layer, seed)
        results[name], results[f"{name}_statistics"] = call(layer, *arguments, **keywords)
    return {
        f"layer/{name}/{i}": np.asarray(value)
        for name, result in results.items()
        for i, value in enumerate(result if isinstance(result, (tuple, list)) else [result])
    }


def call(layer, *arguments, **keywords):
    """A layer's output and its non-trainable weights afterwards, compiled on JAX."""

    def function(trainable, non_trainable):
        return layer.stateless_call(trainable, non_trainable, *arguments, **keywords)

    if backend.name() == "jax":
        import jax

        function = jax.jit(function)
    return function([v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables])


def whole_model(variant: str) -> dict[str, np.ndarray]:
    model = cases.shared(variant)
    batch = cases.pad(cases.utterances(model))
    outputs = {"forced": cases.run(model, batch)}
    each = np.random.default_rng(3).uniform(0.8, 1.3, (3, cases.P)).astype("float32")
    outputs["free"] = cases.run(model, cases.free(batch), max_frames=cases.T, speed=each, pitch=each, energy=each)
    return {f"model/{variant}/{mode}/{name}": value for mode in outputs for name, value in outputs[mode].items()}


def training() -> dict[str, np.ndarray]:
    """Losses, gradient norms and final weights of a few steps on two batches, as a recipe's training takes them."""
    model = cases.shared("mixed")
    optimizer = WatchedAdam(Noam(WIDTH, warmup=50, scale=0.2), beta_1=0.9, beta_2=0.98, epsilon=1e-9)
    cases.compile_training(model, optimizer)
    batches = [cases.pad(cases.utterances(model, seed)) for seed in (1, 2)]
    names, rows, norms = ("mel", "mel_postnet", "pitch", "energy", "duration"), [], []
    for step in range(TRAINING_STEPS):
        losses = model.train_on_batch(batches[step % 2], return_dict=True)
        rows.append([float(losses[name]) for name in names])
        norms.append(float(optimizer.grad_norm.numpy()))
    cases.randomise(model, 0)
    return {"training/losses": np.array(rows), "training/grad_norm": np.array(norms)}


# --- the optimiser


def gradients() -> list[list[np.ndarray]]:
    rng = np.random.default_rng(5)
    return [[rng.normal(0, scale, shape).astype("float32") for shape in ((3, 2), (4,))] for scale in GRADIENT_SCALES]


def initial_values() -> list[np.ndarray]:
    return [np.linspace(-1, 1, 6, dtype="float32").reshape(3, 2), np.ones(4, "float32")]


class GivenGradients(keras.Model):
    """Its loss is the product of its weights and the batch: so a batch is the gradient."""

    def __init__(self):
        super().__init__()
        self.values = [self.add_weight(v.shape, name=f"value_{i}") for i, v in enumerate(initial_values())]
        for variable, value in zip(self.values, initial_values(), strict=True):
            variable.assign(value)
        self.built = True

    def call(self, inputs):
        return [keras.ops.sum(v * inputs[f"value_{i}"][0]) for i, v in enumerate(self.values)]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return sum(y_pred)


def _trained(batches, accumulate: int | None, watch) -> list:
    """What `watch(model, optimizer)` returns after each batch."""
    schedule = Noam(**SCHEDULE, accumulate=accumulate or 1)
    adam = {"clip": 1.0, "beta_1": 0.9, "beta_2": 0.98, "epsilon": 1e-9}
    optimizer = WatchedAdam(schedule, **adam, gradient_accumulation_steps=accumulate)
    model = cases.compile_training(GivenGradients(), optimizer)
    watched = []
    for batch in batches:
        model.train_on_batch({f"value_{i}": gradient[None] for i, gradient in enumerate(batch)})
        watched.append(watch(model, optimizer))
    return watched


def optimizer_trace(accumulate: int | None = None) -> dict[str, np.ndarray]:
    """Weights, grad_norm and last_rate after each batch."""

    def watch(model, optimizer):
        values = [np.array(v).ravel() for v in model.values]
        return np.concatenate([*values, [float(optimizer.grad_norm.numpy()), float(optimizer.last_rate.numpy())]])

    return {f"optimizer/{accumulate or 1}": np.array(_trained(gradients(), accumulate, watch))}


def bad_updates() -> dict[str, np.ndarray]:
    """first_bad_update after each batch, of which the third is NaN and the fifth infinite."""
    batches = gradients()[:6]
    batches[2][0][0, 0], batches[4][1][0] = np.nan, np.inf
    return {
        f"bad/{accumulate or 1}": np.array(
            _trained(batches, accumulate, lambda _, optimizer: int(optimizer.first_bad_update.numpy()))
        )
        for accumulate in (None, 2)
    }


def open_and_run(path: Path) -> dict[str, np.ndarray]:
    """The outputs of a checkpoint, and its assets' names."""
    model = keras.saving.load_model(path, compile=False)
    outputs = cases.run(model, cases.pad(cases.utterances(model)))
    return {f"checkpoint/{name}": value for name, value in outputs.items()} | {"assets": np.array(sorted(model.assets))}


def save(path: Path) -> None:
    model = cases.shared("frame, speakers")
    model.assets = {"symbols": ["_", "ʃ"], "language": "en-us"}
    model.save(path)


def main(folder: Path) -> None:
    opened = open_and_run(folder / "theirs.keras")
    save(folder / "other.keras")
    np.savez(folder / "other.npz", backend=backend.name(), **compute(), **opened)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
