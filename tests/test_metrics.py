"""Metrics, paths and intervals: golden numbers (golden/make_metrics.py), brute force, and what must hold for any."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from golden.make_metrics import NUMBERS, RATE, breath, sounds
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fs2keras.evaluation import cepstrum, metrics
from fs2keras.evaluation.uncertainty import Interval, mean_interval, paired_difference
from fs2keras.evaluation.warping import warp

GOLDEN = json.loads(NUMBERS.read_text())["metrics"]
FEATURES = st.integers(1, 8).flatmap(lambda n: arrays(np.float64, (n, 3), elements=st.floats(-5, 5, width=16)))
PITCHES = arrays(np.float64, 12, elements=st.one_of(st.just(0.0), st.floats(60, 500)))
WORDS = st.text(alphabet="abc é,.'ß", max_size=12)


def diagonal(frames):
    return np.stack([np.arange(frames)] * 2, axis=1)


def cost(a, b, path):
    return sum(math.dist(a[i], b[j]) for i, j in path)


def least_cost(a, b):
    """Of all paths, each written out."""

    def walk(i, j):
        here = math.dist(a[i], b[j])
        ahead = [(i + 1, j + 1), (i + 1, j), (i, j + 1)]
        onwards = [walk(*at) for at in ahead if at[0] < len(a) and at[1] < len(b)]
        return here + min(onwards, default=0)

    return walk(0, 0)


class TestWarp:
    @given(FEATURES, FEATURES)
    @settings(max_examples=60, deadline=None)
    def test_no_path_is_cheaper(self, a, b):
        a, b = a[:5], b[:5]
        assert cost(a, b, warp(a, b)) == pytest.approx(least_cost(a, b))

    @given(FEATURES, FEATURES)
    @settings(max_examples=60, deadline=None)
    def test_goes_from_corner_to_corner_by_single_steps(self, a, b):
        path = warp(a, b)
        assert tuple(path[0]) == (0, 0)
        assert tuple(path[-1]) == (len(a) - 1, len(b) - 1)
        assert {tuple(after - before) for before, after in pairwise(path)} <= {(0, 1), (1, 0), (1, 1)}

    @given(FEATURES, st.data())
    @settings(max_examples=60, deadline=None)
    def test_repeated_frames_cost_nothing(self, a, data):
        slow = np.repeat(a, data.draw(arrays(int, len(a), elements=st.integers(1, 3))), axis=0)
        assert cost(slow, a, warp(slow, a)) == 0

    @given(FEATURES, FEATURES, st.data())
    @settings(max_examples=60, deadline=None)
    def test_repeated_frames_never_make_it_cheaper(self, a, b, data):
        slow = np.repeat(a, data.draw(arrays(int, len(a), elements=st.integers(1, 3))), axis=0)
        assert cost(slow, b, warp(slow, b)) >= cost(a, b, warp(a, b)) - 1e-9

    def test_nothing_has_an_empty_path(self):
        assert warp(np.zeros((0, 3)), np.zeros((4, 3))).shape == (0, 2)


class TestTwoSounds:
    @pytest.fixture(scope="class")
    def heard(self):
        pair = sounds().values()
        return {
            name: [getattr(cepstrum, name)(samples, RATE) for samples in pair]
            for name in ("mel_cepstrum", "f0", "mfcc")
        }

    def test_are_as_far_apart_as_by_other_programs(self, heard):
        cepstra, f0s = heard["mel_cepstrum"], heard["f0"]
        path = warp(*cepstra)
        assert metrics.mcd_espnet(*cepstra, path) == pytest.approx(GOLDEN["mcd_espnet"], abs=1e-4)
        assert metrics.mcd_fairseq(*heard["mfcc"]) == pytest.approx(GOLDEN["mcd_fairseq"], abs=1e-4)
        for name in ("log_f0_rmse", "f0_rmse", "vuv_error"):
            assert getattr(metrics, name)(*f0s, path) == pytest.approx(GOLDEN[name], rel=1e-4)

    def test_a_sound_is_no_distance_from_itself(self, heard):
        for cepstra, f0, mfcc in zip(*heard.values(), strict=True):
            path = warp(cepstra, cepstra)
            assert metrics.mcd_espnet(cepstra, cepstra, path) == 0
            assert metrics.mcd_fairseq(mfcc, mfcc) == 0
            assert metrics.log_f0_rmse(f0, f0, path) == metrics.f0_rmse(f0, f0, path) == 0
            assert metrics.vuv_error(f0, f0, path) == 0

    def test_silence_before_the_speech_counts(self):
        """The metrics are not invariant to it, as their docstring says."""
        noise = breath(0.2, 0)
        late = np.concatenate([np.zeros(RATE // 4), noise])
        cepstra = [cepstrum.mel_cepstrum(samples, RATE) for samples in (noise, late)]
        assert metrics.mcd_espnet(*cepstra, warp(*cepstra)) > 20

    @given(FEATURES, FEATURES)
    @settings(max_examples=40, deadline=None)
    def test_distortions_are_symmetric(self, a, b):
        path = warp(a, b)
        there, back = metrics.mcd_espnet(a, b, path), metrics.mcd_espnet(b, a, path[:, ::-1])
        assert there == back

    @given(arrays(np.float64, (5, 3), elements=st.floats(-5, 5, width=16)), st.floats(-3, 3))
    @settings(max_examples=40, deadline=None)
    def test_distortions_of_a_constant_shift(self, a, shift):
        """On the diagonal; three coefficients that are apart by s are 10 / ln 10 * sqrt(2 * 3 s^2) dB apart."""
        found = metrics.mcd_espnet(a, a + shift, diagonal(5))
        assert found == pytest.approx(10 / math.log(10) * math.sqrt(6) * abs(shift), abs=1e-9)

    def test_fairseqs_is_the_root_mean_square_over_coefficients(self):
        assert metrics.mcd_fairseq(np.zeros((4, 13)), np.full((2, 13), 1.5)) == pytest.approx(1.5)


class TestPitchOnAPath:
    @given(PITCHES.filter(lambda f0: f0.any()))
    def test_an_octave(self, f0):
        assert metrics.log_f0_rmse(2 * f0, f0, diagonal(12)) == pytest.approx(math.log(2))
        assert metrics.f0_rmse(2 * f0, f0, diagonal(12)) == pytest.approx(np.sqrt(np.mean(f0[f0 > 0] ** 2)))

    @given(PITCHES, PITCHES, st.floats(0.5, 2))
    def test_log_f0_does_not_know_the_key_and_all_are_symmetric(self, a, b, factor):
        path = diagonal(12)
        together = metrics.log_f0_rmse(factor * a, factor * b, path)
        assert together == pytest.approx(metrics.log_f0_rmse(a, b, path), abs=1e-9, nan_ok=True)
        for metric in (metrics.log_f0_rmse, metrics.f0_rmse, metrics.vuv_error):
            assert metric(a, b, path) == pytest.approx(metric(b, a, path), nan_ok=True)

    def test_by_hand(self):
        a, b = np.array([0, 100, 200, 0]), np.array([0, 100, 210, 150])
        path = np.array([(0, 0), (1, 1), (2, 2), (2, 3), (3, 3)])
        assert metrics.f0_rmse(a, b, path) == pytest.approx(math.sqrt((0 + 10**2 + 50**2) / 3))
        assert metrics.vuv_error(a, b, path) == pytest.approx(1 / 5)

    def test_nothing_voiced(self):
        silent, path = np.zeros(4), diagonal(4)
        assert math.isnan(metrics.log_f0_rmse(silent, silent, path))
        assert math.isnan(metrics.f0_rmse(silent, np.full(4, 100.0), path))
        assert metrics.vuv_error(silent, silent, path) == 0
        assert metrics.vuv_error(silent, np.full(4, 100.0), path) == 1

    def test_nothing_at_all(self):
        none, path = np.zeros(0), np.zeros((0, 2), int)
        assert math.isnan(metrics.mcd_espnet(np.zeros((0, 35)), np.zeros((3, 35)), path))
        assert math.isnan(metrics.mcd_fairseq(np.zeros((0, 13)), np.zeros((3, 13))))
        assert math.isnan(metrics.vuv_error(none, none, path))


class TestPhonemes:
    def test_by_hand(self):
        predicted, true = np.array([3.0, 5, 0, 8]), np.array([4.0, 5, 2, 7])
        assert metrics.duration_mae(predicted, true) == 1
        assert metrics.duration_mae(predicted, true, frame=1000 * 256 / 22050) == pytest.approx(11.61, abs=0.001)
        assert metrics.log_duration_mse(np.log1p(predicted), np.log1p(true)) == pytest.approx(
            (math.log(4 / 5) ** 2 + math.log(1 / 3) ** 2 + math.log(9 / 8) ** 2) / 4
        )
        assert metrics.pitch_rmse(predicted, true, std=50.0) == pytest.approx(50 * math.sqrt(6 / 4))
        assert metrics.pitch_mae(predicted, true) == metrics.energy_mae(predicted, true) == 1

    @pytest.mark.parametrize("name", ["duration_mae", "log_duration_mse", "pitch_mae", "energy_mae"])
    def test_none_is_nan(self, name):
        assert math.isnan(getattr(metrics, name)(np.zeros(0), np.zeros(0)))

    def test_rates(self):
        pauses, seconds = np.array([True, False, False, True, False]), np.array([0.5, 0.1, 0.2, 1.0, 0.2])
        assert metrics.speaking_rate(pauses, seconds) == pytest.approx(3 / 0.5)
        assert metrics.pause_share(pauses, seconds) == pytest.approx(1.5 / 2)

    def test_rates_of_silence(self):
        assert math.isnan(metrics.speaking_rate(np.array([True]), np.array([1.0])))
        assert metrics.pause_share(np.array([True]), np.array([1.0])) == 1
        assert math.isnan(metrics.pause_share(np.zeros(0, bool), np.zeros(0)))


def edits(a, b):
    """Levenshtein's recursion, as he wrote it."""
    if not a or not b:
        return len(a) + len(b)
    return min(edits(a[1:], b) + 1, edits(a, b[1:]) + 1, edits(a[1:], b[1:]) + (a[0] != b[0]))


