"""The aligner as a Keras model: how well each frame of a recording fits each state of its text."""

import keras
from keras import ops

from fs2keras.aligner import losses
from fs2keras.aligner.config import SIZE
from fs2keras.aligner.lattice import IMPOSSIBLE, SLOTS, STATES
from fs2keras.nn.convolution import MaskedConv1D, dense, zero_padding
from fs2keras.nn.metrics import Ratio

_KERNELS = (5, 3, 3)  # 105 ms are heard in all: enough to tell sounds apart, too little to guess from the neighbours
_LOG_VARIANCES = (-6.0, 3.0)  # of features whose variance over the corpus is 1
# The mel encoder's share of each class, as a running mean over batches; the log of it is what a class costs.
_MOMENTUM = 0.97
_LEAST_SHARE = 1e-8  # classes of symbols that no text holds


@keras.saving.register_keras_serializable("fs2keras")
class Aligner(keras.Model):
    """Scores of frames against the states of a text, learned without knowing where anything is.

    Two views of a frame that teach one another:

    - *Gaussians*: a text encoder says for each state of each phoneme what cepstra to expect: an embedding of the
      phoneme, and for the middle state a convolution over its neighbours too. The squared distance to them, weighted by
      learned variances, is the learned alignment of Badlani et al. 2022 (arXiv 2108.10447) as a density of the frame,
      where that paper normalises over the phonemes of the utterance. It finds the order of things from nothing.
      (With neighbours in the outer states boundaries drift, since both phonemes can explain the transition between
      them: 15 to 19 ms late on both corpora it was measured on.)
    - *A mel encoder*: convolutions over the mel that say which state of which symbol of the whole table is heard, over
      how often it is. It learns from the sums over paths in which the Gaussians have their say, less and less as the
      training goes on, and is sharper than they are.

    Args:
        symbols: size of the symbol table, the padding included.
        mels: M.
        The others: see `fs2keras.aligner.config.Model`.

    Call: a dict of
        cepstra (B, T, SIZE) and mel (B, T, M), normalised (fs2keras.aligner.features),
        symbols (B, P) int32, 0 after the last phoneme, P at least one more than the phonemes,
        pause (B, P) int32, 1 where a pause may precede the phoneme, also after the last one,
        frames (B,) int32,
        trust (B,) float32, the weight of the Gaussians in `scores`,
        prior (B,) float32, the weight of the prior: for the losses only.

    Returns a dict, float32: `gaussian` and `scores` (B, T, S), S = 4 P (fs2keras.aligner.lattice), the log scores of
        the Gaussians, and those of both views, by which to align, IMPOSSIBLE where no pause may be; `soft` (B, T, P),
        the probability that a frame is heard as the phoneme, from 0 to 1.
    """

    def __init__(self, symbols, *, mels=80, width=64, filters=192, dropout=0.2, pauses=4, scale=0.3, **kwargs):
        arguments = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        super().__init__(**kwargs)
        self.arguments, self.scale = arguments, scale
        self.symbol_table = keras.layers.Embedding(
            symbols, width, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0), name="symbols"
        )
        self.neighbours = MaskedConv1D(width, 3, width, activation="tanh", name="neighbours")
        self.own_means = dense(STATES * SIZE, width, name="own_means")
        self.coloured_means = dense(SIZE, width, name="coloured_means")
        self.log_variances = keras.layers.Embedding(
            symbols, STATES * SIZE, embeddings_initializer="zeros", name="log_variances"
        )
        sizes = (mels, *(filters for _ in _KERNELS))
        self.hearing = [
            MaskedConv1D(filters, kernel, inputs, activation="relu", name=f"hearing_{n}")
            for n, (kernel, inputs) in enumerate(zip(_KERNELS, sizes, strict=False))
        ]
        self.dropping = [keras.layers.Dropout(dropout, name=f"dropping_{n}") for n in range(len(_KERNELS))]
        self.classes = 1 + symbols * STATES  # class 0 is the pause
        self.naming = dense(self.classes, filters, name="naming")
        self.ratios = {name: Ratio(name) for name in losses.PARTS}
        self.build()

    def build(self, input_shape=None):
        """Creates all weights: every shape is known from the arguments."""
        if self.built:
            return
        pauses, width, filters = (self.arguments[name] for name in ("pauses", "width", "filters"))
        self.pause_means = self.add_weight(shape=(pauses, SIZE), initializer="zeros", name="pause_means")
        self.pause_log_variances = self.add_weight(shape=(pauses, SIZE), initializer="zeros", name="pause_variances")
        self.pause_weights = self.add_weight(shape=(pauses,), initializer="zeros", name="pause_weights")
        self.share = self.add_weight(
            shape=(self.classes,),
            initializer=keras.initializers.Constant(1 / self.classes),
            trainable=False,
            name="share",
        )
        self.symbol_table.build((None, None))
        self.log_variances.build((None, None))
        self.own_means.build((None, None, width))
        self.coloured_means.build((None, None, width))
        self.naming.build((None, None, filters))
        for layer in (self.neighbours, *self.hearing):
            layer.build()
        for layer in self.dropping:
            layer.build((None, None, filters))
        self.built = True

    def call(self, inputs, training=False):
        symbols, size = inputs["symbols"], ops.shape(inputs["symbols"])[1]
        may_pause = ops.cast(inputs["pause"], "bool")  # (B, P)
        of_pause, of_states = self._pause_density(inputs["cepstra"]), self._state_density(inputs["cepstra"], symbols)
        gaussian = _slots(of_pause, of_states, may_pause)
        logits, valid = self._hear(inputs, training)
        named = ops.log_softmax(logits, axis=-1)  # (B, T, classes)
        if training:
            self._update_share(named, valid)
        classes = 1 + STATES * symbols[:, :, None] + ops.arange(STATES, dtype="int32")  # (B, P, 3)
        classes = ops.reshape(classes, (-1, 1, STATES * size))
        of_states = ops.take_along_axis(named, ops.tile(classes, (1, ops.shape(named)[1], 1)), axis=2)
        share = ops.log(ops.maximum(ops.convert_to_tensor(self.share), _LEAST_SHARE))
        heard = _slots(named[:, :, 0] - share[0], of_states - ops.take(share, classes), may_pause)
        return {
            "gaussian": gaussian,
            # What is heard learns from the Gaussians, and not they from it.
            "scores": ops.maximum(inputs["trust"][:, None, None] * ops.stop_gradient(gaussian) + heard, IMPOSSIBLE),
            "soft": ops.sum(ops.reshape(ops.exp(of_states), (*ops.shape(of_states)[:2], size, STATES)), axis=-1),
        }

    def _pause_density(self, x):
        """Log-density (B, T) of cepstra x (B, T, D) in silence, a mixture of Gaussians."""
        log_variances = ops.clip(self.pause_log_variances, *_LOG_VARIANCES)
        weights = ops.log_softmax(self.pause_weights)
        means = ops.convert_to_tensor(self.pause_means)[None]
        return ops.logsumexp(self.scale * _log_density(x, means, log_variances[None]) + weights, axis=-1)

    def _state_density(self, x, symbols):
        """Log-density (B, T, 3 P) of cepstra x (B, T, D) in each state of the symbols (B, P)."""
        valid = ops.not_equal(symbols, 0)
        embedded = zero_padding(self.symbol_table(symbols), valid)  # (B, P, width)
        own = self.own_means(ops.tanh(embedded))  # (B, P, 3 D)
        coloured = self.coloured_means(self.neighbours(embedded, valid))  # (B, P, D), of the middle state
        by_state = (-1, STATES * ops.shape(symbols)[1], SIZE)
        means = ops.reshape(own + ops.pad(coloured, ((0, 0), (0, 0), (SIZE, SIZE))), by_state)
        log_variances = ops.reshape(ops.clip(self.log_variances(symbols), *_LOG_VARIANCES), by_state)
        return self.scale * _log_density(x, means, log_variances)

    def _hear(self, inputs, training):
        """Logits (B, T, classes) of the frames, and which of them are valid (B, T)."""
        x = inputs["mel"]
        valid = ops.arange(ops.shape(x)[1], dtype="int32")[None] < inputs["frames"][:, None]
        for convolution, dropout in zip(self.hearing, self.dropping, strict=True):
            x = dropout(convolution(x, valid), training=training)
        return self.naming(x), valid

    def _update_share(self, named, valid):
        weight = ops.cast(valid, "float32")
        share = ops.sum(ops.exp(named) * weight[:, :, None], axis=(0, 1)) / ops.maximum(ops.sum(weight), 1.0)
        self.share.assign(_MOMENTUM * self.share + (1 - _MOMENTUM) * ops.stop_gradient(share))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The sum of the parts (fs2keras.aligner.losses), each nats for a frame."""
        total = 0.0
        for name, (value, frames) in losses.parts(x, y_pred).items():
            self.ratios[name].update_state(value, frames, only_this=training)
            total = total + value / ops.maximum(frames, 1.0)
        return total

    def get_config(self):
        return super().get_config() | self.arguments

    # All weights are created by the constructor, so nothing about shapes has to be stored or replayed.
    def get_build_config(self):
        return None

    def build_from_config(self, config):
        self.build()


def _log_density(x, means, log_variances):
    """Log-density (B, T, S) of x (B, T, D) under Gaussians of means and log variances (B, S, D), but for a constant.

    The square is multiplied out, so that only matrix products touch T x S x D.
    """
    precisions = ops.exp(-log_variances)
    constant = ops.sum(means * means * precisions + log_variances, axis=-1)[:, None, :]  # (B, 1, S)
    squares = ops.matmul(x * x, ops.transpose(precisions, (0, 2, 1)))
    products = ops.matmul(x, ops.transpose(means * precisions, (0, 2, 1)))
    return -0.5 * (squares - 2 * products + constant)


def _slots(of_pause, of_states, may_pause):
    """(B, T) and (B, T, 3 P) to (B, T, 4 P): the pause before each phoneme where one may be, then its states."""
    batch, frames = ops.shape(of_states)[0], ops.shape(of_states)[1]
    phonemes = ops.shape(may_pause)[1]
    pause = ops.where(may_pause[:, None, :], of_pause[:, :, None], IMPOSSIBLE)[..., None]  # (B, T, P, 1)
    states = ops.reshape(of_states, (batch, frames, phonemes, STATES))
    return ops.reshape(ops.concatenate([pause, states], axis=-1), (batch, frames, phonemes * SLOTS))
