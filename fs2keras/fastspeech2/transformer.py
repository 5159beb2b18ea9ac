"""Feed-forward Transformer blocks (FastSpeech 2, section 2.2): self-attention, then two convolutions, post-norm."""

import keras
import numpy as np
from keras import ops

from fs2keras.nn.convolution import MaskedConv1D, attention, dense, zero_padding

NORM_EPSILON = 1e-5  # Keras's default is 1e-3; the reference has PyTorch's 1e-5.


def positions(length, width: int, dtype: str):
    """Sinusoidal positions (1, length, width): sine on even, cosine on odd channels, angle pos / 10000^(2(i//2)/D)."""
    channel = np.arange(width)
    frequency = (10000.0 ** (-2.0 * (channel // 2) / width)).astype("float32")
    # cos(a) as sin(a + pi/2) loses bits at large angles, so both are computed and chosen by the channel's parity.
    angle = ops.cast(ops.arange(length), "float32")[:, None] * frequency[None, :]
    encoded = ops.where((channel % 2 == 0)[None, :], ops.sin(angle), ops.cos(angle))
    return ops.cast(encoded, dtype)[None]


@keras.saving.register_keras_serializable("fs2keras")
class FFTBlock(keras.layers.Layer):
    """Attention and two convolutions, each followed by dropout, the residual sum, LayerNorm and zeroed padding.

    Args:
        width: D, of input and output.
        heads: attention heads of D/heads channels.
        filters: channels between the two convolutions.
        kernel_size: of the first convolution; the second has 1.
        dropout: rate after attention and after the convolutions; none on the attention weights.

    Call: x (B, L, D), valid (B, L) bool -> (B, L, D), zero in the padding.
    """

    def __init__(self, width, heads, filters, kernel_size, dropout, **kwargs):
        super().__init__(**kwargs)
        self.width, self.heads, self.filters = width, heads, filters
        self.kernel_size, self.rate = kernel_size, dropout
        policy = {"dtype": self.dtype_policy}
        self.attention = attention(width, heads, name="attention", **policy)
        self.attention_dropout = keras.layers.Dropout(dropout, name="attention_dropout", **policy)
        self.attention_norm = keras.layers.LayerNormalization(epsilon=NORM_EPSILON, name="attention_norm", **policy)
        self.expand = MaskedConv1D(filters, kernel_size, width, activation="relu", name="expand", **policy)
        self.contract = dense(width, filters, name="contract", **policy)  # a convolution of kernel 1
        self.conv_dropout = keras.layers.Dropout(dropout, name="conv_dropout", **policy)
        self.conv_norm = keras.layers.LayerNormalization(epsilon=NORM_EPSILON, name="conv_norm", **policy)

    def build(self, input_shape=None):
        shape = (None, None, self.width)
        self.attention.build(shape, shape)
        self.attention_norm.build(shape)
        self.expand.build()
        self.contract.build((None, None, self.filters))
        self.conv_norm.build(shape)
        self.built = True

    def call(self, x, valid, training=False):
        attended = self.attention(x, x, attention_mask=_keys(valid))
        x = self.attention_norm(x + self.attention_dropout(attended, training=training))
        x = zero_padding(x, valid)
        y = self.contract(self.expand(x, valid))  # (B, L, filters) in between
        x = self.conv_norm(x + self.conv_dropout(y, training=training))
        return zero_padding(x, valid)

    def get_config(self):
        return super().get_config() | {
            "width": self.width,
            "heads": self.heads,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dropout": self.rate,
        }


def _keys(valid):
    """Attention mask (B, 1, L) of the keys that may be looked at."""
    # A dummy row has no valid key at all: some attention kernels then return NaN, and NaN times a zero mask is NaN.
    # Position 0 of a real row is always valid, so allowing it changes nothing there.
    first = ops.arange(ops.shape(valid)[1]) == 0
    return ops.logical_or(valid, first[None, :])[:, None, :]


@keras.saving.register_keras_serializable("fs2keras")
class Transformer(keras.layers.Layer):
    """A stack of FFT blocks over x + positions: the encoder's and the decoder's body. No dropout on the sum.

    Call: x (B, L, D), valid (B, L) bool -> (B, L, D), zero in the padding.
    """

    def __init__(self, blocks, width, heads, filters, kernel_size, dropout, **kwargs):
        super().__init__(**kwargs)
        self.arguments = {
            "width": width,
            "heads": heads,
            "filters": filters,
            "kernel_size": kernel_size,
            "dropout": dropout,
        }
        self.blocks = [FFTBlock(**self.arguments, name=f"block_{i}", dtype=self.dtype_policy) for i in range(blocks)]

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.built = True

    def call(self, x, valid, training=False):
        x = x + positions(ops.shape(x)[1], self.arguments["width"], x.dtype)
        x = zero_padding(x, valid)
        for block in self.blocks:
            x = block(x, valid, training=training)
        return x

    def get_config(self):
        return super().get_config() | {"blocks": len(self.blocks), **self.arguments}
