"""Small FastSpeech 2 models with random weights, ragged batches for them, and their weights under the names of
numpy_fastspeech2.py. What the tests of the model share; nothing here knows which backend runs."""

import functools
import re

import keras
import numpy as np

from fs2keras import backend
from fs2keras.fastspeech2.model import FastSpeech2

PITCH = (200.0, 40.0, -2.5, 3.5)  # mean and std in Hz, minimum and maximum normalised
ENERGY = (30.0, 20.0, -1.2, 4.0)
SYMBOLS = 11
MELS = 5
SIZES = {
    "mels": MELS,
    "encoder_blocks": 1,
    "decoder_blocks": 2,
    "width": 8,
    "heads": 2,
    "conv_filters": 12,
    "conv_kernel": 5,
    "dropout": 0.0,
    "predictor_filters": 6,
    "predictor_kernel": 3,
    "predictor_dropout": 0.0,
    "bins": 16,
    "postnet_blocks": 3,
    "postnet_filters": 7,
    "postnet_kernel": 3,
    "postnet_dropout": 0.0,
}
VARIANTS = {
    "phoneme": {},
    "frame, speakers": {"pitch_level": "frame", "energy_level": "frame", "speakers": 3},
    "mixed": {"pitch_level": "frame"},
}
# Phonemes of each utterance; and one padded shape (P, T) for most tests, since JAX compiles each shape anew.
PHONEMES = (7, 4, 6)
P, T = 8, 72


def build(seed: int = 0, dtype: str = "float32", assets: dict | None = None, **sizes) -> FastSpeech2:
    model = FastSpeech2(SYMBOLS, PITCH, ENERGY, assets=assets, dtype=dtype, **(SIZES | sizes))
    randomise(model, seed)
    return model


@functools.cache
def shared(variant: str = "phoneme") -> FastSpeech2:
    """The model of a variant, one for all tests: who changes its weights puts them back with `randomise(model, 0)`."""
    return build(**VARIANTS[variant])


