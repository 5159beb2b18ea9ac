"""The plan of shapes and the batches drawn from it."""

import csv
import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_store import make_store

from fs2keras.corpus.batches import Batches
from fs2keras.corpus.plan import MULTIPLE, plan
from fs2keras.errors import UserError

LENGTHS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 400)), min_size=1, max_size=80)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 8))
def test_plan_holds_every_utterance_once_in_a_shape_that_fits(lengths, batch_size, max_shapes):
    phonemes, frames = map(np.array, zip(*lengths, strict=True))
    planned = plan(phonemes, frames, batch_size, max_shapes)
    assert sorted(np.concatenate([bucket.members for bucket in planned.buckets])) == list(range(len(lengths)))
    assert len(set(planned.shapes)) == len(planned.shapes) <= max_shapes
    assert planned.batch_size == min(batch_size, len(lengths))
    # Every batch but the shortest ones is full: nobody can do with fewer.
    assert planned.steps_per_epoch == -(-len(lengths) // planned.batch_size)
    for bucket in planned.buckets:
        assert phonemes[bucket.members].max() <= bucket.phonemes < phonemes[bucket.members].max() + MULTIPLE
        assert frames[bucket.members].max() <= bucket.frames < frames[bucket.members].max() + MULTIPLE
    assert 0 <= planned.padding_share < 1


def _least_by_trying_all(frames, batch_size, max_shapes):
    """Frames computed by the best of all ways to cut the sorted utterances into at most max_shapes buckets."""
    frames = sorted(frames)
    best = float("inf")
    for count in range(max_shapes):
        for cuts in itertools.combinations(range(1, len(frames)), count):
            edges = [0, *cuts, len(frames)]
            parts = [frames[a:b] for a, b in itertools.pairwise(edges)]
            best = min(
                best, sum(-(-len(p) // batch_size) * batch_size * -(-p[-1] // MULTIPLE) * MULTIPLE for p in parts)
            )
    return best


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=11), st.integers(1, 4), st.integers(1, 4))
def test_plan_is_the_best_of_all_cuts(frames, batch_size, max_shapes):
    planned = plan([1] * len(frames), frames, batch_size, max_shapes)
    assert planned.padded_frames == _least_by_trying_all(frames, planned.batch_size, max_shapes)


def test_plan_of_ljspeech_pads_at_most_a_tenth(ljspeech):
    with (ljspeech / "lengths.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    phonemes, frames = [int(row["phones"]) for row in rows], [int(row["frames"]) for row in rows]
    start = time.monotonic()
    planned = plan(phonemes, frames, 32, 8)
    assert time.monotonic() - start < 2
    assert sum(frames) == planned.real_frames == 7_422_572
    assert planned.padding_share <= 0.10
    assert len(planned.shapes) <= 8
    assert len(frames) / planned.steps_per_epoch == pytest.approx(32, abs=0.1)


def test_plan_of_many_long_utterances_is_quick():
    frames = np.random.default_rng(0).integers(1, 100_000, 200_000)
    start = time.monotonic()
    planned = plan(np.ones_like(frames), frames, 4, 8)
    assert time.monotonic() - start < 2
    assert sum(len(bucket.members) for bucket in planned.buckets) == 200_000


@pytest.mark.parametrize(
    ("phonemes", "frames", "batch_size", "max_shapes"),
    [([], [], 1, 1), ([1], [1, 2], 1, 1), ([1], [0], 1, 1), ([1], [1], 0, 1), ([1], [1], 1, 0)],
)
def test_plan_refuses_the_impossible(phonemes, frames, batch_size, max_shapes):
    with pytest.raises(ValueError, match="at least"):
        plan(phonemes, frames, batch_size, max_shapes)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    rng = np.random.default_rng(1)
    frames = rng.integers(20, 200, 53)
    return make_store(tmp_path_factory.mktemp("store"), frames // 6, frames, validation=6, speakers=("ann", "bob"))


def test_every_utterance_comes_exactly_once_an_epoch(prepared):
    batches = Batches(prepared, "train", 8, seed=3, max_shapes=4)
    steps = batches.steps_per_epoch
    for epoch in range(3):
        seen = Counter(id for i in range(epoch * steps, (epoch + 1) * steps) for id in batches.ids(i))
        assert seen == Counter(prepared.ids("train"))
        assert {batches.epoch(i) for i in range(epoch * steps, (epoch + 1) * steps)} == {epoch}


def test_a_batch_depends_on_seed_and_number_alone(prepared):
    order = [17, 3, 40, 3, 0]
    forwards, again = (Batches(prepared, "train", 8, seed=3, max_shapes=4) for _ in range(2))
    for i in range(6):
        forwards.batch(i)
    for i in order:
        assert forwards.ids(i) == again.ids(i)
        for key, value in forwards.batch(i).items():
            np.testing.assert_array_equal(value, again.batch(i)[key])
    other = Batches(prepared, "train", 8, seed=4, max_shapes=4)
    assert [other.ids(i) for i in range(6)] != [forwards.ids(i) for i in range(6)]
    steps = forwards.steps_per_epoch
    assert [forwards.ids(i) for i in range(steps)] != [forwards.ids(i + steps) for i in range(steps)]


def test_a_batch_holds_its_examples_and_zeros(prepared):
    batches = Batches(prepared, "train", 8, seed=3, max_shapes=4)
    dummies = 0
    for i in range(batches.steps_per_epoch):
        batch, ids, shape = batches.batch(i), batches.ids(i), batches.shape(i)
        assert shape in batches.shapes
        rows, phonemes, frames = shape
        dtypes = {"symbols": "int32", "durations": "int32", "pitch": "float32", "energy": "float32", "mel": "float32"}
        assert {key: value.dtype.name for key, value in batch.items()} == dtypes | {"speaker": "int32"}
        assert batch["mel"].shape == (rows, frames, 8)
        assert batch["symbols"].shape == batch["durations"].shape == (rows, phonemes)
        assert batch["pitch"].shape == batch["energy"].shape == (rows, phonemes)
        for row, id in enumerate(ids):
            example = prepared.example(id)
            assert batch["speaker"][row] == example["speaker"]
            for key in ("symbols", "durations", "pitch", "energy", "mel"):
                length = len(example[key])
                np.testing.assert_array_equal(batch[key][row, :length], example[key])
                assert not batch[key][row, length:].any()
            assert batch["durations"][row].sum() == len(example["mel"])
        assert not any(value[len(ids) :].any() for value in batch.values())
        dummies += rows - len(ids)
    assert dummies == batches.steps_per_epoch * 8 - batches.utterances


def test_padding_share_is_what_the_batches_show(prepared):
    batches = Batches(prepared, "train", 8, seed=3, max_shapes=4)
    real = computed = 0
    for i in range(batches.steps_per_epoch):
        batch = batches.batch(i)
        real += batch["durations"].sum()
        computed += batch["mel"].shape[0] * batch["mel"].shape[1]
    assert batches.padding_share == pytest.approx(1 - real / computed)


def test_validation_comes_the_same_each_time_and_fills_a_small_batch(prepared):
    batches = Batches(prepared, "validation", 16, seed=3, shuffle=False)
    assert batches.shapes[0][0] == batches.utterances == 6
    assert batches.ids(0) == batches.ids(batches.steps_per_epoch) == prepared.ids("validation")


def test_empty_split_and_negative_batch_are_refused(prepared):
    with pytest.raises(UserError, match="'test'.*empty"):
        Batches(prepared, "test", 8, seed=1)
    with pytest.raises(ValueError, match="numbered from 0"):
        Batches(prepared, "train", 8, seed=1).batch(-1)
