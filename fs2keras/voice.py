"""From text to a waveform, with a trained model and all that travels in its checkpoint."""

import math
import time
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fs2keras import backend
from fs2keras.audio import wav
from fs2keras.audio.vocode import vocode
from fs2keras.errors import CallError, UserError
from fs2keras.text.frontends import build, symbols_of
from fs2keras.text.normalize import normalize, split_sentences
from fs2keras.text.symbols import SymbolTable

PHONEME_BUCKET = 32  # lengths are rounded up to multiples of these, so that few shapes are compiled
FRAME_BUCKET = 128
LONGEST = 10_000  # frames for one sentence; attention over more takes gigabytes


@dataclass(frozen=True, eq=False)
class Sentence:
    """One sentence as the model gives it: `symbols` (P,), `durations` (P,) int frames, log-`mel` (T, M)."""

    symbols: tuple[str, ...]
    durations: np.ndarray
    mel: np.ndarray


@dataclass(frozen=True)
class Speech:
    """What a voice said.

    Attributes:
        samples: (S,) float32 in -1..1.
        sample_rate: Hz.
        mel: (T, M) log-mel spectrogram, sentence after sentence without the pauses between them.
        hop: samples from one frame to the next.
        symbols: (P,) the phonemes.
        durations: (P,) int, frames of each phoneme.
        seconds_spent: on making it, compilation included.
    """

    samples: np.ndarray
    sample_rate: int
    mel: np.ndarray
    hop: int
    symbols: tuple[str, ...]
    durations: np.ndarray
    seconds_spent: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    def save(self, path: str | Path) -> None:
        """Writes a 16 bit mono wav, atomically."""
        wav.write(path, self.samples, self.sample_rate)

    def save_picture(self, path: str | Path, title: str) -> None:
        """Writes the spectrogram as png, atomically."""
        from fs2keras.audio.picture import save_spectrogram  # matplotlib, 0.5 s: only who wants a picture pays

        save_spectrogram(path, self.mel, hop=self.hop, sample_rate=self.sample_rate, title=title)


