"""What the aligner learns from: recordings and their texts, in batches of static shapes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fs2keras.aligner.config import SIZE
from fs2keras.aligner.features import Normalisation
from fs2keras.corpus.order import Order
from fs2keras.corpus.pauses import is_mark
from fs2keras.corpus.store_file import StoreFile

PRIOR, PRIOR_UNTIL = 300.0, 150  # weight in batch 0; the batch at which none is left
TRUST, TRUST_FROM, TRUST_UNTIL = 0.2, 100, 250  # weight in the end; the batches between which it falls from 1


@dataclass(frozen=True, eq=False)
class Text:
    """`labels` (n,) the phonemes without marks; `symbols` (n,) int32 their sounds; `pause` (n + 1,) int32, 1 where a
    pause may stand: before the first phoneme of each word, and at the end."""

    labels: list[str]
    symbols: np.ndarray
    pause: np.ndarray


def sound_of(symbol: str) -> str:
    """What the aligner takes a symbol for: the same with and without IPA's marks of stress, so that each sound is
    heard more often."""
    return symbol.lstrip("ˈˌ")


class Corpus:
    """A store as the aligner reads it: texts in memory, mels on the disk. `sounds` are numbered from 1."""

    def __init__(self, store: StoreFile):
        self.store, self.ids = store, store.ids
        self._number = {id: n for n, id in enumerate(store.ids)}
        self.sounds = sorted({sound_of(symbol) for symbol in store.symbols})
        numbers = {sound: k for k, sound in enumerate(self.sounds, start=1)}
        self._texts = [_text(store.words(n), numbers) for n in range(len(store.ids))]

    def number(self, id: str) -> int:
        return self._number[id]

    def text(self, id: str) -> Text:
        return self._texts[self._number[id]]

    def frames(self, id: str) -> int:
        return self.store.frames(self._number[id])

    def mel(self, id: str) -> np.ndarray:
        """Log-mel (T, M) float16 of the whole clip."""
        return self.store.mel(self._number[id])

    def lengths(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Places for a pause (N,), one more than the phonemes, and frames (N,)."""
        return np.array([len(self.text(id).pause) for id in ids]), np.array([self.frames(id) for id in ids])


def _text(words: Sequence[tuple[str, Sequence[str]]], numbers: dict[str, int]) -> Text:
    labels, pause = [], []
    for word, pronounced in words:
        if is_mark(word):
            continue
        labels += pronounced
        pause += [1] + [0] * (len(pronounced) - 1)
    symbols = [numbers[sound_of(symbol)] for symbol in labels]
    return Text(labels, np.array(symbols, np.int32), np.array([*pause, 1], np.int32))


def guidance(i: float) -> tuple[float, float]:
    """Weights of the prior and of the Gaussians (see `Aligner`) in training batch i.

    The prior is there until the Gaussians know the order of things, the Gaussians until the mel encoder does: on real
    speech it is more exact without them.
    """
    prior = PRIOR * max(0.0, 1 - i / PRIOR_UNTIL)
    falling = min(1.0, max(0.0, (i - TRUST_FROM) / (TRUST_UNTIL - TRUST_FROM)))
    return prior, 1.0 + (TRUST - 1.0) * falling


class AlignerBatches(Order):
    """Batches of recordings with their texts, for training or for aligning them.

    Args:
        corpus: the store.
        ids: the utterances.
        normalisation: of the corpus.
        is_guided: whether the first batches are helped along (`guidance`); for validation and alignment they are not.
        The others: see `fs2keras.corpus.order.Order`.
    """

    def __init__(
        self,
        corpus: Corpus,
        ids: Sequence[str],
        normalisation: Normalisation,
        batch_size: int,
        seed: int,
        *,
        is_guided: bool = False,
        **order,
    ):
        super().__init__(ids, corpus.lengths(ids), batch_size, seed, **order)
        self._corpus, self._normalisation, self._is_guided = corpus, normalisation, is_guided

    def batch(self, i: int) -> dict[str, np.ndarray]:
        """Batch i as `Aligner` takes it. Zero wherever there is no utterance."""
        size, phonemes, frames = self.shape(i)
        prior, trust = guidance(i) if self._is_guided else guidance(math.inf)
        batch = {
            "cepstra": np.zeros((size, frames, SIZE), np.float32),
            "mel": np.zeros((size, frames, self._corpus.store.mels), np.float32),
            "symbols": np.zeros((size, phonemes), np.int32),
            "pause": np.zeros((size, phonemes), np.int32),
            "frames": np.zeros((size,), np.int32),
            "prior": np.full((size,), prior, np.float32),
            "trust": np.full((size,), trust, np.float32),
        }
        for row, id in enumerate(self.ids(i)):
            text, mel = self._corpus.text(id), self._corpus.mel(id)
            batch["frames"][row] = len(mel)
            batch["symbols"][row, : len(text.symbols)] = text.symbols
            batch["pause"][row, : len(text.pause)] = text.pause
            for name, values in self._normalisation(mel).items():
                batch[name][row, : len(values)] = values
        return batch
