"""Stores: what goes in comes out, and anything damaged is refused with a way out."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from synthetic_store import SYMBOLS, make_store, words_of

from fs2keras.corpus.align import align, edge_padded, phoneme_means
from fs2keras.corpus.alignment_file import collect, read_alignment, write_alignment
from fs2keras.corpus.features import Features
from fs2keras.corpus.statistics import CorpusStatistics, Moments, without_outliers
from fs2keras.corpus.store import Prepared, StoreError
from fs2keras.corpus.store_file import StoreFile, writing_store
from fs2keras.corpus.utterance import CorpusError

LENGTHS = [5, 9, 3, 4], [40, 61, 17, 30]  # symbols and frames


@pytest.fixture
def prepared(tmp_path):
    return make_store(tmp_path / "store", *LENGTHS, validation=1, speakers=("bob", "ann"))


def test_examples_come_back_whole(prepared):
    assert prepared.ids("train") == ["u0001", "u0002", "u0003"]
    assert prepared.ids("validation") == ["u0000"]
    assert prepared.ids("test") == []
    assert prepared.symbols == SYMBOLS
    assert prepared.speakers == ["ann", "bob"]
    phonemes, frames = prepared.lengths("train")
    assert phonemes.tolist() == [9, 3, 4]
    assert frames.tolist() == [61, 17, 30]
    example = prepared.example("u0001")
    assert example["mel"].shape == (61, 8)
    assert example["mel"].dtype == np.float32
    assert example["symbols"].shape == example["pitch"].shape == (9,)
    assert example["durations"].sum() == 61
    assert example["speaker"] == 0
    assert prepared.text("u0001") == "text 1"


def test_frames_start_at_the_first_phoneme(prepared):
    whole = StoreFile(prepared.folder).mel(1)
    assert len(whole) == 61 + 3
    np.testing.assert_array_equal(prepared.example("u0001")["mel"], whole[3:].astype(np.float32))


def test_normalised_pitch_times_deviation_is_the_raw_mean(prepared):
    store, example = StoreFile(prepared.folder), prepared.example("u0001")
    moments = prepared.statistics["energy"]["phoneme"]
    raw = store.energy(1)[3:]
    start = 0
    for duration, value in zip(example["durations"], example["energy"], strict=True):
        if duration:
            assert value * moments["std"] + moments["mean"] == pytest.approx(
                raw[start : start + duration].mean(), rel=1e-4
            )
        else:
            assert value == 0
        start += duration


def test_words_come_back_whole(prepared):
    store = StoreFile(prepared.folder)
    for n, id in enumerate(store.ids):
        symbols = [SYMBOLS[k] for k in prepared.example(id)["symbols"]]
        assert store.words(n) == words_of(symbols)
        assert [symbol for _, word in store.words(n) for symbol in word] == [s for s in symbols if s != "sp"]


def test_an_alignment_comes_back_whole(tmp_path):
    features = _features(30)
    rows = [align(["a", "sp"], np.array([8, 4]), 5, features), align(["b"], np.array([20]), 0, features)]
    said = {"confidence": [0.25, 0.75], "kept": [False, True], "settings": {"steps": 500, "shortest_pause": 0.05}}
    written = collect("learned", "store", ["one", "two"], rows, SYMBOLS, {"pitch": {}}, **said)
    write_alignment(tmp_path, written)
    read = read_alignment(tmp_path, "learned")
    assert (read.source, read.store, read.ids, read.settings) == ("learned", "store", ["one", "two"], said["settings"])
    assert read.statistics == {"pitch": {}}
    assert read.kept.tolist() == said["kept"]
    assert read.confidence.tolist() == said["confidence"]
    assert read.offsets.tolist() == [0, 2, 3]
    assert read.symbols.tolist() == [SYMBOLS.index(symbol) for symbol in ("a", "sp", "b")]
    assert (read.first.tolist(), read.last.tolist()) == ([5, 0], [17, 20])
    for name in ("durations", "pitch", "energy"):
        np.testing.assert_array_equal(getattr(read, name), np.concatenate([getattr(row, name) for row in rows]))
    assert read.digest == written.digest


def test_an_alignment_nobody_doubts_keeps_everything():
    alignment = collect("given", "store", ["one"], [align(["a"], np.array([8]), 5, _features(30))], SYMBOLS, {})
    assert (alignment.kept.tolist(), alignment.confidence.tolist(), alignment.settings) == ([True], [1.0], {})


def test_the_digest_is_that_of_what_is_trained_on():
    features = _features(30)

    def digest(durations=(8, 4), source="learned", store="store", **said):
        row = align(["a", "b"], np.array(durations), 5, features)
        return collect(source, store, ["one"], [row], SYMBOLS, {}, **said).digest

    same = {digest(), digest(confidence=[0.1]), digest(settings={"steps": 9})}
    others = {digest((4, 8)), digest(source="given"), digest(store="other"), digest(kept=[False])}
    assert len(same) == 1
    assert len(others | same) == 5


@pytest.fixture
def doubtful(tmp_path):
    """The same corpus, of which the alignment sets u0001 aside and does not know u0002."""
    return make_store(
        tmp_path / "doubtful", *LENGTHS, validation=1, speakers=("bob", "ann"), set_aside=[1], left_out=[2]
    )


def test_nobody_trains_on_what_is_not_kept_or_not_aligned(prepared, doubtful):
    assert doubtful.ids("train") == ["u0003"]
    assert doubtful.ids("validation") == ["u0000"]
    phonemes, frames = doubtful.lengths("train")
    assert (phonemes.tolist(), frames.tolist()) == ([4], [30])
    for id in ("u0001", "u0002"):
        for ask in (doubtful.example, doubtful.text):
            with pytest.raises(StoreError, match=f"no utterance '{id}'; see quarantine.tsv"):
                ask(id)
    assert len(StoreFile(doubtful.folder).ids) == 4
    assert doubtful.fingerprint != prepared.fingerprint


def test_the_others_are_the_same_beside_them(prepared, doubtful):
    for id in ("u0000", "u0003"):
        whole, example = prepared.example(id, ["energy"]), doubtful.example(id, ["energy"])
        for name in ("symbols", "durations", "mel", "speaker"):
            np.testing.assert_array_equal(example[name], whole[name])
        assert doubtful.text(id) == prepared.text(id)
    # u0003 stands at another place in the alignment than in the store.
    raw, moments = StoreFile(doubtful.folder).energy(3)[3:], doubtful.statistics["energy"]["frame"]
    np.testing.assert_allclose(example["energy"] * moments["std"] + moments["mean"], raw, rtol=1e-4)


def test_an_alignment_of_unknown_utterances_is_refused(prepared):
    alignment = read_alignment(prepared.folder, "given")
    alignment.ids[2] = "stranger"
    write_alignment(prepared.folder, alignment)
    with pytest.raises(StoreError, match=r"belongs to another store.h5"):
        Prepared.open(prepared.folder, "given")


def test_unknown_names_are_refused(prepared):
    with pytest.raises(StoreError, match="no utterance 'nobody'"):
        prepared.example("nobody")
    with pytest.raises(ValueError, match="train, validation, test"):
        prepared.ids("valid")


def test_splits_belong_to_the_fingerprint_and_may_be_replaced(prepared):
    same = Prepared.open(prepared.folder, "given")
    other = Prepared.open(prepared.folder, "given", {"train": prepared.ids("train")})
    assert same.fingerprint == prepared.fingerprint != other.fingerprint
    assert other.ids("validation") == []


@pytest.mark.parametrize("name", ["store.h5", "alignment-given.h5"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(prepared, name, share):
    prepared.close()
    path = prepared.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StoreError, match=r"fs2keras prepare"):
        Prepared.open(prepared.folder, "given")


def test_a_flipped_bit_in_the_mel_is_an_error(tmp_path):
    prepared = make_store(tmp_path, [5], [400], mels=80)
    prepared.close()
    path = tmp_path / "store.h5"
    with h5py.File(path) as file:
        place = file["mel"].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[place + 5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        Prepared.open(tmp_path, "given").example("u0000")


def test_missing_foreign_and_mixed_files_are_refused(prepared, tmp_path):
    with pytest.raises(StoreError, match=r"alignment-textgrid.h5: no such file"):
        Prepared.open(prepared.folder, "textgrid")
    with pytest.raises(StoreError, match=r"store.h5: no such file"):
        Prepared.open(tmp_path / "nowhere", "given")
    make_store(tmp_path / "other", *LENGTHS, fingerprint="other")
    (prepared.folder / "alignment-given.h5").write_bytes((tmp_path / "other/alignment-given.h5").read_bytes())
    with pytest.raises(StoreError, match=r"belongs to another store.h5"):
        Prepared.open(prepared.folder, "given")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    with h5py.File(foreign / "store.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(StoreError, match="unknown contents"):
        Prepared.open(foreign, "given")


@pytest.mark.parametrize("error", [RuntimeError("worker"), KeyboardInterrupt()])
def test_a_broken_writer_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)), writing_store(tmp_path, 4):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence(tmp_path):
    with pytest.raises(StoreError, match="no room left"), writing_store(tmp_path, 4):
        raise OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')")
    assert list(tmp_path.iterdir()) == []


def test_statistics_travel_as_json(prepared):
    assert json.loads(json.dumps(prepared.statistics)) == prepared.statistics
    assert set(prepared.statistics) == {"pitch", "energy"}
    assert set(prepared.statistics["pitch"]) == {"phoneme", "frame"}
    assert set(prepared.statistics["pitch"]["frame"]) == {"mean", "std", "min", "max"}


def _features(frames, mels=4):
    rng = np.random.default_rng(frames)
    f0 = rng.uniform(90, 200, frames).astype(np.float32)
    f0[frames // 3 : frames // 2] = 0
    return Features(np.zeros((frames, mels), np.float16), rng.uniform(1, 9, frames).astype(np.float32), f0)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=20))
def test_phoneme_means_are_plain_means(durations):
    values = np.random.default_rng(sum(durations)).uniform(50, 300, sum(durations)).astype(np.float32)
    before, start = values.copy(), 0
    means = phoneme_means(values, np.array(durations))
    for duration, mean in zip(durations, means, strict=True):
        assert mean == (pytest.approx(np.mean(values[start : start + duration]), rel=1e-5) if duration else 0)
        start += duration
    np.testing.assert_array_equal(values, before)


def test_pitch_is_interpolated_over_the_used_frames_before_the_mean():
    features = _features(30)
    aligned = align(["a", "b", "c"], np.array([8, 0, 12]), 5, features)
    used = features.f0[5:25]
    voiced = np.flatnonzero(used)
    filled = np.interp(np.arange(20), voiced, used[voiced])
    assert (aligned.first, aligned.last) == (5, 25)
    assert aligned.pitch == pytest.approx([filled[:8].mean(), 0, filled[8:].mean()], rel=1e-5)
    assert aligned.energy == pytest.approx([features.energy[5:13].mean(), 0, features.energy[13:25].mean()], rel=1e-5)


@pytest.mark.parametrize("beyond", [0, 1, 2, 3])
def test_an_alignment_may_end_two_frames_late(beyond):
    features, durations = _features(30), np.array([10, 15 + beyond])
    if beyond > 2:
        with pytest.raises(CorpusError, match="ends 3 frames after the clip's 30"):
            align(["a", "b"], durations, 5, features)
    else:
        aligned = align(["a", "b"], durations, 5, features)
        assert aligned.last - aligned.first == aligned.durations.sum() == 25 + beyond
        padded = edge_padded(features.energy, 5, aligned.last)
        assert (padded[25:] == features.energy[-1]).all()


def test_an_unusable_alignment_says_why():
    with pytest.raises(CorpusError, match="no phoneme"):
        align([], np.array([]), 0, _features(9))
    with pytest.raises(CorpusError, match="backwards"):
        align(["a", "b"], np.array([5, -1]), 0, _features(9))
    unvoiced = Features(np.zeros((9, 4)), np.ones(9, np.float32), np.zeros(9, np.float32))
    with pytest.raises(CorpusError, match="no frame is voiced"):
        align(["a"], np.array([9]), 0, unvoiced)


ROWS = st.lists(arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 800)), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ROWS)
def test_moments_are_those_of_all_values_without_outliers(rows):
    moments = Moments()
    for row in rows:
        moments.update(row)
    kept, everything = np.concatenate([without_outliers(row) for row in rows]), np.concatenate(rows)
    result = moments.result()
    assert result["mean"] == pytest.approx(kept.mean(), abs=1e-6)
    assert result["std"] == pytest.approx(kept.std(), abs=1e-5) or kept.std() < 1e-5
    assert result["min"] * result["std"] + result["mean"] == pytest.approx(everything.min(), abs=1e-4)
    assert result["max"] * result["std"] + result["mean"] == pytest.approx(everything.max(), abs=1e-4)


def test_outliers_leave_the_moments_but_not_the_range():
    values = np.array([1.0, 2, 3, 4, 5, 100])
    assert without_outliers(values).tolist() == [1, 2, 3, 4, 5]
    moments = Moments()
    moments.update(values)
    result = moments.result()
    assert (result["mean"], result["std"]) == (3, pytest.approx(np.sqrt(2)))
    assert result["max"] == pytest.approx(97 / np.sqrt(2))


def test_a_phoneme_of_no_frame_does_not_count():
    features, statistics = _features(30), CorpusStatistics()
    aligned = align(["a", "b"], np.array([20, 0]), 0, features)
    statistics.update(aligned, features)
    result = statistics.result()
    assert result["energy"]["phoneme"]["mean"] == pytest.approx(features.energy[:20].mean(), rel=1e-5)
    assert result["energy"]["phoneme"]["std"] == 1  # a single value does not vary
