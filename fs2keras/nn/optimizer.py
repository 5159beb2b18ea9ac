"""Adam with the Transformer's learning-rate schedule, which also remembers what a training log wants to know."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("fs2keras")
class Noam(keras.optimizers.schedules.LearningRateSchedule):
    """width^-0.5 * min(n^-0.5, n * warmup^-1.5) for update n = 1, 2, ... (Vaswani et al. 2017, section 5.3).

    Args:
        width: D.
        warmup: updates until the peak.
        scale: a factor on all of it.
        anneal_steps: updates after each of which the rate is multiplied by `anneal_rate` once more.
        accumulate: batches in an update; Keras hands the number of batches to a schedule.
    """

    def __init__(self, width, warmup=4000, scale=1.0, anneal_steps=(), anneal_rate=0.3, accumulate=1):
        self.width, self.warmup, self.scale = width, warmup, scale
        self.anneal_steps, self.anneal_rate, self.accumulate = tuple(anneal_steps), anneal_rate, accumulate

    def __call__(self, step):
        n = ops.cast(ops.floor_divide(ops.cast(step, "int32"), self.accumulate) + 1, "float32")
        rate = self.scale * self.width**-0.5 * ops.minimum(n**-0.5, n * self.warmup**-1.5)
        for boundary in self.anneal_steps:
            rate = ops.where(n > boundary, rate * self.anneal_rate, rate)
        return rate

    def get_config(self):
        return {
            "width": self.width,
            "warmup": self.warmup,
            "scale": self.scale,
            "anneal_steps": self.anneal_steps,
            "anneal_rate": self.anneal_rate,
            "accumulate": self.accumulate,
        }


@keras.saving.register_keras_serializable("fs2keras")
class WatchedAdam(keras.optimizers.Adam):
    """Adam that clips like PyTorch's `clip_grad_norm_` and keeps the norm before clipping and the first bad update.

    A metric cannot see the gradients on JAX, and a log on the host would wait for each step; three scalars among the
    optimiser's own variables cost nothing and are read only when a row is written.

    Args:
        clip: the global norm that gradients are scaled down to.
        The others: Adam's.

    Attributes:
        grad_norm: global norm of the last update's gradients, before clipping.
        last_rate: learning rate of the last update.
        first_bad_update: number of the first update (from 1) whose norm was NaN or infinite; 0 while there is none.
    """

    def __init__(self, learning_rate, clip=1.0, name="adam", **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)
        self.clip = clip

    def build(self, variables):
        super().build(variables)
        self.grad_norm = self.add_variable((), "zeros", dtype="float32", name="grad_norm")
        self.last_rate = self.add_variable((), "zeros", dtype="float32", name="last_rate")
        self.first_bad_update = self.add_variable((), "zeros", dtype="int32", name="first_bad_update")

    # Keras calls this on the gradients that an update uses (after accumulation), on every backend. It is not part of
    # the public interface; test_nn.py notices if that changes.
    def _clip_gradients(self, grads):
        norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(g, "float32"))) for g in grads if g is not None))
        update = ops.cast(self.iterations, "int32") + 1
        first_bad = ops.convert_to_tensor(self.first_bad_update)
        is_first = ops.logical_and(ops.equal(first_bad, 0), ops.logical_not(ops.isfinite(norm)))
        self.grad_norm.assign(norm)
        self.last_rate.assign(ops.cast(self.learning_rate, "float32"))
        self.first_bad_update.assign(ops.where(is_first, update, first_bad))
        scale = ops.minimum(1.0, self.clip / (norm + 1e-6))
        return [None if g is None else g * ops.cast(scale, g.dtype) for g in grads]

    def get_config(self):
        return super().get_config() | {"clip": self.clip}
