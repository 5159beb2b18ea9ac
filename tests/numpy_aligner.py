"""The aligner in plain NumPy and SciPy, float64, written from its docstrings, not from its layers.

There is no padding and no mask anywhere in here: an utterance is a dict of arrays of its own lengths, cepstra (T, D),
mel (T, M), symbols (n,) and pause (n + 1,); a batch is a list of them. Scores are (T, 4 n + 1): the pause before each
phoneme, its three states, and the pause at the end. `pad` makes of a batch what the model takes.

`weights` maps names to arrays: symbols.embeddings, log_variances.embeddings, neighbours.conv.{kernel,bias},
{own_means,coloured_means,naming}.{kernel,bias}, hearing_<i>.conv.{kernel,bias}, pause_{means,variances,weights}, share.
"""

from collections.abc import Iterator

import numpy as np
from numpy_fastspeech2 import conv, dense
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm

from fs2keras.aligner.config import SIZE

IMPOSSIBLE = -1e9
SYMBOLS, MELS = 11, 5
# Phonemes and frames of each utterance; and one padded shape for most tests, since JAX compiles each shape anew.
LENGTHS = ((4, 17), (7, 23), (2, 11))
P, T = 9, 24


# --- the lattice


def may_be_left_out(state: int) -> bool:
    """The pauses, and the middle one of a phoneme's three states."""
    return state % 4 in (0, 2)


def moves(state: int) -> tuple[int, ...]:
    """The states that a path may come from at the frame before."""
    return (state, state - 1, state - 2) if may_be_left_out(state - 1) else (state, state - 1)


def legal_paths(frames: int, states: int) -> Iterator[tuple[int, ...]]:
    """All ways through the lattice, one state a frame, by trying them."""

    def on(path):
        if len(path) == frames:
            if path[-1] in (states - 1, states - 2):
                yield path
            return
        for state in range(path[-1], states):
            if path[-1] in moves(state):
                yield from on((*path, state))

    for first in (0, 1):
        yield from on((first,))


def forward(scores: np.ndarray) -> np.ndarray:
    """Log of the sum over all ways to be in state s at frame t, (T, S)."""
    frames, states = scores.shape
    alpha = np.full((frames, states), -np.inf)
    alpha[0, :2] = scores[0, :2]
    for t in range(1, frames):
        for s in range(states):
            alpha[t, s] = scores[t, s] + logsumexp([alpha[t - 1, k] for k in moves(s) if k >= 0])
    return alpha


def forward_sum(scores: np.ndarray) -> float:
    """Of scores (T, S); -inf where there is no path."""
    return float(np.logaddexp(*forward(scores)[-1, -2:]))


def occupancy(scores: np.ndarray) -> np.ndarray:
    """The probability (T, S) of being in state s at frame t, over all paths, each by its score."""
    # The lattice read backwards is a lattice of the same kind.
    alpha, beta = forward(scores), forward(scores[::-1, ::-1])[::-1, ::-1]
    return np.exp(alpha + beta - scores - forward_sum(scores))


# --- the model


def numpy_weights(model) -> dict[str, np.ndarray]:
    """The model's weights in float64, by the names above."""
    return {weight.path.partition("/")[2].replace("/", "."): np.asarray(weight, "float64") for weight in model.weights}


def gaussian(utterance: dict, weights: dict, scale: float) -> np.ndarray:
    """Log-densities times `scale`, but for the constant of the normal distribution."""
    x, symbols = utterance["cepstra"].astype(np.float64), utterance["symbols"]
    embedded = weights["symbols.embeddings"][symbols]
    own = dense(np.tanh(embedded), weights, "own_means").reshape(len(symbols), 3, SIZE)
    coloured = dense(np.tanh(conv(embedded, weights, "neighbours.conv")), weights, "coloured_means")
    spread = weights["log_variances.embeddings"][symbols].reshape(len(symbols), 3, SIZE)
    weighted = log_softmax(weights["pause_weights"])
    silence = logsumexp(
        [
            scale * density(x, *gaussian_of) + weight
            for *gaussian_of, weight in zip(weights["pause_means"], weights["pause_variances"], weighted, strict=True)
        ],
        axis=0,
    )
    states = np.empty((len(x), len(symbols), 3))
    for n in range(len(symbols)):
        for state in range(3):
            mean = own[n, state] + (coloured[n] if state == 1 else 0)
            states[:, n, state] = scale * density(x, mean, spread[n, state])
    return with_pauses(silence, states, utterance["pause"])