class TestErrorRates:
    @pytest.mark.parametrize(
        ("reference", "heard", "characters", "words"),
        [
            ("Printing, in the only sense", "printing in the only sense", 0, 0),
            ("Don't stop!", "dont stop", 0, 0),
            ("a well-known cat", "a well known hat", 1 / 16, 1 / 4),
            ("Straße, größer", "STRASSE GRÖSSER", 0, 0),
            ("дом у реки", "том у реки", 1 / 10, 1 / 3),
            ("मैं हूँ", "मैं हू", 1 / 7, 1 / 2),
            ("cafe\u0301", "caf\u00e9", 0, 0),
            ("room 101", "room 102", 1 / 8, 1 / 2),
            ("one", "one one one", 8 / 3, 2),
            ("one two", "", 1, 1),
        ],
    )
    def test_known(self, reference, heard, characters, words):
        assert metrics.character_error_rate(reference, heard) == pytest.approx(characters)
        assert metrics.word_error_rate(reference, heard) == pytest.approx(words)

    def test_nothing_to_say_is_nan(self):
        assert math.isnan(metrics.character_error_rate("...", "hello"))
        assert math.isnan(metrics.word_error_rate("", ""))

    @given(st.text(alphabet="ab", min_size=1, max_size=5), st.text(alphabet="ab", max_size=5))
    @settings(max_examples=60, deadline=None)
    def test_counts_the_fewest_edits(self, reference, heard):
        assert metrics.character_error_rate(reference, heard) == pytest.approx(edits(reference, heard) / len(reference))
        assert metrics.word_error_rate(" ".join(reference), " ".join(heard)) == pytest.approx(
            edits(reference, heard) / len(reference)
        )

    @given(WORDS)
    def test_case_and_marks_do_not_count(self, text):
        assert metrics.character_error_rate(text, f"« {text.upper()} »!") in (0, pytest.approx(math.nan, nan_ok=True))


