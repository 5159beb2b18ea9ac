"""The states of an utterance, and the sum over all ways through them.

Every phoneme has three states in a row, and before each there is room for a pause: slot 4 i is the pause before phoneme
i, 4 i + 1 to 4 i + 3 are its states, and slot 4 n, after the last of n phonemes, is the pause at the end. A pause is
possible only where a word begins or the utterance ends; everywhere it may be left out. Only the middle state of a
phoneme may be left out besides, so a phoneme lasts two frames at least.
"""

import numpy as np
from keras import ops

STATES = 3  # of a phoneme
SLOTS = STATES + 1  # with the pause before it
IMPOSSIBLE = -1e9


def skippable(states: int) -> np.ndarray:
    """bool (S,): the states that a path may leave out, pauses and middle states."""
    return np.arange(states) % 2 == 0


def forward_sum(scores, frames, phonemes):
    """Log of the sum over all monotonic paths of exp(sum of scores): the forward algorithm.

    Args:
        scores: (B, T, S) float32, log scores of the states at each frame; the padding may hold anything finite.
        frames: (B,) int32, frames of each utterance; 0 for a dummy row.
        phonemes: (B,) int32, n of each utterance; 4 * n + 1 must be at most S.

    Returns:
        (B,) float32; about IMPOSSIBLE where no path exists, 0 for a dummy row.

    Source: Badlani et al. 2022 (arXiv 2108.10447), equation 4, with pauses that may be left out.
    """
    state = ops.arange(ops.shape(scores)[-1], dtype="int32")
    # Entering state s from s - 2 leaves out s - 1, a pause or a middle state: the even ones.
    entry = ops.where(ops.logical_and(state % 2 == 1, state > 1), 0.0, IMPOSSIBLE)
    # A path begins with the pause, or with the first phoneme at once.
    alpha = scores[:, 0] + ops.where(state < 2, 0.0, IMPOSSIBLE)  # (B, S)

    # The frame's number is carried along: on TensorFlow, Keras cannot scan two sequences when their length is unknown.
    def step(carry, score):
        alpha, frame = carry  # (B, S), ()
        stay, one, two = alpha, _shifted(alpha, 1), _shifted(alpha, 2) + entry
        # Half the time of two `logaddexp`, which guard against infinities that cannot be here.
        most = ops.stop_gradient(ops.maximum(ops.maximum(stay, one), two))
        total = ops.exp(stay - most) + ops.exp(one - most) + ops.exp(two - most)
        entered = most + ops.log(total) + score
        return (ops.where((frame < frames)[:, None], entered, alpha), frame + 1), None

    (alpha, _), _ = ops.scan(step, (alpha, ops.ones((), dtype="int32")), ops.transpose(scores, (1, 0, 2))[1:])
    last = SLOTS * ops.cast(phonemes, "int32")
    end = ops.take_along_axis(alpha, last[:, None], axis=1)[:, 0]
    before_end = ops.take_along_axis(alpha, ops.maximum(last - 1, 0)[:, None], axis=1)[:, 0]
    return ops.where(frames > 0, ops.logaddexp(end, before_end), 0.0)


def _shifted(alpha, by):
    """alpha (B, S) moved `by` states to the right."""
    return ops.pad(alpha[:, :-by], ((0, 0), (by, 0)), constant_values=IMPOSSIBLE)
