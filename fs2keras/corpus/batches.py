"""Batches of a few static shapes, each a pure function of the seed and its number."""

from collections.abc import Collection

import numpy as np

from fs2keras.corpus.order import Order
from fs2keras.corpus.store import Prepared
from fs2keras.errors import UserError


class Batches(Order):
    """The batches of one split, in the order of `Order`; rows of zeros fill the batches that are not full.

    Args:
        prepared: the store and its alignment.
        split: "train", "validation" or "test".
        frame_level: which of "pitch" and "energy" come frame by frame instead of phoneme by phoneme.
        The others: see `Order`.

    Raises:
        UserError: the split holds no utterance.
    """

    def __init__(
        self,
        prepared: Prepared,
        split: str,
        batch_size: int,
        seed: int,
        *,
        max_shapes: int = 8,
        shuffle: bool = True,
        frame_level: Collection[str] = (),
    ):
        ids = prepared.ids(split)
        if not ids:
            raise UserError(
                f"The split {split!r} of {prepared.folder} is empty. Give corpus.{split} a list or a share."
            )
        super().__init__(ids, prepared.lengths(split), batch_size, seed, max_shapes=max_shapes, shuffle=shuffle)
        self._prepared, self._frame_level = prepared, frozenset(frame_level)

    def batch(self, i: int) -> dict[str, np.ndarray]:
        """Batch i: symbols, durations int32 (B, P); pitch, energy float32 (B, P), or (B, T) at frame level; mel float32
        (B, T, M); speaker int32 (B,). Zero wherever there is no utterance."""
        size, phonemes, frames = self.shape(i)
        batch = {
            "symbols": np.zeros((size, phonemes), np.int32),
            "durations": np.zeros((size, phonemes), np.int32),
            **{
                name: np.zeros((size, frames if name in self._frame_level else phonemes), np.float32)
                for name in ("pitch", "energy")
            },
            "mel": np.zeros((size, frames, self._prepared.mels), np.float32),
            "speaker": np.zeros((size,), np.int32),
        }
        for position, id in enumerate(self.ids(i)):
            for key, value in self._prepared.example(id, self._frame_level).items():
                if key == "speaker":
                    batch[key][position] = value
                else:
                    batch[key][position, : len(value)] = value
        return batch
