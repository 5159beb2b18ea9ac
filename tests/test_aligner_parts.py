"""The aligner without its model: features, batches, paths, verdicts, quarantine."""

import keras  # noqa: F401  first: it imports our models, which no half-imported module of ours may wait for
import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_store import MARK, SYMBOLS, make_store, words_of

from fs2keras.aligner.batches import PRIOR, TRUST, AlignerBatches, Corpus, guidance, sound_of
from fs2keras.aligner.config import CEPSTRA, SIZE
from fs2keras.aligner.features import cepstra, normalisation
from fs2keras.aligner.lattice import IMPOSSIBLE, skippable
from fs2keras.aligner.paths import Found, find_paths
from fs2keras.aligner.verdicts import TOO_SHORT, Verdict, judge, read_table, set_aside, write_table
from fs2keras.corpus.pauses import is_mark
from fs2keras.corpus.quarantine import Quarantine
from fs2keras.corpus.store_file import StoreFile
from fs2keras.errors import UserError

MELS = 30

# --- features


@pytest.mark.parametrize("frames", [1, 2, 5, 90])
def test_cepstra_and_their_slopes(frames):
    """The cosine transform from its definition; the slopes are librosa's: a straight line through five frames."""
    mel = np.random.default_rng(0).normal(-5, 2, (frames, 80)).astype(np.float16)
    angles = np.pi / 80 * np.outer(np.arange(80) + 0.5, np.arange(CEPSTRA))
    basis = np.cos(angles) * np.sqrt(np.where(np.arange(CEPSTRA) == 0, 1, 2) / 80)
    static = mel.astype(np.float64) @ basis
    slope = librosa.feature.delta(static, width=5, order=1, axis=0, mode="nearest")
    expected = np.concatenate([static, slope, librosa.feature.delta(slope, width=5, axis=0, mode="nearest")], axis=1)
    found = cepstra(mel)
    assert (found.dtype, found.shape) == (np.float32, (frames, SIZE))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def mels(count=12, frames=60, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(-5, 2, (frames, MELS)).astype(np.float16) * rng.uniform(0.5, 1.5, MELS) for _ in range(count)]


