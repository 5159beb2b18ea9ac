"""FastSpeech 2's losses, each a mean over the valid elements of the whole batch (reference.md: weights 1)."""

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
