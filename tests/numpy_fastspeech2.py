"""FastSpeech 2 in plain NumPy, float64, written from the paper and the project's notes, not from fs2keras's layers.

There is no padding and no mask anywhere in here: an utterance is an array of its own length, a batch is a list of them.
Only the BatchNorm of training looks at more than one utterance. `weights` maps the names below to arrays; kernels are
(in, out) or (kernel, in, out):

    encoder.embedding  speaker.embedding  pitch.embedding  energy.embedding
    {encoder,decoder}.<i>.{query,key,value,output,conv1,conv2}.{kernel,bias}
    {encoder,decoder}.<i>.{norm1,norm2}.{gain,bias}
    {duration,pitch,energy}.{conv1,conv2,dense}.{kernel,bias}  {duration,pitch,energy}.{norm1,norm2}.{gain,bias}
    mel.{kernel,bias}  postnet.<i>.conv.{kernel,bias}  postnet.<i>.norm.{gain,bias,mean,variance}
"""

import re

import numpy as np


def positions(length: int, width: int) -> np.ndarray:
    """Sines on even, cosines on odd channels; position 0 first. (length, width)"""
    table = np.zeros((length, width))
    for position in range(length):
        for channel in range(width):
            angle = position / 10000 ** (2 * (channel // 2) / width)
            table[position, channel] = np.cos(angle) if channel % 2 else np.sin(angle)
    return table


def conv(x: np.ndarray, weights: dict, name: str) -> np.ndarray:
    """A convolution with zeros beyond both ends, output as long as the input; the kernel is odd. (L, in) -> (L, out)"""
    kernel, bias = weights[f"{name}.kernel"], weights[f"{name}.bias"]
    reach = len(kernel) // 2
    around = np.concatenate([np.zeros((reach, x.shape[1])), x, np.zeros((reach, x.shape[1]))])
    return bias + sum(around[k : k + len(x)] @ kernel[k] for k in range(len(kernel)))


def dense(x: np.ndarray, weights: dict, name: str) -> np.ndarray:
    return x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"]


def layer_norm(x: np.ndarray, weights: dict, name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    return normal * weights[f"{name}.gain"] + weights[f"{name}.bias"]


def attention(x: np.ndarray, weights: dict, name: str, heads: int) -> np.ndarray:
    queries, keys, values = (
        dense(x, weights, f"{name}.{part}").reshape(len(x), heads, -1) for part in ("query", "key", "value")
    )
    mixed = []
    for head in range(heads):
        scores = queries[:, head] @ keys[:, head].T / np.sqrt(queries.shape[-1])
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        mixed.append(shares / shares.sum(axis=1, keepdims=True) @ values[:, head])
    return dense(np.concatenate(mixed, axis=1), weights, f"{name}.output")


def fft_block(x: np.ndarray, weights: dict, name: str, heads: int) -> np.ndarray:
    x = layer_norm(x + attention(x, weights, name, heads), weights, f"{name}.norm1")
    inner = np.maximum(conv(x, weights, f"{name}.conv1"), 0)
    return layer_norm(x + conv(inner, weights, f"{name}.conv2"), weights, f"{name}.norm2")


def transformer(x: np.ndarray, weights: dict, name: str, heads: int) -> np.ndarray:
    x = x + positions(*x.shape)
    blocks = {int(found[1]) for key in weights if (found := re.match(rf"{name}\.(\d+)\.", key))}
    for block in sorted(blocks):
        x = fft_block(x, weights, f"{name}.{block}", heads)
    return x


def predictor(x: np.ndarray, weights: dict, name: str) -> np.ndarray:
    """A value for each position. (L, D) -> (L,)"""
    for i in (1, 2):
        x = layer_norm(np.maximum(conv(x, weights, f"{name}.conv{i}"), 0), weights, f"{name}.norm{i}")
    return dense(x, weights, f"{name}.dense")[:, 0]


def bins_of(values: np.ndarray, statistics: tuple, bins: int) -> np.ndarray:
    """The bin of each normalised value: how many of the bins - 1 edges are smaller than it."""
    _, _, minimum, maximum = statistics
    edges = np.linspace(minimum, maximum, bins - 1)
    return (edges[None, :] < np.asarray(values)[:, None]).sum(axis=1)


def scaled(values: np.ndarray, control, statistics: tuple) -> np.ndarray:
    """Multiplies the value in its own unit (Hz for pitch), not its z-score."""
    mean, std, _, _ = statistics
    return ((values * std + mean) * control - mean) / std


def durations_of(log_durations: np.ndarray, speed=1.0) -> np.ndarray:
    return np.maximum(np.round((np.exp(log_durations) - 1) / speed), 0).astype(int)


def postnet(mels: list, weights: dict, training: bool = False) -> tuple[list, dict]:
    """mel + correction of each utterance, and the moving statistics after this batch."""
    blocks = sum(bool(re.fullmatch(r"postnet\.\d+\.conv\.bias", key)) for key in weights)
    moved, xs = {}, mels
    for i in range(blocks):
        norm = f"postnet.{i}.norm"
        xs = [conv(x, weights, f"postnet.{i}.conv") for x in xs]
        mean, variance = weights[f"{norm}.mean"], weights[f"{norm}.variance"]
        if training:
            every = np.concatenate(xs)
            moved[f"{norm}.mean"] = 0.9 * mean + 0.1 * every.mean(axis=0)
            moved[f"{norm}.variance"] = 0.9 * variance + 0.1 * every.var(axis=0)
            mean, variance = every.mean(axis=0), every.var(axis=0)
        gain, bias = weights[f"{norm}.gain"], weights[f"{norm}.bias"]
        xs = [(x - mean) / np.sqrt(variance + 1e-5) * gain + bias for x in xs]
        if i < blocks - 1:
            xs = [np.tanh(x) for x in xs]
    return [mel + x for mel, x in zip(mels, xs, strict=True)], moved


def speak(
    symbols, weights: dict, config: dict, *, speaker=None, targets=None, speed=1.0, pitch=1.0, energy=1.0
) -> dict:
    """One utterance up to the mel before the postnet.

    config: heads, bins, pitch_level, energy_level, pitch_statistics, energy_statistics.
    targets: durations, pitch and energy, for teacher forcing. Controls: scalars, or one value for each phoneme.
    """
    x = transformer(weights["encoder.embedding"][symbols], weights, "encoder", config["heads"])
    if speaker is not None:
        x = x + weights["speaker.embedding"][speaker]
    out = {"log_durations": predictor(x, weights, "duration")}
    durations = targets["durations"] if targets else durations_of(out["log_durations"], speed)
    controls = {"pitch": np.broadcast_to(pitch, len(symbols)), "energy": np.broadcast_to(energy, len(symbols))}
    for level in ("phoneme", "frame"):
        if level == "frame":
            x = np.repeat(x, durations, axis=0)
            controls = {name: np.repeat(control, durations) for name, control in controls.items()}
        for name in ("pitch", "energy"):
            if config[f"{name}_level"] != level:
                continue
            statistics = config[f"{name}_statistics"]
            out[name] = predictor(x, weights, name)
            values = targets[name] if targets else scaled(out[name], controls[name], statistics)
            out[f"{name}_embedded"] = values
            x = x + weights[f"{name}.embedding"][bins_of(values, statistics, config["bins"])]
    x = transformer(x, weights, "decoder", config["heads"])
    return out | {"durations": np.asarray(durations), "mel": dense(x, weights, "mel")}


def forward(utterances: list[dict], weights: dict, config: dict, training: bool = False) -> tuple[list[dict], dict]:
    """A batch of keyword arguments of `speak`: its outputs, and BatchNorm's moving statistics after training on it."""
    outs = [speak(weights=weights, config=config, **utterance) for utterance in utterances]
    mels, moved = postnet([out["mel"] for out in outs], weights, training)
    return [out | {"mel_postnet": mel} for out, mel in zip(outs, mels, strict=True)], moved


def losses(outs: list[dict], targets: list[dict]) -> dict:
    """The five parts, each a mean over all valid elements of the batch, and their sum."""

    def error(prediction, target, power):
        pairs = [(out[prediction], t[target]) for out, t in zip(outs, targets, strict=True)]
        return np.concatenate([np.abs(a - b).ravel() ** power for a, b in pairs]).mean()

    targets = [target | {"log_durations": np.log(target["durations"] + 1.0)} for target in targets]
    parts = {
        "mel_loss": error("mel", "mel", 1),
        "mel_postnet_loss": error("mel_postnet", "mel", 1),
        "duration_loss": error("log_durations", "log_durations", 2),
        "pitch_loss": error("pitch", "pitch", 2),
        "energy_loss": error("energy", "energy", 2),
    }
    return parts | {"loss": sum(parts.values())}
