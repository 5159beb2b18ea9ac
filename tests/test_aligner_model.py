"""The aligner's sums over paths and its model, against enumeration and NumPy, under padding, saved, and learning."""

import json
import subprocess
import sys
from functools import cache
from math import inf

import fastspeech2_cases as cases
import keras
import numpy as np
import numpy_aligner as reference
import parity_worker as worker
import pytest
from tiny import ROOT, environment

from fs2keras import backend
from fs2keras.aligner.batches import PRIOR, AlignerBatches, Corpus
from fs2keras.aligner.config import Model
from fs2keras.aligner.features import normalisation
from fs2keras.aligner.lattice import IMPOSSIBLE, SLOTS, STATES, skippable
from fs2keras.aligner.losses import diagonal
from fs2keras.aligner.model import Aligner
from fs2keras.aligner.paths import find_paths
from fs2keras.aligner.search import best_paths
from fs2keras.corpus.features import Features
from fs2keras.corpus.store_file import StoreFile, writing_store
from fs2keras.nn.optimizer import Noam, WatchedAdam

TOLERANCE = 1e-5
SHAPE = (20, 14, 20)  # of most tests of the lattice: rows, frames, slots of up to four phonemes


# --- learning

SOUNDS, STEPS = "abcdef", 120
MARK = (",", (",",))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A corpus of 30 utterances in which each sound is a spectrum of its own, and noise; starts and ends by id."""
    rng, truth = np.random.default_rng(0), {}
    spectra = {sound: rng.normal(-4, 2, 80) for sound in SOUNDS} | {" ": np.full(80, -10.0)}
    folder = tmp_path_factory.mktemp("spoken")
    with writing_store(folder, 80) as writer:
        for n in range(30):
            words, said = utterance(rng)
            lasts, is_sound = np.array([count for _, count in said]), np.array([sound != " " for sound, _ in said])
            mel = np.repeat([spectra[sound] for sound, _ in said], lasts, axis=0) + rng.normal(0, 1, (lasts.sum(), 80))
            zeros = np.zeros(len(mel), np.float32)
            writer.add(f"u{n}", "text", "", words, Features(mel.astype("float16"), zeros, zeros))
            ends = np.cumsum(lasts)
            truth[f"u{n}"] = (ends - lasts)[is_sound], ends[is_sound]
        writer.finish(["_", *SOUNDS, ",", "sp"], {}, {"train": list(truth)}, {}, "files", "spoken")
    return Corpus(StoreFile(folder)), truth


def utterance(rng) -> tuple[list, list[tuple[str, int]]]:
    """Words and marks; and sounds, or " " for silence, each with its frames. There may be silence between two words."""
    words, said = [], [(" ", rng.integers(3, 9))]
    for _ in range(rng.integers(2, 6)):
        # No sound twice in a row: nobody could hear where one ends.
        steps = rng.integers(1, len(SOUNDS), rng.integers(1, 5))
        before = SOUNDS.find(next((sound for sound, _ in reversed(said) if sound != " "), SOUNDS[0]))
        word = "".join(SOUNDS[k] for k in (before + np.cumsum(steps)) % len(SOUNDS))
        words.append((word, tuple(word)))
        said += [(sound, rng.integers(2, 10)) for sound in word]
        is_marked = rng.random() < 0.3
        words += [MARK] * is_marked
        if is_marked or rng.random() < 0.2:
            said.append((" ", rng.integers(2, 12)))
    return words, [*said, (" ", rng.integers(3, 9))]


def test_it_finds_the_sounds_of_a_corpus_by_itself(spoken):
    corpus, truth = spoken
    normal = normalisation([corpus.mel(id) for id in corpus.ids], Model().pauses, seed=1)
    batches = AlignerBatches(corpus, corpus.ids, normal, 16, 1, max_shapes=1, is_guided=True)
    keras.utils.set_random_seed(1)
    model = Aligner(1 + len(corpus.sounds), filters=48)
    model.pause_means.assign(normal.pauses[0])
    model.pause_log_variances.assign(normal.pauses[1])
    model.compile(WatchedAdam(Noam(1, 30, 0.01 * 30**0.5), beta_2=0.99), jit_compile=backend.jit_compile())
    first = model.train_on_batch(batches.batch(0), return_dict=True)
    for step in range(1, STEPS):
        last = model.train_on_batch(batches.batch(step), return_dict=True)
    assert float(last["gaussian"]) < float(first["gaussian"]) - 1
    assert float(last["heard"]) < float(first["heard"]) - 1
    starts, ends, confidence = [], [], []
    for found in find_paths(model, AlignerBatches(corpus, corpus.ids, normal, 16, 1, max_shapes=1, shuffle=False)):
        starts.append(np.abs(found.starts - truth[found.id][0]))
        ends.append(np.abs(found.ends - truth[found.id][1]))
        confidence.append(found.confidence)
        assert (found.ends - found.starts >= 2).all()
        assert (found.starts[1:] >= found.ends[:-1]).all()
    assert len(starts) == len(truth)
    starts, ends, confidence = map(np.concatenate, (starts, ends, confidence))
    assert np.mean(starts <= 1) >= 0.95
    assert np.mean(ends <= 1) >= 0.9
    assert confidence.mean() > 0.8


# --- sums over paths


@pytest.fixture(scope="module")
def lattice():
    return worker.FreeScores(SHAPE)


def random_scores(seed: int = 0, spread: float = 2.0) -> np.ndarray:
    """Scores of SHAPE. As in the aligner, a pause is impossible at all frames where none may be."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, spread, SHAPE).astype("float32")
    may_pause = np.repeat(rng.random((SHAPE[0], SHAPE[2] // SLOTS)) < 0.5, SLOTS, axis=1)
    is_pause = np.arange(SHAPE[2]) % SLOTS == 0
    scores[np.broadcast_to((is_pause & ~may_pause)[:, None], SHAPE)] = IMPOSSIBLE
    return scores


def valid_part(values, frames, phonemes):
    """Of (B, T, S), for each row what belongs to its utterance, (frames, 4 n + 1) float64."""
    rows = zip(values, frames, phonemes, strict=True)
    return [value[:count, : SLOTS * n + 1].astype(np.float64) for value, count, n in rows]


def test_the_lattice_is_as_written():
    assert (STATES, SLOTS, IMPOSSIBLE) == (3, 4, reference.IMPOSSIBLE)
    assert skippable(17).tolist() == [reference.may_be_left_out(state) for state in range(17)]
    ways = ["013", "113", "123", "133", "134"]  # three frames of one phoneme, a pause before or after it or none
    assert sorted("".join(map(str, path)) for path in reference.legal_paths(3, 5)) == ways


def test_the_sum_over_all_paths_by_enumerating_them(lattice):
    lengths = [(frames, count) for count in (1, 2, 3) for frames in range(2 * count, 9)]
    lengths += [(0, 0)] * (SHAPE[0] - len(lengths))
    frames, phonemes = zip(*lengths, strict=True)
    scores = random_scores()
    sums = lattice.sums(scores, frames, phonemes)
    paths = 0
    for row, valid in enumerate(valid_part(scores, frames, phonemes)):
        if frames[row]:
            totals = [valid[range(frames[row]), path].sum() for path in reference.legal_paths(*valid.shape)]
            paths += len(totals)
            assert sums[row] == pytest.approx(np.logaddexp.reduce(totals), rel=TOLERANCE, abs=TOLERANCE)
        else:
            assert sums[row] == 0
    assert paths > 1000


def long_rows(seed: int = 3):
    """Lengths (frames, phonemes) that all have a path, some of them just one; the last rows are dummies."""
    rng = np.random.default_rng(seed)
    phonemes = rng.integers(1, 5, SHAPE[0])
    frames = rng.integers(2 * phonemes, SHAPE[1] + 1)
    frames[:3] = 2 * phonemes[:3]
    frames[-2:], phonemes[-2:] = 0, [0, 3]
    return frames, phonemes


@pytest.mark.parametrize("spread", [0.3, 3.0, 30.0])
def test_the_sum_over_all_paths_by_plain_loops(lattice, spread):
    scores, lengths = random_scores(1, spread), long_rows()
    expected = [reference.forward_sum(valid) if len(valid) else 0 for valid in valid_part(scores, *lengths)]
    np.testing.assert_allclose(lattice.sums(scores, *lengths), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_the_gradient_is_where_the_paths_are(lattice):
    scores, lengths = random_scores(2), long_rows()
    found = lattice.gradient(scores, *lengths)
    for row, (valid, occupied) in enumerate(
        zip(valid_part(scores, *lengths), valid_part(found, *lengths), strict=True)
    ):
        outside = found[row].copy()
        outside[: occupied.shape[0], : occupied.shape[1]] = 0
        assert not outside.any()
        if len(valid):
            np.testing.assert_allclose(occupied, reference.occupancy(valid), atol=2e-6)
            np.testing.assert_allclose(occupied.sum(axis=1), 1, atol=1e-5)
            assert not occupied[:, (valid == IMPOSSIBLE).all(axis=0)].any()


def test_the_gradient_by_differences(lattice):
    """Of the function itself: a little more of a random direction, a little less of it."""
    scores, lengths = random_scores(4), long_rows()
    direction, size = np.random.default_rng(5).normal(0, 1, SHAPE).astype("float32"), 0.02
    direction[scores == IMPOSSIBLE] = 0
    more, less = (lattice.sums(scores + sign * size * direction, *lengths) for sign in (1, -1))
    expected = (lattice.gradient(scores, *lengths) * direction).sum(axis=(1, 2))
    np.testing.assert_allclose((more - less) / (2 * size), expected, atol=5e-3)
    assert np.abs(expected).max() > 1


def test_the_best_path_is_one_of_the_sum(lattice):
    scores, (frames, phonemes) = random_scores(6), long_rows()
    may_skip = np.broadcast_to(skippable(SHAPE[2]), (SHAPE[0], SHAPE[2]))
    for sharpness in (1, 60):
        sharp = np.where(scores == IMPOSSIBLE, IMPOSSIBLE, sharpness * scores).astype("float32")
        paths, totals = best_paths(sharp, may_skip, frames, SLOTS * phonemes + 1)
        sums, gradient = lattice.sums(sharp, frames, phonemes), lattice.gradient(sharp, frames, phonemes)
        is_real = frames > 0
        tolerance = 1e-6 * np.abs(totals[is_real])
        assert (totals[is_real] <= sums[is_real] + tolerance).all()
    # So sharp that all but the best path hardly count, the sum is that over the best, and its occupancy the path.
    np.testing.assert_allclose(sums[is_real], totals[is_real], rtol=1e-3)
    hits = [gradient[row, np.arange(frames[row]), paths[row, : frames[row]]].mean() for row in np.flatnonzero(is_real)]
    assert np.median(hits) > 0.99
    assert np.mean(hits) > 0.9


def test_without_a_path_the_sum_is_about_impossible(lattice):
    """Two frames a phoneme are needed. The gradient is as small as any: at 1e9 float32 tells the two ends of the paths
    apart no more, so that both may count."""
    scores = random_scores(7)
    phonemes = np.array([1, 2, 3, 4] * 5)
    frames = np.where(np.arange(SHAPE[0]) % 2, 2 * phonemes - 1, 2 * phonemes)
    sums, gradient = lattice.sums(scores, frames, phonemes), lattice.gradient(scores, frames, phonemes)
    for row, valid in enumerate(valid_part(scores, frames, phonemes)):
        assert (reference.forward_sum(valid) == -inf) == (row % 2 == 1) == (sums[row] < IMPOSSIBLE / 2)
    assert np.isfinite(sums).all()
    assert (gradient >= 0).all()
    assert gradient.sum(axis=2).max() < 2 + TOLERANCE


def test_padding_never_changes_a_sum(lattice):
    scores, (frames, phonemes) = random_scores(8), long_rows()
    sums, gradient = lattice.sums(scores, frames, phonemes), lattice.gradient(scores, frames, phonemes)
    rows, more = np.array([5, 9, 0]), (5, SHAPE[1] + 3, SHAPE[2] + 8)
    for junk in (0.0, 50.0, -1e4):
        wide = np.full(more, junk, "float32")
        lengths = np.append(frames[rows], [0, 0]), np.append(phonemes[rows], [0, 2])
        for row, (source, count, n) in enumerate(zip(rows, *(length[:3] for length in lengths), strict=True)):
            wide[row, :count, : SLOTS * n + 1] = scores[source, :count, : SLOTS * n + 1]
        padded = wide_lattice(more)
        np.testing.assert_allclose(padded.sums(wide, *lengths)[:3], sums[rows], rtol=1e-6)
        assert not padded.sums(wide, *lengths)[3:].any()
        derived = padded.gradient(wide, *lengths)
        for row, source in enumerate(rows):
            np.testing.assert_allclose(
                derived[row, : SHAPE[1], : SHAPE[2]], gradient[source], atol=2e-6 if not junk else 1e-3
            )
        assert not derived[3:].any()


@cache
def wide_lattice(shape: tuple[int, int, int]) -> worker.FreeScores:
    return worker.FreeScores(shape)


# --- the losses


def test_the_prior_keeps_text_and_time_in_step():
    frames, phonemes = np.array([17, 8, 0], "int32"), np.array([4, 2, 0], "int32")
    found = np.asarray(diagonal(frames, phonemes, 20, 24, np.array([300.0, 20.0, 5.0], "float32")))
    assert (found.dtype, found.shape) == (np.float32, (3, 20, 24))
    assert np.isfinite(found).all()
    for row, weight in enumerate((300.0, 20.0)):
        count, states = frames[row], 4 * phonemes[row] + 1
        expected = reference.diagonal(count, phonemes[row], weight)
        np.testing.assert_allclose(found[row, :count, :states], expected, rtol=1e-4, atol=1e-4)
        best = found[row, :count, :states].argmax(axis=1)
        assert (np.diff(best) >= 0).all()
        assert (best[0], best[-1]) == (0, states - 1)
    assert not np.asarray(diagonal(frames, phonemes, 20, 24, np.zeros(3, "float32"))).any()
    longer = np.asarray(diagonal(frames, phonemes, 31, 40, np.array([300.0, 20.0, 5.0], "float32")))
    np.testing.assert_array_equal(longer[:, :20, :24], found)
    assert PRIOR == 300.0  # what the weight means is said of this one


# --- the model


@pytest.fixture(scope="module")
def model():
    return worker.aligner()


def parts(model) -> dict[str, float]:
    return {name: float(np.asarray(metric.result())) for name, metric in model.ratios.items()}


def valid_outputs(outputs: dict, batch: list[dict]) -> list[dict]:
    """What belongs to each utterance."""
    found = []
    for row, utterance in enumerate(batch):
        frames, count = len(utterance["mel"]), len(utterance["symbols"])
        sizes = {"gaussian": 4 * count + 1, "scores": 4 * count + 1, "soft": count}
        found.append({name: np.asarray(outputs[name])[row, :frames, :size] for name, size in sizes.items()})
    return found


def expected_outputs(model, batch: list[dict], trust: float) -> list[dict]:
    weights = reference.numpy_weights(model)
    return [reference.align(utterance, weights, model.scale, trust) for utterance in batch]


@pytest.mark.parametrize("trust", [1.0, 0.2, 0.0])
def test_outputs_are_numpy_s(model, trust):
    batch = reference.utterances()
    outputs = model.predict_on_batch(reference.pad(batch, trust=trust))
    assert {name: value.shape for name, value in outputs.items()} == {
        "gaussian": (3, reference.T, 4 * reference.P),
        "scores": (3, reference.T, 4 * reference.P),
        "soft": (3, reference.T, reference.P),
    }
    for found, expected in zip(valid_outputs(outputs, batch), expected_outputs(model, batch, trust), strict=True):
        assert np.abs(expected["gaussian"][expected["gaussian"] > IMPOSSIBLE]).max() > 20
        for name in found:
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(found[name], expected[name], rtol=TOLERANCE, atol=1e-4, err_msg=name)
        assert (found["scores"] >= IMPOSSIBLE).all()
        assert (found["soft"] >= 0).all()
        assert (found["soft"] <= 1).all()


def test_variances_stay_within_their_limits(model):
    """However far the weights run off: no density can grow without end around a single frame."""
    model.log_variances.embeddings.assign(np.where(model.log_variances.embeddings > 0, 9.0, -9.0))
    model.pause_log_variances.assign(np.where(np.asarray(model.pause_log_variances) > 0, 9.0, -9.0))
    batch = reference.utterances()
    outputs = model.predict_on_batch(reference.pad(batch))
    for found, expected in zip(valid_outputs(outputs, batch), expected_outputs(model, batch, 1.0), strict=True):
        np.testing.assert_allclose(found["gaussian"], expected["gaussian"], rtol=1e-4)
    worker.randomise_aligner(model)


@pytest.mark.parametrize(("prior", "trust"), [(0.0, 0.2), (300.0, 1.0)])
def test_losses_are_numpy_s(model, prior, trust):
    batch = reference.utterances()
    cases.compile_training(model)
    loss = model.test_on_batch(reference.pad(batch, rows=4, prior=prior, trust=trust), return_dict=True)["loss"]
    expected = reference.losses(batch, expected_outputs(model, batch, trust), prior)
    assert parts(model) == pytest.approx(expected, rel=TOLERANCE)
    assert float(loss) == pytest.approx(sum(expected.values()), rel=TOLERANCE)


def test_in_training_the_shares_follow_the_valid_frames(model):
    """Also those by which the scores of this very batch are divided; at inference they stay as they are."""
    batch, before = reference.utterances(), np.array(model.share)
    cases.compile_training(model, keras.optimizers.SGD(0.0))
    model.predict_on_batch(reference.pad(batch))
    model.test_on_batch(reference.pad(batch))
    np.testing.assert_array_equal(np.asarray(model.share), before)
    weights = reference.numpy_weights(model)
    moved = reference.moved_share(batch, weights)
    model.train_on_batch(reference.pad(batch, rows=4, junk=True, trust=0.2))
    np.testing.assert_allclose(np.asarray(model.share), moved, rtol=1e-5)
    assert np.asarray(model.share).sum() == pytest.approx(1, abs=1e-5)
    outputs = [reference.align(utterance, weights | {"share": moved}, model.scale, 0.2) for utterance in batch]
    assert parts(model) == pytest.approx(reference.losses(batch, outputs, 0.0), rel=TOLERANCE)
    worker.randomise_aligner(model)


def test_the_gaussians_do_not_learn_from_what_is_heard(model):
    """But the mel encoder from them: a step with other trust in them moves it elsewhere, and the Gaussians nowhere."""
    cases.compile_training(model)
    after = {}
    for trust in (1.0, 0.1):
        worker.randomise_aligner(model)
        model.train_on_batch(reference.pad(reference.utterances(), trust=trust))
        after[trust] = {weight.path: np.array(weight) for weight in model.trainable_weights}
    worker.randomise_aligner(model)
    for weight in model.trainable_weights:
        one, other = (after[trust][weight.path] for trust in after)
        assert np.abs(one - np.asarray(weight)).max() > 1e-5, weight.path
        if "hearing" in weight.path or "naming" in weight.path:
            assert np.abs(one - other).max() > 1e-4, weight.path
        else:
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-7, err_msg=weight.path)


# --- padding


def paddings(batch: list[dict], **weights) -> dict[str, dict]:
    """The same utterances, padded in several ways; as tight as can be first, since the end of an array is a padding of
    another kind."""
    phonemes, frames = (max(lengths) for lengths in zip(*reference.LENGTHS, strict=True))
    return {
        "plain": reference.pad(batch, phonemes + 1, frames, **weights),
        "more frames": reference.pad(batch, phonemes + 1, frames + 9, **weights),
        "longer, with dummy rows and junk": reference.pad(batch, phonemes + 5, frames + 9, 5, junk=True, **weights),
    }


def test_padding_never_changes_an_output(model):
    batch = reference.utterances()
    several = {name: valid_outputs(model.predict_on_batch(p), batch) for name, p in paddings(batch, trust=0.3).items()}
    alone = []
    for utterance in batch:
        frames, count = len(utterance["mel"]), len(utterance["symbols"])
        padded = reference.pad([utterance], count + 1, frames, trust=0.3)
        alone += valid_outputs(model.predict_on_batch(padded), [utterance])
    several["alone"] = alone
    plain = several.pop("plain")
    for name, outputs in several.items():
        for one, other in zip(plain, outputs, strict=True):
            for key, value in one.items():
                np.testing.assert_allclose(other[key], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name}: {key}")


def test_padding_never_changes_a_loss(model):
    """That of a batch is the mean over its frames, so also that of its utterances alone."""
    batch = reference.utterances()
    cases.compile_training(model)
    several = {}
    for name, padded in paddings(batch, prior=40.0, trust=0.3).items():
        model.test_on_batch(padded)
        several[name] = parts(model)
    one_by_one = [(reference.pad([utterance], prior=40.0, trust=0.3),) for utterance in batch]
    model.evaluate(backend.as_dataset(one_by_one, one_by_one[0][0]), verbose=0)
    several["alone"] = parts(model)
    plain = several.pop("plain")
    assert all(value > 1 for value in plain.values())
    for name, losses in several.items():
        assert losses == pytest.approx(plain, rel=TOLERANCE), name


def test_padding_never_changes_a_training(model):
    """One step of plain gradient descent: losses, new weights (so the gradients), new shares."""
    cases.compile_training(model)
    results = {}
    for name, padded in paddings(reference.utterances(), prior=40.0, trust=0.3).items():
        worker.randomise_aligner(model)
        losses = model.train_on_batch(padded, return_dict=True)
        results[name] = losses | {weight.path: np.array(weight) for weight in model.weights}
    worker.randomise_aligner(model)
    plain = results.pop("plain")
    for weight in model.weights:
        assert np.isfinite(plain[weight.path]).all()
        assert (plain[weight.path] != np.asarray(weight)).any(), weight.path
    for name, other in results.items():
        for key, value in plain.items():
            np.testing.assert_allclose(other[key], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name}: {key}")


def test_a_batch_of_dummies_only_changes_no_trained_weight(model):
    cases.compile_training(model)
    before = {weight.path: np.array(weight) for weight in model.trainable_weights}
    nothing = {name: np.zeros_like(value) for name, value in reference.pad(reference.utterances()).items()}
    losses = model.train_on_batch(nothing, return_dict=True)
    assert all(float(value) == 0 for value in losses.values())
    for weight in model.trainable_weights:
        np.testing.assert_array_equal(np.asarray(weight), before[weight.path], err_msg=weight.path)
    worker.randomise_aligner(model)


# --- saved


def test_config_survives_json(model):
    config = json.loads(json.dumps(model.get_config()))
    twin = Aligner.from_config(config)
    assert json.loads(json.dumps(twin.get_config())) == config
    assert [(w.path, w.shape) for w in twin.weights] == [(w.path, w.shape) for w in model.weights]


OPEN = """
import fs2keras, keras
import numpy as np, sys
model = keras.saving.load_model(sys.argv[1], compile=False)
batch = dict(np.load(sys.argv[2]))
np.savez(sys.argv[3], name=type(model).__name__, **{k: np.asarray(v) for k, v in model.predict_on_batch(batch).items()})
"""


def test_saved_and_loaded_it_is_the_same(model, tmp_path):
    """Here, and in a process that has only `import fs2keras` to know the class from."""
    batch = reference.pad(reference.utterances(), trust=0.3)
    before = model.predict_on_batch(batch)
    paths = [tmp_path / name for name in ("aligner.keras", "batch.npz", "outputs.npz")]
    model.save(paths[0])
    np.savez(paths[1], **batch)
    command = [sys.executable, "-c", OPEN, *map(str, paths)]
    process = subprocess.Popen(command, env=environment(backend.name()), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    twin = keras.saving.load_model(paths[0], compile=False)
    twin.compile(jit_compile=backend.jit_compile())
    for mine, its in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(its), err_msg=mine.path)
    after = twin.predict_on_batch(batch)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    with np.load(paths[2]) as there:
        assert there["name"] == "Aligner"
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value)
            np.testing.assert_allclose(there[name], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