class TestMeanInterval:
    def test_many_values_have_the_interval_of_a_normal_distribution(self):
        values = np.random.default_rng(0).gamma(2, size=500)
        found = mean_interval(values)
        half = 1.96 * values.std(ddof=1) / math.sqrt(500)
        assert found.mean == pytest.approx(values.mean())
        assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)
        assert found.count == 500

    def test_few_values_have_percentiles_of_all_samples(self):
        """Of three values there are 27 samples, and their means are known. Student's t of two degrees of freedom is
        .8165 at 50 %, times the root of 3/2 just one deviation of a normal distribution: its percentiles 15.9 and 84.1.
        """
        values = np.array([1.0, 2.0, 6.0])
        means = values[np.indices((3, 3, 3)).reshape(3, -1)].mean(axis=0)
        low, high = np.percentile(means, [15.866, 84.134])
        found = mean_interval(values, resamples=20_000, level=0.5)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)

    def test_is_scipys(self):
        values = np.random.default_rng(3).lognormal(size=60)
        tail = scipy.stats.norm.sf(2.00100 * math.sqrt(60 / 59))  # Student's t of 59 degrees of freedom at 97.5 %
        theirs = scipy.stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method="percentile", confidence_level=1 - 2 * tail, rng=9
        )
        found = mean_interval(values, resamples=20_000)
        assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval), rel=0.01)

    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(0, 3))
    @settings(max_examples=40, deadline=None)
    def test_holds_the_mean_and_lies_within_the_values(self, values, seed):
        found = mean_interval(values, seed=seed, resamples=200)
        slack = 1e-9 * max(map(abs, values))
        assert min(values) - slack <= found.low <= found.high <= max(values) + slack
        assert found == mean_interval(values, seed=seed, resamples=200)
        if len(set(values)) > 1:
            assert found.low - slack <= found.mean

    @pytest.mark.parametrize("count", [6, 12, 40])
    def test_holds_the_true_mean_nineteen_times_in_twenty(self, count):
        rng = np.random.default_rng(0)
        found = [mean_interval(rng.normal(size=count), resamples=1000) for _ in range(300)]
        assert sum(one.low <= 0 <= one.high for one in found) >= 0.92 * len(found)

    def test_one_value_is_no_interval(self):
        assert mean_interval([3.5]) == Interval(3.5, 3.5, 3.5, 1)

    @pytest.mark.parametrize("values", [[], [math.nan], [math.nan, math.nan]])
    def test_none(self, values):
        found = mean_interval(values)
        assert found.count == 0
        assert all(map(math.isnan, (found.mean, found.low, found.high)))

    def test_what_is_nan_is_left_out(self):
        assert mean_interval([1.0, math.nan, 2.0, 4.0]) == mean_interval([1.0, 2.0, 4.0])

    def test_weights_are_frequencies(self):
        """An utterance of three phonemes counts three times in the mean; and is drawn as one."""
        rng = np.random.default_rng(1)
        values, weights = rng.normal(size=200), rng.integers(1, 9, 200)
        found = mean_interval(values, weights)
        assert found.mean == pytest.approx(np.average(values, weights=weights))
        effective = weights.sum() ** 2 / (weights**2).sum()
        assert found.high - found.low == pytest.approx(3.92 * values.std() / math.sqrt(effective), rel=0.15)
        assert mean_interval(values, np.full(200, 7)).low == pytest.approx(mean_interval(values).low)

    def test_columns_add_up(self):
        values = np.random.default_rng(1).normal(size=(50, 3))
        assert mean_interval(values).mean == pytest.approx(values.mean(axis=0).sum())
        assert mean_interval(values).low == pytest.approx(mean_interval(values.sum(axis=1)).low)

    def test_root(self):
        assert Interval(4.0, 1.0, 9.0, 7).root() == Interval(2.0, 1.0, 3.0, 7)

    def test_many_utterances_need_little_memory_and_give_the_same(self, monkeypatch):
        values = np.random.default_rng(1).normal(size=300)
        whole = mean_interval(values)
        monkeypatch.setattr("fs2keras.evaluation.uncertainty._AT_ONCE", 3000)
        assert mean_interval(values) == whole


class TestPairedDifference:
    def test_hard_sentences_are_hard_for_both(self):
        rng = np.random.default_rng(0)
        difficulty, noise = rng.normal(size=(2, 100))
        found = paired_difference(difficulty, difficulty + 0.2 + 0.1 * noise)
        assert found.mean == pytest.approx(0.2, abs=0.03)
        assert 0 < found.low < found.high < 0.3
        alone = mean_interval(difficulty)
        assert found.high - found.low < 0.2 * (alone.high - alone.low)

    def test_either_nan_leaves_the_pair_out(self):
        found = paired_difference([1.0, math.nan, 3.0, 5.0], [2.0, 1.0, math.nan, 8.0])
        assert (found.mean, found.count) == (2.0, 2)

    def test_other_way_round_has_the_other_sign(self):
        a, b = np.random.default_rng(0).normal(size=(2, 30))
        there, back = paired_difference(a, b), paired_difference(b, a)
        assert (there.mean, there.low, there.high) == pytest.approx((-back.mean, -back.high, -back.low))
