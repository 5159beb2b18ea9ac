"""Dense and convolution layers with the reference's initial values, and a convolution that never reads padding."""

import keras
from keras import ops


def _uniform(fan_in: int) -> keras.initializers.RandomUniform:
    # One new object for each weight: an initialiser without a seed gives the same values each time it is called.
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)


def dense(units: int, inputs: int, **kwargs) -> keras.layers.Dense:
    """A Dense layer whose kernel and bias start as U(-1/sqrt(inputs), 1/sqrt(inputs))."""
    return keras.layers.Dense(units, kernel_initializer=_uniform(inputs), bias_initializer=_uniform(inputs), **kwargs)


def attention(width: int, heads: int, **kwargs) -> keras.layers.MultiHeadAttention:
    """Multi-head attention of `heads` heads of width/heads each, biases everywhere, the same initial values."""
    return keras.layers.MultiHeadAttention(
        heads, width // heads, kernel_initializer=_uniform(width), bias_initializer=_uniform(width), **kwargs
    )


@keras.saving.register_keras_serializable("fs2keras")
class MaskedConv1D(keras.layers.Layer):
    """A 'same' convolution over time that sees zeros wherever its input is padding.

    Without the mask, values in the padding leak into the last valid frames, and the output depends on what else is in
    the batch (the reference does that in its predictors and its postnet).

    Args:
        filters: output channels.
        kernel_size: width in positions.
        inputs: input channels, for the initial values U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
        activation: a Keras activation or None.

    Call: x (B, L, inputs), valid (B, L) bool -> (B, L, filters), its padding not zeroed.
    """

    def __init__(self, filters, kernel_size, inputs, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.inputs = filters, kernel_size, inputs
        self.activation = keras.activations.get(activation)
        self.conv = keras.layers.Conv1D(
            filters,
            kernel_size,
            padding="same",
            activation=self.activation,
            kernel_initializer=_uniform(inputs * kernel_size),
            bias_initializer=_uniform(inputs * kernel_size),
            dtype=self.dtype_policy,
            name="conv",
        )

    def build(self, input_shape=None):
        self.conv.build((None, None, self.inputs))
        self.built = True

    def call(self, x, valid):
        return self.conv(zero_padding(x, valid))

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "inputs": self.inputs,
            "activation": keras.activations.serialize(self.activation),
        }


def zero_padding(x, valid):
    """x (B, L, C) with zeros where valid (B, L) is False."""
    return x * ops.cast(valid, x.dtype)[:, :, None]
