"""What a model predicts where it is given the durations, pitch and energy of the recording."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import keras
import numpy as np

from fs2keras import backend
from fs2keras.corpus.batches import Batches
from fs2keras.corpus.store import Prepared
from fs2keras.evaluation import metrics

_MAE = {"pitch": metrics.pitch_mae, "energy": metrics.energy_mae}
_BATCH_SIZE, _SHAPES = 16, 2  # the result depends on neither; few shapes, because each is compiled


@dataclass(frozen=True)
class Forced:
    """One utterance: `values` of the teacher-forced metrics but the sum of the losses; `weights`, the elements that
    each is a mean over, so that the mean over utterances is the one over the split; `prosody`, predicted and true
    values of each phoneme: durations in frames, pitch in Hz, energy as measured."""

    values: dict[str, float]
    weights: dict[str, int]
    prosody: dict[str, list[float]]


def measure(
    model: keras.Model, prepared: Prepared, split: str, ids: Collection[str], frame: float
) -> Iterator[tuple[str, Forced]]:
    """Each utterance of `ids`, all of a split, in corpus order as far as batches allow; a frame lasts `frame` ms.

    Raises UserError when the split is empty.
    """
    frame_level = [name for name, level in model.levels.items() if level == "frame"]
    batches = Batches(prepared, split, _BATCH_SIZE, 0, max_shapes=_SHAPES, shuffle=False, frame_level=frame_level)
    model.compile(jit_compile=backend.jit_compile())
    wanted = set(ids)
    for i in range(batches.steps_per_epoch):
        if wanted.isdisjoint(batches.ids(i)):
            continue
        batch = batches.batch(i)
        outputs = {key: np.asarray(value) for key, value in model.predict_on_batch(batch).items()}
        for row, id in enumerate(batches.ids(i)):
            if id not in wanted:
                continue
            yield id, _forced(batch, outputs, row, prepared.statistics, model.levels, frame)


def _forced(batch: dict, outputs: dict, row: int, statistics: dict, levels: dict[str, str], frame: float) -> Forced:
    phonemes, frames = outputs["valid_phonemes"][row], outputs["valid_frames"][row]
    durations = batch["durations"][row][phonemes]
    log_durations = outputs["log_durations"][row][phonemes]
    predicted = np.maximum(0, np.round(np.exp(log_durations) - 1))
    mel = batch["mel"][row][frames]
    values = {name: float(np.abs(outputs[name][row][frames] - mel).mean()) for name in ("mel", "mel_postnet")}
    weights = dict.fromkeys(values, mel.size)
    prosody = {"durations": predicted, "true_durations": durations}
    values |= {
        "log_duration_mse": metrics.log_duration_mse(log_durations, np.log1p(durations)),
        "duration_mae": metrics.duration_mae(predicted, durations),
        "duration_mae_ms": metrics.duration_mae(predicted, durations, frame),
    }
    weights |= dict.fromkeys(values.keys() - weights.keys(), len(durations))
    for name, level in levels.items():
        valid = phonemes if level == "phoneme" else frames
        pair = outputs[name][row][valid], batch[name][row][valid]
        moments = statistics[name][level]
        values |= {name: float(np.mean(np.square(pair[0] - pair[1]))), f"{name}_mae": _MAE[name](*pair)}
        if name == "pitch":
            values["pitch_rmse"] = metrics.pitch_rmse(*pair, moments["std"])
        weights |= {key: len(pair[0]) for key in (name, f"{name}_mae", f"{name}_rmse") if key in values}
        if level == "phoneme":
            raw = [values * moments["std"] + moments["mean"] for values in pair]
            prosody |= {name: raw[0], f"true_{name}": raw[1]}
    return Forced(values, weights, {key: np.round(array, 2).tolist() for key, array in prosody.items()})
