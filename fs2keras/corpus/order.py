"""The order of a training: which utterances share which batch, a pure function of the seed and the batch's number."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from fs2keras.corpus.plan import plan


class Order:
    """The endless sequence of batches 0, 1, 2, ... of one split, without what is in them.

    Every utterance comes exactly once in an epoch of `steps_per_epoch` batches. A batch has one of the few static
    `shapes` (B, P, T); where an epoch does not divide evenly, some rows stay empty. Batch i depends on the seed and on
    i alone, so a run goes on anywhere without replaying what came before.

    Args:
        ids: of the split's utterances, at least one.
        lengths: phonemes (N,) and frames (N,) of each.
        batch_size: B; a split of fewer utterances gets batches of just its size.
        seed: of the recipe.
        max_shapes: the most shapes, each of which costs a compilation.
        shuffle: a new order in each epoch; False (for validation) gives the same batches each time, shortest first.
    """

    def __init__(
        self,
        ids: Sequence[str],
        lengths: tuple[np.ndarray, np.ndarray],
        batch_size: int,
        seed: int,
        *,
        max_shapes: int = 8,
        shuffle: bool = True,
    ):
        self._ids, self._seed, self._shuffle = list(ids), seed, shuffle
        self._plan = plan(*lengths, batch_size, max_shapes)
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
