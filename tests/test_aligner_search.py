"""Monotonic alignment search against all legal paths, against plain loops, and under padding."""

import itertools

import numba
import numpy as np
import pytest
from alignment_search import classic, double_loop, vectorised
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fs2keras.aligner.search import best_paths

# Few different values, so that many paths are equally good; an impossible one among them.
SCORES = st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0, -np.inf])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads wait for each other at the end of every small search: minutes, where the cores have other work."""
    most = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(most)


def is_legal(path, skippable) -> bool:
    """Whether a path (T,) of one state a frame begins, goes on and ends as it may, for states skippable (S,)."""
    states = len(skippable)
    begins = path[0] == 0 or (path[0] == 1 and skippable[0])
    ends = path[-1] == states - 1 or (path[-1] == states - 2 and skippable[-1])
    steps = [b - a in (0, 1) or (b - a == 2 and skippable[a + 1]) for a, b in itertools.pairwise(path)]
    return bool(begins and ends and all(steps))


def best_of_all(scores, skippable):
    """The best of all legal paths of scores (T, S), and its total; (None, -inf) when there is none."""
    frames, states = scores.shape
    legal = [path for path in itertools.product(range(states), repeat=frames) if is_legal(path, skippable)]
    totals = {path: sum(float(scores[t, s]) for t, s in enumerate(path)) for path in legal}
    path = max(legal, key=lambda path: (totals[path], path[::-1]), default=None)
    return (path, totals[path]) if path and totals[path] > -np.inf else (None, -np.inf)


def random_batch(seed, rows, most_frames, most_phones, ties=False):
    """scores, skippable, frames, states as the aligner makes them, beyond the valid part NaN and true."""
    rng = np.random.default_rng(seed)
    states = 3 * rng.integers(1, most_phones + 1, rows) + 1
    frames = rng.integers(1, most_frames + 1, rows)
    scores = rng.normal(-2, 3, (rows, most_frames, states.max())).astype(np.float32)
    if ties:
        scores = scores.round()
    scores[:, :, ::3][:, :, rng.random(scores[0, 0, ::3].shape) < 0.6] = -1e9  # a pause that is not allowed
    skippable = np.tile(np.arange(states.max()) % 3 == 0, (rows, 1))
    for row in range(rows):
        scores[row, frames[row] :], scores[row, :, states[row] :], skippable[row, states[row] :] = np.nan, np.nan, True
    return scores, skippable, frames, states


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_the_best_of_all_legal_paths(data):
    frames, states = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    scores = data.draw(arrays(np.float32, (frames, states), elements=SCORES))
    skippable = data.draw(arrays(np.bool_, states))
    path, total = best_of_all(scores, skippable)
    paths, totals = best_paths(scores[None], skippable[None], [frames], [states])
    assert totals[0] == total
    assert tuple(paths[0]) == (path or (-1,) * frames)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("reference", [double_loop, vectorised])
def test_equal_to_plain_loops(reference, ties):
    for seed in range(4):
        batch = random_batch(seed, rows=6, most_frames=120, most_phones=25, ties=ties)
        paths, totals = best_paths(*batch)
        expected_paths, expected_totals = reference(*batch)
        np.testing.assert_array_equal(paths, expected_paths)
        np.testing.assert_array_equal(totals, expected_totals)


def test_paths_are_legal_and_totals_are_their_sums():
    scores, skippable, frames, states = random_batch(9, rows=40, most_frames=200, most_phones=40)
    paths, totals = best_paths(scores, skippable, frames, states)
    assert paths.dtype == np.int32
    assert totals.dtype == np.float64
    assert np.isfinite(totals).sum() > 20
    for row in range(40):
        path, rest = np.split(paths[row], [frames[row]])
        assert (rest == -1).all()
        if np.isfinite(totals[row]):
            assert is_legal(path, skippable[row, : states[row]])
            along = scores[row, np.arange(frames[row]), path].astype(np.float64)
            assert totals[row] == np.cumsum(along)[-1]  # in the order of time, as the search adds them
        else:
            assert (path == -1).all()


def test_without_pauses_it_is_the_classic_search():
    rng = np.random.default_rng(2)
    frames, phones = np.array([90, 60, 40, 31]), np.array([20, 31, 40, 31])
    scores = rng.normal(size=(4, 90, 40)).astype(np.float32)
    paths, _ = best_paths(scores, np.zeros((4, 40), bool), frames, phones)
    np.testing.assert_array_equal(paths, classic(scores.copy(), frames, phones))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.integers(0, 7), st.integers(0, 3))
def test_padding_never_changes_a_result(seed, more_frames, more_states, more_rows):
    scores, skippable, frames, states = random_batch(seed, rows=3, most_frames=30, most_phones=6)
    paths, totals = best_paths(scores, skippable, frames, states)
    pad = (0, more_rows), (0, more_frames), (0, more_states)
    wide = np.pad(scores, pad, constant_values=np.nan)
    padded_paths, padded_totals = best_paths(
        wide,
        np.pad(skippable, (pad[0], pad[2]), constant_values=True),
        np.pad(frames, pad[0]),  # rows of no frames, some of them of many states
        np.pad(states, pad[0], constant_values=more_states),
    )
    np.testing.assert_array_equal(padded_paths[:3, : paths.shape[1]], paths)
    np.testing.assert_array_equal(padded_totals[:3], totals)
    assert (padded_paths[:, paths.shape[1] :] == -1).all()
    assert (padded_paths[3:] == -1).all()
    assert (padded_totals[3:] == -np.inf).all()
    for row in range(3):
        alone = np.s_[row : row + 1]
        cut = scores[alone, : frames[row], : states[row]]
        path, total = best_paths(cut, skippable[alone, : states[row]], frames[alone], states[alone])
        np.testing.assert_array_equal(path[0], paths[row, : frames[row]])
        assert total[0] == totals[row]


def test_no_path():
    skippable = np.tile(np.arange(7) % 3 == 0, (5, 1))  # two phonemes: four states that every path needs
    scores = np.ones((5, 4, 7), np.float32)
    scores[4, 2] = -np.inf  # a frame at which nothing is possible
    paths, totals = best_paths(scores, skippable, [4, 3, 0, 4, 4], [7, 7, 7, 0, 7])
    assert paths.tolist() == [[1, 2, 4, 5], *[[-1] * 4] * 4]
    assert totals.tolist() == [4.0, *[-np.inf] * 4]


def test_of_equal_paths_the_one_that_is_on_sooner_and_then_stays():
    scores = np.zeros((2, 5, 4), np.float32)
    paths, _ = best_paths(scores, [[True, False, False, True], [False] * 4], [5, 5], [4, 4])
    assert paths.tolist() == [[1, 2, 3, 3, 3], [0, 1, 2, 3, 3]]


def test_a_forbidden_pause_is_left_out():
    scores = np.full((1, 6, 4), -1e9, np.float32)
    scores[:, :, 1:3] = -2
    paths, totals = best_paths(scores, [[True, False, False, True]], [6], [4])
    assert paths.tolist() == [[1, 2, 2, 2, 2, 2]]
    assert totals[0] == -12


def test_small_differences_count_beside_a_frame_of_very_low_scores():
    """Sums of float32 would lose them: near 1e9 those are 64 apart."""
    scores = np.full((1, 6, 4), -1e9, np.float32)
    scores[0, 1:, 1:3] = [[1e-3, 0], [0, 1e-3], [1e-3, 0], [1e-3, 0], [0, 1e-3]]
    paths, totals = best_paths(scores, [[True, False, False, True]], [6], [4])
    assert paths.tolist() == [[1, 1, 1, 1, 1, 2]]
    assert totals[0] + 1e9 == pytest.approx(4e-3, abs=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("cell", [(0, 0), (0, 6), (3, 2), (9, 0), (9, 6)])
def test_nan_and_infinity_are_refused_wherever_they_are_valid(value, cell):
    scores = np.zeros((3, 12, 8), np.float32)
    scores[1][cell] = value
    call = np.ones((3, 8), bool), [10, 10, 10], [7, 7, 7]
    with pytest.raises(ValueError, match=r"NaN or infinity .* rows \[1\]"):
        best_paths(scores, *call)
    scores[1][cell], scores[:, 10:], scores[:, :, 7:] = 0, value, value
    assert np.isfinite(best_paths(scores, *call)[1]).all()


@pytest.mark.parametrize(
    ("scores", "skippable", "frames", "states"),
    [
        ((4, 3), (2, 3), [4, 4], [3, 3]),
        ((2, 4, 3), (2, 4), [4, 4], [3, 3]),
        ((2, 4, 3), (2, 3), [4], [3, 3]),
        ((2, 4, 3), (2, 3), [4, 5], [3, 3]),
        ((2, 4, 3), (2, 3), [4, 4], [3, -1]),
    ],
)
def test_shapes_and_lengths_that_do_not_fit_are_refused(scores, skippable, frames, states):
    with pytest.raises(ValueError, match=r"scores|frames|states"):
        best_paths(np.zeros(scores, np.float32), np.zeros(skippable, bool), frames, states)


def test_an_empty_batch():
    paths, totals = best_paths(np.zeros((0, 4, 3), np.float32), np.zeros((0, 3), bool), np.zeros(0, int), [])
    assert paths.shape == (0, 4)
    assert totals.shape == (0,)


def test_inputs_stay_as_they_are_and_may_be_read_only():
    batch = random_batch(3, rows=2, most_frames=20, most_phones=3)
    copies = [values.copy() for values in batch]
    for values in copies:
        values.flags.writeable = False
    for one, other in zip(best_paths(*batch), best_paths(*copies), strict=True):
        np.testing.assert_array_equal(one, other)
    for values, copy in zip(batch, copies, strict=True):
        np.testing.assert_array_equal(values, copy)
        assert values.flags.writeable


def test_the_number_of_threads_changes_nothing():
    batch = random_batch(5, rows=33, most_frames=150, most_phones=30, ties=True)
    results = []
    for threads in [1, numba.config.NUMBA_NUM_THREADS] * 2:
        numba.set_num_threads(threads)
        results.append(best_paths(*batch))
    numba.set_num_threads(1)
    for paths, totals in results[1:]:
        np.testing.assert_array_equal(paths, results[0][0])
        np.testing.assert_array_equal(totals, results[0][1])
