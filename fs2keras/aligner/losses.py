"""The aligner's losses: how improbable its recordings are, whatever the alignment."""

from keras import ops

from fs2keras.aligner.lattice import SLOTS, forward_sum

# The order in which every table, CSV and curve shows them.
PARTS = ("gaussian", "heard")


def parts(inputs: dict, outputs: dict) -> dict[str, tuple]:
    """Sum and number of frames of each part of the loss, float32 scalars.

    gaussian: negative log of the forward sum over the Gaussians' scores, which may be below 0, as densities are.
    heard: likewise over both views; only the mel encoder learns from it. Where it is right and sure of it, the sum over
        paths is that over one: what Badlani et al. 2022 reach with a separate binarisation loss.

    Both with a prior that keeps text and time in step while nothing is known yet, weighted by inputs["prior"] (B,).
    """
    frames = inputs["frames"]
    phonemes = ops.sum(ops.cast(ops.not_equal(inputs["symbols"], 0), "int32"), axis=1)
    count = ops.cast(ops.sum(frames), "float32")
    prior = diagonal(frames, phonemes, *ops.shape(outputs["scores"])[1:], inputs["prior"])
    return {
        name: (-ops.sum(forward_sum(outputs[key] + prior, frames, phonemes)), count)
        for name, key in (("gaussian", "gaussian"), ("heard", "scores"))
    }


def diagonal(frames, phonemes, size_frames, size_states, weight):
    """Log of a prior (B, T, S), but for a constant: -weight * (share of the time - share of the text)^2.

    A Gaussian in place of the beta-binomial distribution of Badlani et al. 2022, section 3.1, whose variance in the
    middle is a quarter over the number of frames: a weight of 300 is the width of one over 150 frames.
    """
    time = (ops.arange(size_frames, dtype="float32") + 0.5)[None] / ops.maximum(ops.cast(frames, "float32"), 1.0)[
        :, None
    ]
    states = ops.cast(SLOTS * phonemes + 1, "float32")[:, None]
    text = (ops.arange(size_states, dtype="float32") + 0.5)[None] / states
    return -weight[:, None, None] * ops.square(time[:, :, None] - text[:, None, :])