def test_normalised_features_of_the_corpus_have_mean_0_and_deviation_1():
    normal = normalisation(iter(mels()), pauses=4, seed=1)
    parts = [normal(mel) for mel in mels()]
    for name, size in (("cepstra", SIZE), ("mel", MELS)):
        values = np.concatenate([part[name] for part in parts])
        assert (values.dtype, values.shape) == (np.float32, (12 * 60, size))
        np.testing.assert_allclose(values.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(values.std(0), 1, atol=1e-4)


def test_normalisation_is_a_function_of_the_corpus_and_the_seed():
    one, same = (normalisation(mels(), pauses=4, seed=3) for _ in range(2))
    for name in ("cepstra", "mel", "pauses"):
        for mine, its in zip(getattr(one, name), getattr(same, name), strict=True):
            np.testing.assert_array_equal(mine, its)


def test_silence_begins_with_the_quietest_frames():
    """Of 1,000 frames 40 are still and 40 a breath, the 8 % that are taken: a Gaussian for each, where it lies."""
    rng = np.random.default_rng(0)
    speech, kinds = rng.normal(-4, 2, (920, MELS)), (np.full(MELS, -11.0), np.linspace(-11, -8, MELS))
    still, breath = (kind + rng.normal(0, 0.1, (40, MELS)) for kind in kinds)
    normal = normalisation([speech, still, breath], pauses=2, seed=1)
    means, log_variances = normal.pauses
    assert means.shape == log_variances.shape == (2, SIZE)
    order = np.argsort(means[:, 0])
    expected = [normal(part)["cepstra"][:, :CEPSTRA] for part in (still, breath)]
    np.testing.assert_allclose(means[order, :CEPSTRA], [part.mean(0) for part in expected], atol=1e-4)
    variances = np.exp(log_variances[order, :CEPSTRA])
    np.testing.assert_allclose(variances, [part.var(0) + 0.01 for part in expected], rtol=1e-3)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide", "ignore:One of the clusters is empty")
@pytest.mark.parametrize("kind", ["one frame", "few frames", "silence only", "digital silence"])
def test_normalisation_of_next_to_nothing_is_finite(kind):
    noise = np.random.default_rng(0).normal(-5, 2, (200, MELS))
    silence = np.full((80, MELS), -11.5)
    few = {"one frame": noise[:1], "few frames": noise[:30], "silence only": silence}
    normal = normalisation([few.get(kind, np.concatenate([silence, noise]))], pauses=4, seed=1)
    means, log_variances = normal.pauses
    assert means.shape == log_variances.shape == (4, SIZE)
    assert means.dtype == log_variances.dtype == np.float32
    for values in (means, log_variances, *normal(noise).values()):
        assert np.isfinite(values).all()


# --- batches


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Utterances with marks, from a few frames to three times as many."""
    frames = np.random.default_rng(1).integers(30, 90, 21)
    prepared = make_store(tmp_path_factory.mktemp("store"), frames // 4, frames, mels=MELS)
    return Corpus(StoreFile(prepared.folder))


def batches_of(corpus, **keywords):
    normal = normalisation([corpus.mel(id) for id in corpus.ids], pauses=2, seed=1)
    return AlignerBatches(corpus, corpus.ids, normal, 4, seed=3, max_shapes=2, **keywords)


def test_stress_makes_no_other_sound():
    assert [sound_of(symbol) for symbol in ("ˈɑːɹ", "ˌɑːɹ", "ɑːɹ", "t", "AA1")] == ["ɑːɹ", "ɑːɹ", "ɑːɹ", "t", "AA1"]


def test_a_text_is_its_words_without_marks(corpus):
    assert corpus.sounds == sorted(SYMBOLS)
    assert any(word == MARK for n in range(len(corpus.ids)) for word, _ in corpus.store.words(n))
    for n, id in enumerate(corpus.ids):
        words = [symbols for word, symbols in corpus.store.words(n) if word != MARK]
        text = corpus.text(id)
        assert corpus.number(id) == n
        assert text.labels == [symbol for word in words for symbol in word]
        assert [corpus.sounds[k - 1] for k in text.symbols] == text.labels
        first = np.cumsum([0, *map(len, words)])  # of each word, and the end
        assert text.pause.dtype == text.symbols.dtype == np.int32
        np.testing.assert_array_equal(np.flatnonzero(text.pause), first)
        assert len(text.pause) == first[-1] + 1
    places, frames = corpus.lengths(corpus.ids[3:5])
    assert places.tolist() == [len(corpus.text(id).pause) for id in corpus.ids[3:5]]
    assert frames.tolist() == [len(corpus.mel(id)) for id in corpus.ids[3:5]]


def test_a_batch_depends_on_seed_and_number_alone(corpus):
    forwards, again = (batches_of(corpus, is_guided=True) for _ in range(2))
    for i in range(4):
        forwards.batch(i)
    for i in (9, 2, 0, 9):
        assert forwards.ids(i) == again.ids(i)
        for name, value in forwards.batch(i).items():
            np.testing.assert_array_equal(value, again.batch(i)[name])


def test_a_batch_holds_its_utterances_and_zeros(corpus):
    batches = batches_of(corpus)
    seen = []
    for i in range(batches.steps_per_epoch):
        batch, ids, (rows, phonemes, frames) = batches.batch(i), batches.ids(i), batches.shape(i)
        shapes = {"cepstra": (rows, frames, SIZE), "mel": (rows, frames, MELS), "frames": (rows,)}
        shapes |= {"symbols": (rows, phonemes), "pause": (rows, phonemes), "prior": (rows,), "trust": (rows,)}
        assert {name: value.shape for name, value in batch.items()} == shapes
        integers = {name for name, value in batch.items() if value.dtype == np.int32}
        assert integers == {"symbols", "pause", "frames"}
        assert all(batch[name].dtype == np.float32 for name in batch.keys() - integers)
        for row, id in enumerate(ids):
            text, length = corpus.text(id), corpus.frames(id)
            count = len(text.symbols)
            assert batch["frames"][row] == length
            assert count + 1 <= phonemes  # one place more, for the pause at the end
            np.testing.assert_array_equal(batch["symbols"][row, :count], text.symbols)
            np.testing.assert_array_equal(batch["pause"][row, : count + 1], text.pause)
            assert not batch["symbols"][row, count:].any()
            assert not batch["pause"][row, count + 1 :].any()
            for name, values in batches._normalisation(corpus.mel(id)).items():
                np.testing.assert_array_equal(batch[name][row, :length], values)
                assert not batch[name][row, length:].any()
        for name in batch.keys() - {"prior", "trust"}:
            assert not batch[name][len(ids) :].any()
        seen += ids
    assert sorted(seen) == sorted(corpus.ids)


def test_only_a_training_is_guided(corpus):
    guided, free = batches_of(corpus, is_guided=True), batches_of(corpus, shuffle=False)
    for i in (0, 40, 120, 400):
        prior, trust = guidance(i)
        assert (guided.batch(i)["prior"] == np.float32(prior)).all()
        assert (guided.batch(i)["trust"] == np.float32(trust)).all()
        assert (free.batch(i)["prior"] == 0).all()
        assert (free.batch(i)["trust"] == np.float32(TRUST)).all()
    assert [free.ids(i) for i in range(free.steps_per_epoch)] == [
        free.ids(i + free.steps_per_epoch) for i in range(free.steps_per_epoch)
    ]


def test_guidance_falls_and_ends():
    priors, trusts = zip(*map(guidance, range(2000)), strict=True)
    assert (priors[0], trusts[0]) == (PRIOR, 1.0)
    assert (priors[-1], trusts[-1]) == (0.0, pytest.approx(TRUST)) == guidance(np.inf)
    for values in (priors, trusts):
        steps = np.diff(values)
        assert (steps <= 0).all()
        assert steps.min() > -0.05 * values[0]  # never at once
    # The Gaussians know the order of things before they are believed less.
    assert priors.index(0.0) < trusts.index(trusts[-1])


# --- paths


class GivenScores:
    """In place of a trained model: scores that are high along given states (B, T), and `soft` that tells of them."""

    def __init__(self, states, slots):
        self.states, self.slots = states, slots

    def predict_on_batch(self, batch):
        scores = np.where(self.states[:, :, None] == np.arange(self.slots), 0.0, -5.0).astype(np.float32)
        soft = np.zeros((*self.states.shape, self.slots // 4), np.float32)
        soft += np.arange(self.states.shape[1])[None, :, None] / 100 + np.arange(self.slots // 4) / 10
        return {"scores": scores, "soft": soft}


class GivenBatch:
    steps_per_epoch = 1

    def __init__(self, symbols, frames):
        self._batch = {"symbols": np.array(symbols, np.int32), "frames": np.array(frames, np.int32)}

    def batch(self, i):
        return self._batch

    def ids(self, i):
        return ["one", "two", "short"]


def test_paths_become_starts_ends_and_confidence():
    states = np.full((4, 12), 0)
    states[0] = [0, 0, 1, 2, 3, 3, 5, 7, 8, 8, 8, 11]  # two phonemes, pauses around; the middle of the second left out
    states[1, :5] = [1, 1, 3, 4, 4]
    model = GivenScores(states, 16)
    batches = GivenBatch([[3, 4, 0, 0], [5, 0, 0, 0], [3, 4, 5, 0], [0, 0, 0, 0]], [11, 5, 5, 0])
    one, two, short = find_paths(model, batches)
    assert (one.id, one.starts.tolist(), one.ends.tolist()) == ("one", [2, 6], [6, 8])
    assert one.soft.shape == (11, 2)
    assert one.confidence == pytest.approx([np.mean([2, 3, 4, 5]) / 100, np.mean([6, 7]) / 100 + 0.1])
    assert (two.starts.tolist(), two.ends.tolist()) == ([0], [3])
    assert two.confidence == pytest.approx([0.01])
    assert (short.id, short.starts, short.ends) == ("short", None, None)
    assert short.confidence.tolist() == [0, 0, 0]
    assert skippable(9).tolist() == [True, False] * 4 + [True]
    assert IMPOSSIBLE == -1e9


# --- verdicts

WORDS = [("had", ("h", "æ", "d")), (",", (",",)), ("it", ("ɪ", "t")), (".", (".",))]


def found(confidence, starts=(4, 9, 12, 30, 36)):
    starts = None if starts is None else np.array(starts)
    return Found("u1", starts, starts, np.array(confidence), np.zeros((40, 5)))


def test_the_worst_word_is_named_with_its_time():
    verdict = judge(found([0.9, 0.2, 0.7, 0.5, 0.6]), WORDS, 0.01)
    assert verdict == Verdict("u1", pytest.approx(0.58), '"it" at 0.30 s')
    verdict = judge(found([0.9, 0.0, 0.7, 0.5, 0.6]), WORDS, 0.5)
    assert verdict.worst == '"had" at 2.00 s'
    assert isinstance(verdict.confidence, float)


def test_a_recording_too_short_for_its_text():
    verdict = judge(found([0.0] * 5, starts=None), WORDS, 0.01)
    assert verdict == Verdict("u1", 0.0, "", TOO_SHORT)
    # It says nothing about the others: the median is that of those that were aligned.
    verdicts = set_aside([verdict, Verdict("a", 0.4), Verdict("b", 0.1)], 0.5)
    assert verdicts[0] is verdict
    assert [v.id for v in verdicts if not v.reason] == ["a"]
    assert set_aside([verdict], 0.5) == [verdict]
    assert set_aside([], 0.5) == []


def test_what_is_set_aside_is_far_below_the_middle():
    confidences = [0.8, 0.62, 0.6, 0.31, 0.29, 0.7]  # the median is .61
    verdicts = set_aside([Verdict(f"u{n}", c, '"x" at 1.00 s') for n, c in enumerate(confidences)], 0.5)
    assert [bool(v.reason) for v in verdicts] == [False, False, False, False, True, False]
    assert verdicts[4].reason == (
        'the text is hardly heard: confidence 0.29, 0.30 asked; least "x" at 1.00 s'  # 0.305
    )


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0, 1), st.floats(0.25, 1))
def test_set_aside_compares_with_the_others_only(confidences, least, factor):
    """A corpus heard less well throughout is judged the same, and most of any corpus is kept."""
    verdicts = [Verdict(f"u{n}", c) for n, c in enumerate(confidences)]
    reasons = [bool(v.reason) for v in set_aside(verdicts, least)]
    assert sum(reasons) <= len(reasons) / 2
    assert not any(bool(v.reason) for v in set_aside(verdicts, 0.0))
    powers = 2.0 ** np.ceil(np.log2(factor))  # exact in floating point
    lower = [Verdict(v.id, v.confidence * powers) for v in verdicts if v.confidence == 0 or v.confidence > 1e-300]
    if len(lower) == len(verdicts):
        assert [bool(v.reason) for v in set_aside(lower, least)] == reasons


PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30)


@given(st.dictionaries(st.from_regex(r"[\w-]{1,12}", fullmatch=True), st.tuples(st.floats(0, 1), PRINTABLE, PRINTABLE)))
def test_a_table_comes_back_the_least_certain_first(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "alignment.tsv"
    verdicts = [Verdict(id, c, worst, reason if reason != "kept" else "") for id, (c, worst, reason) in rows.items()]
    write_table(path, verdicts)
    assert path.read_text(encoding="utf-8").startswith("id\tconfidence\tleast heard\tverdict\n")
    read = read_table(path)
    assert sorted(v.id for v in read) == sorted(rows)
    assert [v.confidence for v in read] == sorted(v.confidence for v in read)
    for verdict in read:
        mine = next(v for v in verdicts if v.id == verdict.id)
        assert verdict == Verdict(mine.id, pytest.approx(mine.confidence, abs=5.1e-5), mine.worst, mine.reason)


def test_a_missing_table_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"alignment.tsv: cannot be read .*Run `fs2keras align` again"):
        read_table(tmp_path / "alignment.tsv")


# --- quarantine


def test_an_empty_quarantine(tmp_path):
    assert Quarantine.read(tmp_path).reasons == {}
    Quarantine().write(tmp_path)
    assert Quarantine.read(tmp_path).reasons == {}
    assert (tmp_path / "quarantine.tsv").read_text() == "id\treason\n"


@given(st.dictionaries(st.from_regex(r"[\w-]{1,12}", fullmatch=True), st.text(st.characters(codec="utf-8"))))
def test_a_quarantine_comes_back(tmp_path_factory, reasons):
    folder, quarantine = tmp_path_factory.mktemp("quarantine"), Quarantine()
    for id, reason in reasons.items():
        quarantine.add(id, reason)
    quarantine.write(folder)
    read = Quarantine.read(folder)
    assert read == quarantine
    assert list(read.reasons) == sorted(reasons)
    assert {id: reason.split() for id, reason in read.reasons.items()} == {
        id: reason.split() for id, reason in reasons.items()
    }


def test_the_store_s_words_have_both_kinds():
    words = words_of(["a", "b", "c", "d", MARK, "sp", "e", "sp", "f"])
    assert words == [("abc", ("a", "b", "c")), ("d", ("d",)), (MARK, (MARK,)), ("e", ("e",)), ("f", ("f",))]
    assert [word for word, _ in words if is_mark(word)] == [MARK]
