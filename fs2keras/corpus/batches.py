"""Batches of a few static shapes, each a pure function of the seed and its number."""

from collections.abc import Collection
from functools import lru_cache

import numpy as np

from fs2keras.corpus.plan import plan
from fs2keras.corpus.store import Prepared
from fs2keras.errors import UserError


class Batches:
    """The endless sequence of batches 0, 1, 2, ... of one split.

    Every utterance comes exactly once in an epoch of `steps_per_epoch` batches. A batch has one of the few static
    `shapes` (B, P, T); where an epoch does not divide evenly, rows of zeros fill it. Batch i depends on the seed and
    on i alone, so a run goes on anywhere without replaying what came before.

    Args:
        prepared: the store and its alignment.
        split: "train", "validation" or "test".
        batch_size: B; a split of fewer utterances gets batches of just its size.
        seed: of the recipe.
        max_shapes: the most shapes, each of which costs a compilation.
        shuffle: a new order in each epoch; False (for validation) gives the same batches each time, shortest first.
        frame_level: which of "pitch" and "energy" come frame by frame instead of phoneme by phoneme.

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
        self._prepared = prepared
        self._ids = prepared.ids(split)
        if not self._ids:
            raise UserError(
                f"The split {split!r} of {prepared.folder} is empty. Give corpus.{split} a list or a share."
            )
        self._seed, self._shuffle, self._frame_level = seed, shuffle, frozenset(frame_level)
        self._plan = plan(*prepared.lengths(split), batch_size, max_shapes)
        self._epoch_rows = lru_cache(maxsize=2)(self._rows_of_epoch)

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The static shapes (B, P, T), shortest first."""
        return self._plan.shapes

    @property
    def steps_per_epoch(self) -> int:
        return self._plan.steps_per_epoch

    @property
    def utterances(self) -> int:
        return len(self._ids)

    @property
    def padding_share(self) -> float:
        """The part of an epoch's frames that is padding or dummy rows, 0 to 1."""
        return self._plan.padding_share

    def epoch(self, i: int) -> int:
        """The epoch of batch i, counted from 0."""
        return self._position(i)[0]

    def ids(self, i: int) -> list[str]:
        """The utterances of batch i, one for each real row, in the order of the rows."""
        return [self._ids[row] for row in self._rows(i)[1]]

    def shape(self, i: int) -> tuple[int, int, int]:
        """The shape (B, P, T) of batch i, without reading it."""
        return self.shapes[self._rows(i)[0]]

    def batch(self, i: int) -> dict[str, np.ndarray]:
        """Batch i: symbols, durations int32 (B, P); pitch, energy float32 (B, P), or (B, T) at frame level; mel float32
        (B, T, M); speaker int32 (B,). Zero wherever there is no utterance."""
        bucket, rows = self._rows(i)
        size, phonemes, frames = self.shapes[bucket]
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
        for position, row in enumerate(rows):
            for key, value in self._prepared.example(self._ids[row], self._frame_level).items():
                if key == "speaker":
                    batch[key][position] = value
                else:
                    batch[key][position, : len(value)] = value
        return batch

    def _position(self, i: int) -> tuple[int, int]:
        if i < 0:
            raise ValueError(f"batches are numbered from 0, not {i}")
        return divmod(int(i), self.steps_per_epoch)

    def _rows(self, i: int) -> tuple[int, np.ndarray]:
        epoch, position = self._position(i)
        return self._epoch_rows(epoch if self._shuffle else 0)[position]

    def _rows_of_epoch(self, epoch: int) -> list[tuple[int, np.ndarray]]:
        """For each batch of the epoch its bucket and its utterances (rows of the split). Dummy rows are spread over
        the bucket's batches, so that no step learns from one utterance alone."""
        rng = np.random.default_rng([self._seed, epoch])
        batches = []
        for number, bucket in enumerate(self._plan.buckets):
            members = rng.permutation(bucket.members) if self._shuffle else bucket.members
            parts = np.array_split(members, self._plan.batches_of(bucket))
            batches.extend((number, part) for part in parts)
        return [batches[k] for k in rng.permutation(len(batches))] if self._shuffle else batches