class Voice:
    """A model that speaks.

    Args:
        model: a FastSpeech2 with assets, from `keras.saving.load_model` or from a training.

    Example:
        voice = Voice.load("runs/demo/checkpoints/step-0000400.keras")
        voice.speak("Any sentence.", speed=1.1).save("speech.wav")
    """

    def __init__(self, model: keras.Model):
        assets = getattr(model, "assets", None)
        if not assets:
            raise UserError("This model has no voice assets (symbols, frontend, audio): did `fs2keras fit` save it?")
        self.model = model
        self.symbol_table = SymbolTable(assets["symbols"])
        self.language = assets["language"]
        self.frontend = build(assets["frontend"], assets["language"], assets["lexicon"])
        # A plain dict: Keras's own, which tracks variables, cannot be sent to another process.
        self.audio, self.speakers = dict(assets["audio"]), assets["speakers"]
        self._phonemes, self._frames = _Phonemes(model), _Frames(model)
        for stage in (self._phonemes, self._frames):
            stage.compile(jit_compile=backend.jit_compile())

    @classmethod
    def load(cls, path: str | Path) -> "Voice":
        """The voice in a checkpoint (.keras).

        Raises UserError when the file is missing, truncated or not one of ours.
        """
        path = Path(path)
        if not path.is_file():
            raise UserError(f"{path}: no such checkpoint")
        if not zipfile.is_zipfile(path):
            raise UserError(f"{path}: not a whole .keras checkpoint, but cut short or something else. Name another.")
        try:
            model = keras.saving.load_model(path, compile=False)
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"{path}: not a whole .keras checkpoint ({str(error).splitlines()[0]})") from error
        return cls(model)

    def symbols(self, text: str) -> list[list[str]]:
        """The phonemes of each sentence of a text: what per-phoneme controls refer to.

        Raises UserError when nothing in the text can be spoken.
        """
        return [symbols for symbols, _ in self._sentences(text)]

    def _sentences(self, text: str) -> list[tuple[list[str], list[str]]]:
        """For each sentence its phonemes, and for each phoneme its word."""
        normalize(text, self.language)  # raises where nothing at all can be spoken
        # Split as written, since normalising forgets paragraphs; a part without a letter or digit is no sentence.
        sentences = [s for s in split_sentences(text) if any(map(str.isalnum, s))] or [text]
        return [symbols_of(self.frontend.words(sentence)) for sentence in sentences]

    def speak(
        self,
        text: str,
        *,
        speed: float | Sequence[float] = 1.0,
        pitch: float | Sequence[float] = 1.0,
        energy: float | Sequence[float] = 1.0,
        speaker: int = 0,
    ) -> Speech:
        """Speaks a text of any length, sentence by sentence.

        Args:
            text: as written; numbers and abbreviations are read out.
            speed: divides the durations: 2 is twice as fast.
            pitch: multiplies the fundamental frequency in Hz.
            energy: multiplies the energy.
            speaker: number in the table of speakers.
            Each control is a number, or one for each phoneme of the text (`symbols`); finite and positive.

        Raises:
            CallError: a control is not finite and positive, or has another length than the phonemes.
            UserError: nothing to speak, a phoneme that the voice does not know, or an absurd length.
        """
        begin = time.perf_counter()
        sentences = self.sentences(text, speed=speed, pitch=pitch, energy=energy, speaker=speaker)
        return Speech(
            samples=vocode([sentence.mel for sentence in sentences], self.audio),
            sample_rate=self.audio["sample_rate"],
            mel=np.concatenate([sentence.mel for sentence in sentences]),
            hop=self.audio["hop"],
            symbols=tuple(symbol for sentence in sentences for symbol in sentence.symbols),
            durations=np.concatenate([sentence.durations for sentence in sentences]),
            seconds_spent=time.perf_counter() - begin,
        )

    def sentences(self, text: str, *, speed=1.0, pitch=1.0, energy=1.0, speaker: int = 0) -> list[Sentence]:
        """The sentences of a text before they become sound. Arguments and errors as of `speak`."""
        parted = self._sentences(text)
        controls = {
            name: _per_phoneme(name, value, sum(len(symbols) for symbols, _ in parted))
            for name, value in (("speed", speed), ("pitch", pitch), ("energy", energy))
        }
        sentences, first = [], 0
        for symbols, owners in parted:
            ids = self.symbol_table.encode(symbols, words=owners)
            mine = {name: value[first : first + len(ids)] for name, value in controls.items()}
            mel, durations = self.synthesise(ids, speaker=speaker, **mine)
            sentences.append(Sentence(tuple(symbols), durations, mel))
            first += len(ids)
        return sentences

    def synthesise(self, ids: Sequence[int], *, speed=1.0, pitch=1.0, energy=1.0, speaker=0):
        """Symbol ids (P,) of one sentence to its log-mel (T, M) and durations (P,) in frames.

        Two compiled stages with static shapes: durations first, then the host chooses T, and nothing is ever cut.
        """
        count, size = len(ids), _round_up(len(ids), PHONEME_BUCKET)
        inputs = {"symbols": np.zeros((1, size), "int32"), "speaker": np.array([speaker], "int32")}
        inputs["symbols"][0, :count] = ids
        controls = {"speed": speed, "pitch": pitch, "energy": energy}
        for name, value in controls.items():
            inputs[name] = np.ones((1, size), "float32")
            inputs[name][0, :count] = _per_phoneme(name, value, count)
        phonemes = self._phonemes.predict_on_batch(inputs)
        frames = self._checked_frames(int(phonemes["frames"][0]), count)
        outputs = self._frames.predict_on_batch(
            {**phonemes, "pitch": inputs["pitch"], "energy": inputs["energy"]}
            | {"template": np.zeros((1, _round_up(frames, FRAME_BUCKET)), "float32")}
        )
        return np.asarray(outputs)[0, :frames], np.asarray(phonemes["durations"])[0, :count]

    def waveform(self, mel: np.ndarray) -> np.ndarray:
        """Log-mel (T, M) to samples (S,), by Griffin-Lim."""
        return vocode([mel], self.audio)

    def _checked_frames(self, frames: int, phonemes: int) -> int:
        if frames < 2:
            raise UserError(f"The voice gives these {phonemes} phonemes no length: it has not learned durations yet.")
        if frames > LONGEST:
            seconds = frames * self.audio["hop"] / self.audio["sample_rate"]
            raise UserError(
                f"The voice wants {seconds:,.0f} s for one sentence of {phonemes} phonemes: it has not learned "
                "durations yet, the speed is too low, or the text needs full stops."
            )
        return frames


class _Phonemes(keras.Model):
    """First compiled stage: FastSpeech2.predict_phonemes of a dict of arrays."""

    def __init__(self, model):
        super().__init__(name="phonemes")  # Keras's own would begin with _, which TensorFlow refuses as a scope
        self.model = model

    def call(self, inputs):
        controls = {name: inputs[name] for name in ("speed", "pitch", "energy")}
        outputs = self.model.predict_phonemes({key: inputs[key] for key in ("symbols", "speaker")}, **controls)
        return {key: outputs[key] for key in ("hidden", "durations", "frames")}


class _Frames(keras.Model):
    """Second compiled stage: FastSpeech2.predict_frames; T is the length of `template`."""

    def __init__(self, model):
        super().__init__(name="frames")
        self.model = model

    def call(self, inputs):
        frames = keras.ops.shape(inputs["template"])[1]
        outputs = self.model.predict_frames(inputs, frames, pitch=inputs["pitch"], energy=inputs["energy"])
        return outputs["mel_postnet"]


def _per_phoneme(name: str, value, count: int) -> np.ndarray:
    values = np.asarray(value, dtype="float32")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != count):
        raise CallError(f"{name} needs one number, or one for each of the {count} phonemes; got shape {values.shape}.")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise CallError(f"{name} must be finite and positive, not {value}.")
    return np.broadcast_to(values, (count,))


def _round_up(length: int, bucket: int) -> int:
    return max(1, math.ceil(length / bucket)) * bucket
