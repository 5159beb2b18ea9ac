"""FastSpeech 2 as a Task: what `fit` needs to know about it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from fs2keras import backend
from fs2keras.corpus.batches import Batches
from fs2keras.corpus.prepare import ensure
from fs2keras.corpus.store import Prepared
from fs2keras.fastspeech2 import losses
from fs2keras.fastspeech2.model import FastSpeech2
from fs2keras.nn.optimizer import Noam, WatchedAdam
from fs2keras.recipe import Recipe
from fs2keras.rundir.columns import Column
from fs2keras.voice import Voice

LABELS = {
    "mel": ("mel", "L1, log magnitude"),
    "mel_postnet": ("mel after postnet", "L1, log magnitude"),
    "pitch": ("pitch", "squared, normalised"),
    "energy": ("energy", "squared, normalised"),
    "duration": ("duration", "squared, log(frames + 1)"),
}
# Validation is small: more shapes would cost more compilation than they save padding.
VALIDATION_SHAPES = 2


class FastSpeech2Task:
    """See `fs2keras.training.task.Task`. Prepares the corpus when there is no store of it yet."""

    kind = "fastspeech2"
    hint = 'Hear it: fs2keras say {run} "Any sentence."'
    columns = (
        Column("loss", "loss", "", "loss", "lower"),
        *(Column(name, *LABELS[name], group="loss", better="lower") for name in losses.PARTS),
    )

    def __init__(self, recipe: Recipe, report: Callable[[str], None] = print):
        self.recipe = recipe
        self.prepared: Prepared = ensure(recipe, report)
        self.fingerprint = self.prepared.fingerprint
        self._voice: Voice | None = None
        self._levels = {"pitch": recipe.model.pitch_level, "energy": recipe.model.energy_level}

    @property
    def samples(self) -> tuple[str, ...]:
        return self.recipe.samples.sentences

    def build_model(self) -> FastSpeech2:
        train = self.recipe.train
        model = self._model(dtype=train.precision)
        schedule = Noam(
            self.recipe.model.width,
            train.warmup,
            train.learning_rate_scale,
            train.anneal_steps,
            train.anneal_rate,
            train.accumulate,
        )
        optimizer = WatchedAdam(
            schedule,
            clip=train.clip,
            beta_1=0.9,
            beta_2=0.98,
            epsilon=1e-9,
            gradient_accumulation_steps=train.accumulate if train.accumulate > 1 else None,
        )
        model.compile(optimizer=optimizer, jit_compile=backend.jit_compile())
        return model

    def inference_model(self) -> FastSpeech2:
        return self._model(dtype="float32")

    def _model(self, dtype: str) -> FastSpeech2:
        prepared = self.prepared
        statistics = {
            f"{name}_statistics": tuple(prepared.statistics[name][level][key] for key in ("mean", "std", "min", "max"))
            for name, level in self._levels.items()
        }
        return FastSpeech2(
            len(prepared.symbols),
            mels=self.recipe.audio.mels,
            speakers=len(prepared.speakers) if len(prepared.speakers) > 1 else 0,
            assets=self._assets(),
            dtype=dtype,
            name="fastspeech2",
            **statistics,
            **dataclasses.asdict(self.recipe.model),
        )

    def _assets(self) -> dict:
        """All that speaking needs besides the weights."""
        return {
            "symbols": list(self.prepared.symbols),
            "frontend": self.recipe.text.frontend,
            "language": self.recipe.text.language,
            "lexicon": self.prepared.lexicon,
            "audio": dataclasses.asdict(self.recipe.audio),
            "speakers": list(self.prepared.speakers),
        }

    def facts(self) -> dict[str, str]:
        symbols = self.prepared.symbols
        return {"symbols": f"{len(symbols)}, the padding included: {' '.join(symbols[1:])}"}

    def batches(self, split: str) -> Batches:
        train, is_training = self.recipe.train, split == "train"
        shapes = train.max_shapes if is_training else min(VALIDATION_SHAPES, train.max_shapes)
        return Batches(
            self.prepared,
            split,
            train.batch_size,
            self.recipe.run.seed,
            max_shapes=shapes,
            shuffle=is_training,
            frame_level=[name for name, level in self._levels.items() if level == "frame"],
        )

    def losses(self, metrics: dict[str, float]) -> dict[str, float]:
        parts = {name: float(metrics[name]) for name in losses.PARTS}
        return {"loss": sum(parts.values()), **parts}

    def frames(self, batch: dict[str, np.ndarray]) -> int:
        return int(batch["durations"].sum())

    def sample(self, model: keras.Model, folder: Path) -> list[Path]:
        """A wav and a spectrogram for each sentence of the recipe."""
        if self._voice is None or self._voice.model is not model:
            self._voice = Voice(model)  # kept: a new one would be compiled anew
        paths = []
        for number, sentence in enumerate(self.samples, start=1):
            speech = self._voice.speak(sentence)
            wav = folder / f"{number:02d}.wav"
            speech.save(wav)
            speech.save_picture(wav.with_suffix(".png"), sentence)
            paths += [wav, wav.with_suffix(".png")]
        return paths