def density(x: np.ndarray, mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Log-density (T,) of x (T, D), but for D / 2 log 2 pi."""
    deviation = np.exp(np.clip(log_variance, -6, 3) / 2)
    return norm.logpdf(x, mean, deviation).sum(axis=1) + x.shape[1] / 2 * np.log(2 * np.pi)


def with_pauses(silence: np.ndarray, states: np.ndarray, pause: np.ndarray) -> np.ndarray:
    """(T,) and (T, n, 3) to (T, 4 n + 1)."""
    frames, count, _ = states.shape
    scores = np.empty((frames, 4 * count + 1))
    for slot in range(count + 1):
        scores[:, 4 * slot] = silence if pause[slot] else IMPOSSIBLE
        if slot < count:
            scores[:, 4 * slot + 1 : 4 * slot + 4] = states[:, slot]
    return scores


def named(utterance: dict, weights: dict) -> np.ndarray:
    """Log of the probability (T, C) of each class, of which 0 is the pause, and 1 + 3 k + i state i of symbol k."""
    x = utterance["mel"].astype(np.float64)
    for layer in range(3):
        x = np.maximum(conv(x, weights, f"hearing_{layer}.conv"), 0)
    return log_softmax(dense(x, weights, "naming"), axis=1)


def align(utterance: dict, weights: dict, scale: float, trust: float) -> dict[str, np.ndarray]:
    """gaussian and scores (T, 4 n + 1), soft (T, n)."""
    names, symbols = named(utterance, weights), utterance["symbols"]
    classes = 1 + 3 * symbols[:, None] + np.arange(3)  # (n, 3)
    over = names - np.log(np.maximum(weights["share"], 1e-8))
    density = gaussian(utterance, weights, scale)
    scores = trust * density + with_pauses(over[:, 0], over[:, classes], utterance["pause"])
    return {
        "gaussian": density,
        "scores": np.maximum(scores, IMPOSSIBLE),
        "soft": np.exp(names[:, classes]).sum(axis=2),
    }


def moved_share(batch: list[dict], weights: dict) -> np.ndarray:
    """The classes' shares (C,) after training on a batch: a running mean, of which a batch is 3 %."""
    probabilities = np.concatenate([np.exp(named(utterance, weights)) for utterance in batch])
    return 0.97 * weights["share"] + 0.03 * probabilities.mean(axis=0)


# --- the losses


def diagonal(frames: int, count: int, weight: float) -> np.ndarray:
    """The prior (T, 4 n + 1), but for a constant."""
    states = 4 * count + 1
    prior = np.empty((frames, states))
    for t in range(frames):
        for s in range(states):
            prior[t, s] = -weight * ((t + 0.5) / frames - (s + 0.5) / states) ** 2
    return prior


def losses(batch: list[dict], outputs: list[dict], weight: float) -> dict[str, float]:
    """Each part for a frame of the batch, with a prior of this weight."""
    frames = sum(len(utterance["mel"]) for utterance in batch)
    priors = [diagonal(len(utterance["mel"]), len(utterance["symbols"]), weight) for utterance in batch]
    return {
        part: -sum(forward_sum(out[key] + prior) for out, prior in zip(outputs, priors, strict=True)) / frames
        for part, key in (("gaussian", "gaussian"), ("heard", "scores"))
    }


# --- batches


def utterances(seed: int = 1) -> list[dict]:
    """A ragged batch. Pauses may stand at the start, at the end, and before about every third phoneme between."""
    rng = np.random.default_rng(seed)
    return [
        {
            "cepstra": rng.normal(0, 1, (frames, SIZE)).astype("float32"),
            "mel": rng.normal(0, 1, (frames, MELS)).astype("float32"),
            "symbols": rng.integers(1, SYMBOLS, count),
            "pause": np.array([1, *(rng.random(count - 1) < 0.35), 1], "int32"),
        }
        for count, frames in LENGTHS
    ]


def pad(
    batch: list[dict],
    phonemes: int = P,
    frames: int = T,
    rows: int = 0,
    junk: bool = False,
    prior: float = 0.0,
    trust: float = 1.0,
) -> dict[str, np.ndarray]:
    """The batch as the model takes it: zeros (or, where the model must not look, junk) in the padding, and at least
    `rows` rows, the last of them dummies."""
    rows = max(rows, len(batch))
    fill = 7.0 if junk else 0.0
    padded = {
        "cepstra": np.full((rows, frames, SIZE), fill, "float32"),
        "mel": np.full((rows, frames, MELS), fill, "float32"),
        "symbols": np.zeros((rows, phonemes), "int32"),
        "pause": np.full((rows, phonemes), int(junk), "int32"),
        "frames": np.array([len(utterance["mel"]) for utterance in batch] + [0] * (rows - len(batch)), "int32"),
        "prior": np.full(rows, prior, "float32"),
        "trust": np.full(rows, trust, "float32"),
    }
    for row, utterance in enumerate(batch):
        for name, value in utterance.items():
            padded[name][row, : len(value)] = value
    return padded
