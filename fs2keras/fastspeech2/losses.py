"""FastSpeech 2's losses, each a mean over the valid elements of the whole batch (reference.md: weights 1)."""

import keras
from keras import ops

# The order in which every table, CSV and curve shows them.
PARTS = ("mel", "mel_postnet", "pitch", "energy", "duration")


def parts(targets: dict, outputs: dict, levels: dict[str, str]) -> dict[str, tuple]:
    """Sum and number of valid elements of each part of the loss.

    Args:
        targets: durations (B, P) frames, pitch and energy (B, P) or (B, T) normalised, mel (B, T, M) log.
        outputs: what the model returned for them.
        levels: "phoneme" or "frame" for "pitch" and "energy".

    Returns:
        {"mel": (sum, count), ...}, float32 scalars: mean absolute error for the two mels, mean squared error for pitch,
        energy and log(duration + 1).
    """
    phonemes, frames = outputs["valid_phonemes"], outputs["valid_frames"]
    log_durations = ops.log(ops.cast(targets["durations"], "float32") + 1.0)

    def contour(name):
        return _squared(targets[name], outputs[name], phonemes if levels[name] == "phoneme" else frames)

    return {
        "mel": _absolute(targets["mel"], outputs["mel"], frames),
        "mel_postnet": _absolute(targets["mel"], outputs["mel_postnet"], frames),
        "pitch": contour("pitch"),
        "energy": contour("energy"),
        "duration": _squared(log_durations, outputs["log_durations"], phonemes),
    }


def _absolute(target, output, valid):
    weight = ops.cast(valid, "float32")  # (B, T)
    error = ops.abs(ops.cast(target, "float32") - ops.cast(output, "float32"))  # (B, T, M)
    return ops.sum(error * weight[:, :, None]), ops.sum(weight) * ops.cast(ops.shape(target)[-1], "float32")


def _squared(target, output, valid):
    weight = ops.cast(valid, "float32")
    return ops.sum(ops.square(target - output) * weight), ops.sum(weight)


@keras.saving.register_keras_serializable("fs2keras")
class Ratio(keras.metrics.Metric):
    """A mean over elements, sum / count: of the last batch in training, of all batches in evaluation.

    Keras's own Mean is the running mean of the epoch, whose curve saw-tooths, and weighs batches, not elements.
    """

    def __init__(self, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), "zeros", name="total", dtype="float32")
        self.count = self.add_variable((), "zeros", name="count", dtype="float32")

    def update_state(self, total, count, only_this=False):
        self.total.assign(total if only_this else self.total + total)
        self.count.assign(count if only_this else self.count + count)

    def result(self):
        return self.total / ops.maximum(self.count, 1.0)
