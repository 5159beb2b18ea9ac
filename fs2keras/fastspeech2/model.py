"""FastSpeech 2 as a Keras model: encoder, variance adaptor, decoder, postnet."""

import json
from pathlib import Path

import keras
from keras import ops

from fs2keras.fastspeech2 import losses
from fs2keras.fastspeech2.postnet import Postnet
from fs2keras.fastspeech2.transformer import Transformer
from fs2keras.fastspeech2.variance import Contour, VariancePredictor, durations_from, regulate_length, unit_normal
from fs2keras.nn.convolution import dense, zero_padding
from fs2keras.nn.metrics import Ratio


@keras.saving.register_keras_serializable("fs2keras")
class FastSpeech2(keras.Model):
    """Phonemes to a mel-spectrogram (Ren et al. 2021, arXiv 2006.04558, and reference.md for what it leaves open).

    Padding (symbol 0, and frames beyond the sum of durations) never changes a result.

    Args:
        vocabulary_size: number of symbols, 0 being the padding.
        pitch_statistics: (mean, std) in Hz and (minimum, maximum) normalised with them, of the training corpus.
        energy_statistics: likewise for energy, an L2 norm of STFT magnitudes.
        mels: M, mel bands.
        speakers: size of the speaker table; 0 for a single voice.
        pitch_level, energy_level: "phoneme", or "frame" to predict them after the length regulator.
        assets: what speaking needs besides weights (symbols, frontend, audio settings): travels in the checkpoint.
        The others: see `fs2keras.fastspeech2.config.Model`.

    Call: a dict of
        symbols (B, P) int32, and optionally speaker (B,) int32, and for teacher forcing durations (B, P) int32, pitch
        and energy (B, P) normalised (or (B, T) at frame level) and mel (B, T, M) (only its length T is used),
    and keywords `max_frames` (T, needed where there is no mel), `speed`, `pitch` and `energy`: scalars or (B, P).

    Returns a dict: mel and mel_postnet (B, T, M) log, log_durations (B, P), durations (B, P) int32 frames, pitch and
        energy normalised, frames (B,) needed, is_short (B,) bool: needed more than T, valid_phonemes, valid_frames.
    """

    def __init__(
        self,
        vocabulary_size,
        pitch_statistics,
        energy_statistics,
        *,
        mels=80,
        speakers=0,
        encoder_blocks=4,
        decoder_blocks=6,
        width=256,
        heads=2,
        conv_filters=1024,
        conv_kernel=9,
        dropout=0.2,
        predictor_filters=256,
        predictor_kernel=3,
        predictor_dropout=0.5,
        bins=256,
        pitch_level="phoneme",
        energy_level="phoneme",
        postnet_blocks=5,
        postnet_filters=512,
        postnet_kernel=5,
        postnet_dropout=0.5,
        assets=None,
        **kwargs,
    ):
        arguments = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "assets", "__class__")}
        super().__init__(**kwargs)
        self.arguments = arguments
        self.assets = dict(assets or {})
        self.mels, self.speakers = mels, speakers
        self.levels = {"pitch": pitch_level, "energy": energy_level}
        policy = {"dtype": self.dtype_policy}
        block = (width, heads, conv_filters, conv_kernel, dropout)
        predictor = {"filters": predictor_filters, "kernel_size": predictor_kernel, "dropout": predictor_dropout}

        self.symbol_table = keras.layers.Embedding(
            vocabulary_size, width, embeddings_initializer=unit_normal(), name="symbols", **policy
        )
        self.encoder = Transformer(encoder_blocks, *block, name="encoder", **policy)
        if speakers:
            self.speaker_table = keras.layers.Embedding(
                speakers, width, embeddings_initializer=unit_normal(), name="speakers", **policy
            )
        self.duration = VariancePredictor(width, **predictor, name="duration", **policy)
        self.pitch = Contour(width, pitch_statistics, predictor, bins, name="pitch", **policy)
        self.energy = Contour(width, energy_statistics, predictor, bins, name="energy", **policy)
        self.decoder = Transformer(decoder_blocks, *block, name="decoder", **policy)
        self.to_mel = dense(mels, width, name="mel", **policy)
        self.postnet = Postnet(
            mels, postnet_blocks, postnet_filters, postnet_kernel, postnet_dropout, name="postnet", **policy
        )
        self.ratios = {name: Ratio(name) for name in losses.PARTS}
        self.build()

    def build(self, input_shape=None):
        """Creates all weights: every shape is known from the arguments."""
        if self.built:
            return
        self.symbol_table.build((None, None))
        if self.speakers:
            self.speaker_table.build((None,))
        self.to_mel.build((None, None, self.arguments["width"]))
        for layer in (self.encoder, self.duration, self.pitch, self.energy, self.decoder, self.postnet):
            layer.build()
        self.built = True

    def call(self, inputs, training=False, *, max_frames=None, speed=1.0, pitch=1.0, energy=1.0):
        frames = ops.shape(inputs["mel"])[1] if "mel" in inputs else max_frames
        if frames is None:
            raise ValueError("FastSpeech2 needs `max_frames` (a static number of frames) where no mel is given.")
        controls = {"pitch": pitch, "energy": energy}
        outputs = self.predict_phonemes(inputs, training=training, speed=speed, **controls)
        outputs |= self.predict_frames(outputs, frames, inputs, training=training, **controls)
        del outputs["hidden"]
        return outputs

    def predict_phonemes(self, inputs, training=False, *, speed=1.0, pitch=1.0, energy=1.0):
        """The first half, over phonemes: encoder, durations, and the contours that live on phonemes.

        Returns a dict with `hidden` (B, P, D) for `predict_frames` besides the predictions.
        """
        symbols = inputs["symbols"]
        valid = ops.not_equal(symbols, 0)
        x = zero_padding(self.symbol_table(symbols), valid)  # (B, P, D)
        x = self.encoder(x, valid, training=training)
        if self.speakers:
            x = zero_padding(x + self.speaker_table(inputs["speaker"])[:, None, :], valid)
        outputs = {"valid_phonemes": valid, "log_durations": self.duration(x, valid, training=training)}
        outputs["durations"] = inputs.get("durations")
        if outputs["durations"] is None:
            outputs["durations"] = durations_from(outputs["log_durations"], valid, speed)
        outputs["frames"] = ops.sum(outputs["durations"], axis=1)
        controls = {"pitch": pitch, "energy": energy}
        x = self._add_contours(x, valid, "phoneme", inputs, controls, outputs, training)
        return outputs | {"hidden": x}

    def predict_frames(self, phonemes, frames, targets=None, training=False, *, pitch=1.0, energy=1.0):
        """The second half, over `frames` (T, static): length regulator, contours at frame level, decoder, postnet."""
        durations = phonemes["durations"]
        x, valid = regulate_length(phonemes["hidden"], durations, frames)  # (B, T, D)
        controls = {
            name: self._control_of_frames(control, durations, frames)
            for name, control in (("pitch", pitch), ("energy", energy))
            if self.levels[name] == "frame"
        }
        outputs = {"valid_frames": valid, "is_short": phonemes["frames"] > frames}
        x = self._add_contours(x, valid, "frame", targets or {}, controls, outputs, training)
        x = self.decoder(x, valid, training=training)
        mel = zero_padding(self.to_mel(x), valid)  # (B, T, M)
        outputs["mel"] = mel
        outputs["mel_postnet"] = mel + self.postnet(mel, valid, training=training)
        return outputs

    def _add_contours(self, x, valid, level, targets, controls, outputs, training):
        # Energy is predicted from what pitch has been added to, as in the reference.
        for name in ("pitch", "energy"):
            if self.levels[name] != level:
                continue
            target = targets.get(name)
            layer = getattr(self, name)
            embedded, outputs[name] = layer(x, valid, target, control=controls[name], training=training)
            x = x + embedded
        return x

    @staticmethod
    def _control_of_frames(control, durations, frames):
        control = ops.cast(control, "float32")
        if len(control.shape) == 0:
            return control
        return regulate_length(control[:, :, None], durations, frames)[0][:, :, 0]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The sum of the five parts (see `losses.parts`). Targets are in x: teacher forcing needs them there."""
        total = 0.0
        for name, (error, count) in losses.parts(x, y_pred, self.levels).items():
            self.ratios[name].update_state(error, count, only_this=training)
            total = total + error / ops.maximum(count, 1.0)
        # An absolute error of NaN has a finite gradient; the optimiser, which watches for NaN, must see it too.
        return total * ops.where(ops.isfinite(total), 1.0, float("nan"))

    def get_config(self):
        return super().get_config() | self.arguments

    # All weights are created by the constructor, so nothing about shapes has to be stored or replayed.
    def get_build_config(self):
        return None

    def build_from_config(self, config):
        self.build()

    def save_assets(self, directory):
        Path(directory, "voice.json").write_text(json.dumps(self.assets, ensure_ascii=False), encoding="utf-8")

    def load_assets(self, directory):
        self.assets = json.loads(Path(directory, "voice.json").read_text(encoding="utf-8"))
