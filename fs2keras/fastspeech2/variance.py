"""The variance adaptor (FastSpeech 2, section 2.3): duration, pitch, energy: predicted, embedded, spread over time."""

import keras
import numpy as np
from keras import ops

from fs2keras.fastspeech2.transformer import NORM_EPSILON
from fs2keras.nn.convolution import MaskedConv1D, dense, zero_padding


def regulate_length(x, durations, frames):
    """Repeats each phoneme's vector for as many frames as it lasts.

    Args:
        x: (B, P, D).
        durations: (B, P) int, in frames.
        frames: T, the static number of frames to return; what lies beyond the sum of durations is zero.

    Returns:
        (B, T, D) and the valid frames (B, T) bool.
    """
    ends = ops.cumsum(durations, axis=1)  # (B, P)
    frame = ops.arange(frames, dtype=ends.dtype)
    # The phoneme of frame t is the number of phonemes that have ended by t: static shapes, no loop.
    phoneme = ops.sum(ops.cast(ends[:, :, None] <= frame[None, None, :], "int32"), axis=1)  # (B, T)
    valid = frame[None, :] < ends[:, -1:]
    last = ops.shape(x)[1] - 1
    spread = ops.take_along_axis(x, ops.minimum(phoneme, last)[:, :, None], axis=1)
    return zero_padding(spread, valid), valid


@keras.saving.register_keras_serializable("fs2keras")
class VariancePredictor(keras.layers.Layer):
    """Two convolutions with ReLU, LayerNorm and dropout, and one number for each position.

    Call: x (B, L, D), valid (B, L) bool -> (B, L) float32, zero in the padding.
    """

    def __init__(self, inputs, filters, kernel_size, dropout, **kwargs):
        super().__init__(**kwargs)
        self.inputs, self.filters, self.kernel_size, self.rate = inputs, filters, kernel_size, dropout
        policy = {"dtype": self.dtype_policy}
        self.convs = [
            MaskedConv1D(filters, kernel_size, width, activation="relu", name=f"conv_{i}", **policy)
            for i, width in enumerate((inputs, filters))
        ]
        self.norms = [
            keras.layers.LayerNormalization(epsilon=NORM_EPSILON, name=f"norm_{i}", **policy) for i in range(2)
        ]
        self.dropouts = [keras.layers.Dropout(dropout, name=f"dropout_{i}", **policy) for i in range(2)]
        self.output_layer = dense(1, filters, name="output", **policy)

    def build(self, input_shape=None):
        shape = (None, None, self.filters)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            conv.build()
            norm.build(shape)
        self.output_layer.build(shape)
        self.built = True

    def call(self, x, valid, training=False):
        for conv, norm, dropout in zip(self.convs, self.norms, self.dropouts, strict=True):
            x = dropout(norm(conv(x, valid)), training=training)
        prediction = ops.cast(zero_padding(self.output_layer(x), valid), "float32")
        return ops.squeeze(prediction, axis=-1)

    def get_config(self):
        return super().get_config() | {
            "inputs": self.inputs,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dropout": self.rate,
        }


@keras.saving.register_keras_serializable("fs2keras")
class QuantisedEmbedding(keras.layers.Layer):
    """An embedding of a real value by the bin it falls in: bins - 1 edges, linear from minimum to maximum.

    Call: values (B, L) -> (B, L, D).
    """

    def __init__(self, width, bins, minimum, maximum, **kwargs):
        super().__init__(**kwargs)
        self.width, self.bins, self.minimum, self.maximum = width, bins, float(minimum), float(maximum)
        self.edges = np.linspace(self.minimum, self.maximum, bins - 1, dtype="float32")
        self.table = keras.layers.Embedding(
            bins, width, embeddings_initializer=unit_normal(), dtype=self.dtype_policy, name="table"
        )

    def build(self, input_shape=None):
        self.table.build((None, None))
        self.built = True

    def call(self, values):
        # Flat, because searchsorted refuses two dimensions on TensorFlow.
        flat = ops.reshape(ops.cast(values, "float32"), (-1,))
        bins = ops.searchsorted(ops.convert_to_tensor(self.edges), flat, side="left")
        return self.table(ops.reshape(bins, ops.shape(values)))

    def get_config(self):
        return super().get_config() | {
            "width": self.width,
            "bins": self.bins,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }


def unit_normal() -> keras.initializers.RandomNormal:
    """N(0, 1), PyTorch's initial values of an embedding."""
    return keras.initializers.RandomNormal(mean=0.0, stddev=1.0)


@keras.saving.register_keras_serializable("fs2keras")
class Contour(keras.layers.Layer):
    """One property of the voice, pitch or energy: its predictor, its control and its embedding.

    Args:
        width: D.
        statistics: (mean, std, minimum, maximum): mean and standard deviation in the property's unit, minimum and
            maximum of the values normalised with them.
        predictor: keywords of VariancePredictor: filters, kernel_size, dropout.
        bins: of the embedding.

    Call: x (B, L, D), valid (B, L), target (B, L) normalised or None, control: 1 or (B, L)
        -> embedding (B, L, D), prediction (B, L) normalised, with the control applied.
    """

    def __init__(self, width, statistics, predictor, bins, **kwargs):
        super().__init__(**kwargs)
        self.width, self.bins = width, bins
        self.statistics, self.predictor_arguments = tuple(statistics), dict(predictor)
        self.mean, self.std, minimum, maximum = self.statistics
        self.predictor = VariancePredictor(width, **predictor, dtype=self.dtype_policy, name="predictor")
        self.embedding = QuantisedEmbedding(width, bins, minimum, maximum, dtype=self.dtype_policy, name="embedding")

    def build(self, input_shape=None):
        self.predictor.build()
        self.embedding.build()
        self.built = True

    def call(self, x, valid, target=None, control=1.0, training=False):
        prediction = self.predictor(x, valid, training=training)
        # The control multiplies the value in its unit, not its z-score: (z * std + mean) * c, normalised again. Written
        # so that a control of 1 leaves every bit as it was.
        control = ops.cast(control, "float32")
        prediction = prediction * control + (control - 1.0) * (self.mean / self.std)
        prediction = prediction * ops.cast(valid, "float32")
        embedded = self.embedding(prediction if target is None else target)
        return zero_padding(embedded, valid), prediction

    def get_config(self):
        return super().get_config() | {
            "width": self.width,
            "statistics": self.statistics,
            "predictor": self.predictor_arguments,
            "bins": self.bins,
        }


def durations_from(log_durations, valid, speed=1.0):
    """Frames for each phoneme: max(0, round((exp(p) - 1) / speed)), half to even; (B, P) float -> (B, P) int32."""
    frames = ops.round((ops.exp(log_durations) - 1.0) / ops.cast(speed, "float32"))
    return ops.cast(ops.maximum(frames, 0.0), "int32") * ops.cast(valid, "int32")
