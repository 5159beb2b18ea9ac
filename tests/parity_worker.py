"""The same computations under whichever backend runs: layers, the whole models, their trainings, the optimiser.

test_parity.py calls `compute` in its own process, starts this file as a script under the other backend, and compares.

    KERAS_BACKEND=tensorflow python parity_worker.py FOLDER

reads FOLDER/theirs.keras, a checkpoint of the first process, and writes FOLDER/other.npz and FOLDER/other.keras.
"""

import sys
from pathlib import Path

import fastspeech2_cases as cases
import keras
import numpy as np
import numpy_aligner

import fs2keras  # noqa: F401  registers the classes of the checkpoint
from fs2keras import backend
from fs2keras.aligner.lattice import forward_sum
from fs2keras.aligner.model import Aligner
from fs2keras.fastspeech2.postnet import Postnet
from fs2keras.fastspeech2.transformer import FFTBlock, Transformer, positions
from fs2keras.fastspeech2.variance import Contour, QuantisedEmbedding, VariancePredictor, regulate_length
from fs2keras.nn.convolution import MaskedConv1D
from fs2keras.nn.optimizer import Noam, WatchedAdam

WIDTH, TRAINING_STEPS, ALIGNER_STEPS = 8, 20, 8
SCHEDULE = {"width": 8, "warmup": 3, "scale": 1.5, "anneal_steps": (5, 7), "anneal_rate": 0.3}
# Gradients of successive batches: the global norm is above the clip of 1 for some, below it for others.
GRADIENT_SCALES = (0.01, 3.0, 0.2, 40.0, 0.05, 0.5, 1e-4, 2.0)


def compute() -> dict[str, np.ndarray]:
    results = layers() | optimizer_trace() | optimizer_trace(accumulate=2) | bad_updates()
    for variant in cases.VARIANTS:
        results |= whole_model(variant)
    model = aligner()
    return results | training() | aligner_outputs(model) | aligner_sums() | aligner_training(model)


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


# --- the aligner


def aligner(seed: int = 0, **arguments) -> Aligner:
    """A small one with random weights, none of them trivial."""
    sizes = {"mels": numpy_aligner.MELS, "width": 6, "filters": 7, "dropout": 0.0, "pauses": 3}
    model = Aligner(numpy_aligner.SYMBOLS, **(sizes | arguments), name="aligner")
    model.compile(jit_compile=backend.jit_compile())
    randomise_aligner(model, seed)
    return model


def randomise_aligner(model: Aligner, seed: int = 0) -> None:
    cases.randomise(model, seed)
    share = np.random.default_rng(seed).uniform(0.2, 1, model.classes)
    model.share.assign((share / share.sum()).astype("float32"))
    for weight in model.coloured_means.weights:  # else no frame fits the middle states
        weight.assign(0.2 * weight)


def aligner_outputs(model: Aligner) -> dict[str, np.ndarray]:
    outputs = model.predict_on_batch(numpy_aligner.pad(numpy_aligner.utterances(), rows=4, trust=0.4))
    return {f"aligner/{name}": np.asarray(value) for name, value in outputs.items()}


class FreeScores(keras.Model):
    """Its weights are the scores, its loss the forward sum: after a step of plain descent they show the gradient."""

    def __init__(self, shape: tuple[int, int, int]):
        super().__init__()
        self.scores = self.add_weight(shape, name="scores")
        self.built = True
        self.compile(keras.optimizers.SGD(1.0), jit_compile=backend.jit_compile())

    def call(self, inputs):
        return forward_sum(self.scores, inputs["frames"], inputs["phonemes"])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return -keras.ops.sum(y_pred)

    def sums(self, scores: np.ndarray, frames, phonemes) -> np.ndarray:
        """The forward sums (B,) of scores (B, T, S)."""
        self.scores.assign(scores)
        return np.asarray(self.predict_on_batch(_lattice(frames, phonemes)))

    def gradient(self, scores: np.ndarray, frames, phonemes) -> np.ndarray:
        """Their derivative (B, T, S)."""
        self.scores.assign(scores)
        self.train_on_batch(_lattice(frames, phonemes))
        return np.asarray(self.scores) - scores


def _lattice(frames, phonemes) -> dict[str, np.ndarray]:
    return {"frames": np.array(frames, "int32"), "phonemes": np.array(phonemes, "int32")}


def aligner_sums() -> dict[str, np.ndarray]:
    """Forward sums and their gradients, of pauses that may not be, a row with no path and a dummy among them."""
    scores = np.random.default_rng(6).normal(0, 1, (4, 12, 16)).astype("float32")
    scores[:, :, 4] = numpy_aligner.IMPOSSIBLE
    model, lengths = FreeScores(scores.shape), ([12, 9, 5, 0], [3, 2, 3, 0])
    totals, gradient = model.sums(scores, *lengths), model.gradient(scores, *lengths)
    return {"aligner_sums/totals": totals, "aligner_sums/gradient": gradient[[0, 1, 3]]}


def aligner_training(model: Aligner) -> dict[str, np.ndarray]:
    """Losses of a few steps as `fit` takes them, on batches of two shapes, and how far they moved each weight.

    Of plain descent: Keras's Adam squares the gradients of a symbol that comes twice one by one on TensorFlow.
    """
    before = {weight.path: np.array(weight) for weight in model.weights}
    cases.compile_training(model, keras.optimizers.SGD(0.05))
    shapes = ({"prior": 300.0}, {"trust": 0.3, "frames": numpy_aligner.T + 5, "phonemes": numpy_aligner.P + 2})
    batches = [numpy_aligner.pad(numpy_aligner.utterances(seed), **shape) for seed, shape in enumerate(shapes)]
    rows = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: rows.append([float(logs[name]) for name in ("gaussian", "heard")])
    )
    given = [(batches[step % 2],) for step in range(ALIGNER_STEPS)]
    dataset = backend.as_dataset(given, batches[0])
    model.fit(dataset, steps_per_epoch=len(given), shuffle=False, callbacks=[keep], verbose=0)
    moved = {f"aligner_training/{w.path}": np.array(w) - before[w.path] for w in model.weights if w.path in before}
    return {"aligner_training/losses": np.array(rows)} | moved


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