def randomise(layer, seed: int) -> None:
    """Random values for every weight, the same on both backends, none of them trivially zero or one."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        shape = tuple(weight.shape)
        if weight.path.endswith(("gamma", "moving_variance")):
            value = rng.uniform(0.5, 1.5, shape)
        elif weight.path.endswith("embeddings"):
            value = rng.normal(0, 1, shape)
        elif weight.path.endswith("kernel"):
            value = rng.normal(0, 1, shape) / np.sqrt(fan_in(weight))
        else:
            value = rng.normal(0, 0.3, shape)
        if re.search("duration/output", weight.path):  # around exp(1.2) - 1 = 2.3 frames for each phoneme
            value = np.full(shape, 1.2) if weight.path.endswith("bias") else value * 0.3
        weight.assign(value.astype("float32"))


def fan_in(kernel) -> int:
    """Inputs that one output of this kernel sums over."""
    shape = tuple(kernel.shape)
    if re.search(r"(query|key|value)/kernel$", kernel.path):
        return shape[0]
    return int(np.prod(shape[:-1]))


def numpy_weights(model) -> dict[str, np.ndarray]:
    """The weights in float64 under the names, and in the shapes, of numpy_fastspeech2.py."""
    renames = (
        (r"^[^/]+/", ""),
        (r"^symbols/embeddings", "encoder.embedding"),
        (r"^speakers/embeddings", "speaker.embedding"),
        (r"embedding/table/embeddings", "embedding"),
        (r"block_(\d+)/", r"\1/"),
        (r"attention/attention_output", "output"),
        (r"attention/", ""),
        (r"attention_norm", "norm1"),
        (r"conv_norm", "norm2"),
        (r"expand/conv", "conv1"),
        (r"contract", "conv2"),
        (r"^postnet/(conv|norm)_(\d+)(/conv)?", r"postnet/\2/\1"),
        (r"predictor/", ""),
        (r"(conv|norm)_0(/conv)?", r"\g<1>1"),
        (r"(conv|norm)_1(/conv)?", r"\g<1>2"),
        (r"^(duration|pitch|energy)/output", r"\1/dense"),
        ("gamma", "gain"),
        ("beta", "bias"),
        ("moving_", ""),
        ("/", "."),
    )
    named = {}
    for weight in model.weights:
        name, value = weight.path, np.asarray(weight, "float64")
        for pattern, replacement in renames:
            name = re.sub(pattern, replacement, name)
        if name.endswith(("query.kernel", "key.kernel", "value.kernel")):
            value = value.reshape(len(value), -1)
        elif name.endswith(("output.kernel", "conv2.kernel")) and name.startswith(("encoder", "decoder")):
            value = value.reshape(-1, value.shape[-1])
            value = value[None] if "conv2" in name else value
        elif name.endswith(("query.bias", "key.bias", "value.bias")):
            value = value.ravel()
        assert name not in named, name
        named[name] = value
    return named


def numpy_config(model) -> dict:
    keys = ("heads", "bins", "pitch_level", "energy_level", "pitch_statistics", "energy_statistics")
    return {key: model.arguments[key] for key in keys}


def utterances(model, seed: int = 1) -> list[dict]:
    """A ragged batch: arrays of each utterance's own length, as keyword arguments of numpy_fastspeech2.speak."""
    rng = np.random.default_rng(seed)
    batch = []
    for number, count in enumerate(PHONEMES):
        durations = rng.integers(1, 6, count)
        durations[count // 2] = 0  # a phoneme shorter than a hop
        lengths = {"phoneme": count, "frame": int(durations.sum())}
        targets = {
            "durations": durations,
            "pitch": rng.normal(0, 1.5, lengths[model.levels["pitch"]]).astype("float32"),
            "energy": rng.normal(0.5, 1.5, lengths[model.levels["energy"]]).astype("float32"),
            "mel": rng.normal(-5, 2, (lengths["frame"], MELS)).astype("float32"),
        }
        utterance = {"symbols": rng.integers(1, SYMBOLS, count), "targets": targets}
        batch.append(utterance | ({"speaker": number % model.speakers} if model.speakers else {}))
    return batch


def pad(batch: list[dict], phonemes: int = P, frames: int = T, rows: int = 0, junk: bool = False) -> dict:
    """The batch as the model takes it: zeros (or, where the model must not look, junk) in the padding, and at least
    `rows` rows, the last of them dummies."""
    rows = max(rows, len(batch))
    padded = {name: np.zeros((rows, phonemes), "int32") for name in ("symbols", "durations")}
    for name in ("pitch", "energy", "mel"):
        lengths = {len(utterance["targets"][name]) for utterance in batch}
        at_phonemes = lengths == {len(utterance["symbols"]) for utterance in batch}
        shape = (rows, phonemes if at_phonemes else frames, *([MELS] if name == "mel" else []))
        padded[name] = np.full(shape, 7.0 if junk else 0.0, "float32")
    padded["speaker"] = np.zeros(rows, "int32")
    for row, utterance in enumerate(batch):
        padded["symbols"][row, : len(utterance["symbols"])] = utterance["symbols"]
        padded["speaker"][row] = utterance.get("speaker", 0)
        for name, value in utterance["targets"].items():
            padded[name][row, : len(value)] = value
    return padded


def free(batch: dict) -> dict:
    """A padded batch without its targets."""
    return {name: batch[name] for name in ("symbols", "speaker")}


def run(model, inputs: dict, *, max_frames: int | None = None, **controls) -> dict[str, np.ndarray]:
    """The model's outputs at inference, compiled on JAX (where single operations cost more than all of them)."""
    if backend.name() == "jax":
        state = [[v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]]
        outputs, _ = _compiled(model, max_frames)(*state, inputs, controls)
    else:
        outputs = model(inputs, max_frames=max_frames, **controls)
    return {name: np.asarray(value) for name, value in outputs.items()}


@functools.cache
def _compiled(model, max_frames):
    import jax

    def forward(trainable, non_trainable, inputs, controls):
        return model.stateless_call(trainable, non_trainable, inputs, max_frames=max_frames, **controls)

    return jax.jit(forward)


def compile_training(model, optimizer=None):
    """Compiled as a training would; plain gradient descent unless told, so that new weights show the gradients."""
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.1), jit_compile=backend.jit_compile())
    return model
