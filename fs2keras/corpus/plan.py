"""Which utterances share a static shape: the fewest padded frames for a few (B, P, T) shapes.

Sort the utterances by frames and fill whole batches from the longest down: no other way of filling gives shorter
batches, and the only rows left empty lie in the shortest batch. Dynamic programming then joins neighbouring batches
into at most `max_shapes` buckets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MULTIPLE = 8  # P and T are rounded up to it: lengths that vector units and tensor cores like
_MOST_CANDIDATES = 1024  # boundaries tried; 32,768 utterances in batches of 32


@dataclass(frozen=True, eq=False)
class Bucket:
    """Utterances that are padded to the same lengths: `phonemes` P, `frames` T, `members` indices (N,), ascending."""

    phonemes: int
    frames: int
    members: np.ndarray


@dataclass(frozen=True, eq=False)
class Plan:
    """Buckets from the shortest to the longest, and what they cost."""

    batch_size: int
    buckets: tuple[Bucket, ...]
    real_frames: int

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The static shapes (B, P, T), shortest first; no two are equal."""
        return [(self.batch_size, bucket.phonemes, bucket.frames) for bucket in self.buckets]

    @property
    def steps_per_epoch(self) -> int:
        return sum(self.batches_of(bucket) for bucket in self.buckets)

    @property
    def padded_frames(self) -> int:
        """Frames computed in an epoch: real ones, padding and dummy rows."""
        return sum(self.batches_of(bucket) * self.batch_size * bucket.frames for bucket in self.buckets)

    @property
    def padding_share(self) -> float:
        """The part of the computed frames that is padding or belongs to a dummy row, 0 to 1."""
        return 1 - self.real_frames / self.padded_frames

    def batches_of(self, bucket: Bucket) -> int:
        return -(-len(bucket.members) // self.batch_size)


def plan(phonemes: Sequence[int], frames: Sequence[int], batch_size: int, max_shapes: int = 8) -> Plan:
    """The plan with the fewest computed frames among those of at most `max_shapes` shapes.

    Args:
        phonemes: (N,) phonemes of each utterance.
        frames: (N,) frames of each utterance.
        batch_size: rows of every batch; a corpus of fewer utterances gets batches of just its size.
        max_shapes: each shape costs one compilation.

    Raises:
        ValueError: no utterances, lengths below 1, or a batch size or number of shapes below 1.
    """
    phonemes, frames = np.asarray(phonemes, np.int64), np.asarray(frames, np.int64)
    if not len(frames) or phonemes.shape != frames.shape or min(phonemes.min(), frames.min()) < 1:
        raise ValueError("plan needs at least one utterance, and one length of at least 1 for each in both lists")
    if batch_size < 1 or max_shapes < 1:
        raise ValueError(f"batch_size and max_shapes are at least 1, not {batch_size} and {max_shapes}")
    batch_size = min(batch_size, len(frames))
    order = np.lexsort((phonemes, frames))  # shortest first; equal ones stay in corpus order
    ends = _batch_ends(len(order), batch_size)
    heights = _round_up(frames[order[ends - 1]])
    cuts = _cheapest_cuts(heights, ends, batch_size, max_shapes)
    starts = [0, *cuts[:-1]]
    buckets = tuple(_bucket(order[start:end], phonemes, frames) for start, end in zip(starts, cuts, strict=True))
    return Plan(batch_size, buckets, int(frames.sum()))


def _batch_ends(count: int, batch_size: int) -> np.ndarray:
    """Positions in the sorted order at which a bucket may end: whole batches, counted from the longest utterance."""
    ends = np.arange(count, 0, -batch_size)[::-1]
    if len(ends) > _MOST_CANDIDATES:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, _MOST_CANDIDATES).round().astype(int))]
    return ends


def _cheapest_cuts(heights: np.ndarray, ends: np.ndarray, batch_size: int, max_shapes: int) -> list[int]:
    """Ends of the buckets. cost[j] is the least cost of everything up to candidate j with the buckets used so far."""
    batches = -(-ends // batch_size)
    before = np.concatenate([[0], batches])  # batches that lie before candidate j
    size = len(ends)
    # joined[i, j]: the frames of one bucket that holds the candidates i to j
    joined = np.where(np.tri(size, k=-1, dtype=bool), np.inf, (batches[None, :] - before[:-1, None]) * heights[None, :])
    cost, choices = joined[0], []
    levels = [(cost[-1], 0)]
    for level in range(1, min(max_shapes, size)):
        total = np.full((size, size), np.inf)
        total[1:] = cost[:-1, None] + joined[1:]
        choices.append(total.argmin(axis=0))
        cost = total.min(axis=0)
        levels.append((cost[-1], level))
    _, level = min(levels)  # among equal costs the fewest shapes
    cuts, j = [size - 1], size - 1
    for choice in reversed(choices[:level]):
        j = choice[j] - 1
        cuts.append(j)
    return [int(ends[j]) for j in reversed(cuts)]


def _bucket(members: np.ndarray, phonemes: np.ndarray, frames: np.ndarray) -> Bucket:
    tallest = _round_up(frames[members].max())
    return Bucket(int(_round_up(phonemes[members].max())), int(tallest), np.sort(members))


def _round_up(lengths):
    return -(-lengths // MULTIPLE) * MULTIPLE
