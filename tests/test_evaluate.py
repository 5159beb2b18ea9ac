"""`fs2keras evaluate`, `samples`, `best` and `validate` on a tiny run, and what they say when something is missing."""

import csv
import json
import os
import pickle
import shutil

import keras
import numpy as np
import pytest
from strict_page import Page
from tiny import STEPS, checkpoint_weights, make

from fs2keras import cli
from fs2keras.evaluation.best import average
from fs2keras.evaluation.catalogue import FREE_RUNNING, METRICS, TEACHER_FORCED
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows

NAME = f"step-{STEPS:07d}-validation"
FORCED = {metric.name for metric in METRICS if metric.mode == TEACHER_FORCED}
OPTIONAL = {"cer", "wer", "dnsmos"}
FREE = {metric.name for metric in METRICS if metric.mode == FREE_RUNNING} - OPTIONAL


@pytest.fixture(scope="module")
def evaluated(voice_run) -> dict:
    assert cli.main(["evaluate", str(voice_run.path)]) == 0
    return json.loads((voice_run.evaluation / f"{NAME}.json").read_text())


def changed(run: RunDir, tmp_path, name: str = "run") -> RunDir:
    shutil.copytree(run.path, tmp_path / name)
    return RunDir(tmp_path / name)


def test_every_metric_is_there_with_its_mode_unit_and_interval(evaluated):
    metrics = evaluated["metrics"]
    assert metrics.keys() == FORCED | FREE
    for name, metric in metrics.items():
        voice = metric["voice"]
        assert voice["low"] <= voice["mean"] <= voice["high"], name
        assert voice["count"] == len(evaluated["utterances"])
        assert metric["mode"] == (TEACHER_FORCED if name in FORCED else FREE_RUNNING)


def test_copy_synthesis_is_the_floor_of_every_comparison_of_sounds(evaluated):
    metrics = evaluated["metrics"]
    for name in ("mcd_espnet", "mcd_fairseq", "log_f0_rmse", "f0_rmse", "vuv_error"):
        assert metrics[name]["floor"]["mean"] < metrics[name]["voice"]["mean"], name
    assert metrics["speaking_rate"]["recording"]["mean"] > 0
    assert metrics["mel"]["floor"] is None


def test_losses_are_those_of_validation_csv(voice_run, tiny_run, tmp_path):
    run = changed(tiny_run[0], tmp_path)  # its last checkpoint is as it was trained
    assert cli.main(["evaluate", str(run.path), "--teacher-forced"]) == 0
    found = json.loads((run.evaluation / f"{NAME}.json").read_text())["metrics"]
    row = read_rows(run.validation_csv)[-1]
    assert row["step"] == STEPS
    for name in ("loss", "mel", "mel_postnet", "pitch", "energy"):
        assert found[name]["voice"]["mean"] == pytest.approx(row[name], rel=1e-4), name
    assert found["log_duration_mse"]["voice"]["mean"] == pytest.approx(row["duration"], rel=1e-4)


def test_a_row_for_each_utterance(voice_run, evaluated):
    with (voice_run.evaluation / f"{NAME}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["utterance"] for row in rows] == list(evaluated["utterances"])
    values = [float(row["mcd_espnet"]) for row in rows]
    assert np.mean(values) == pytest.approx(evaluated["metrics"]["mcd_espnet"]["voice"]["mean"], abs=1e-4)
    worst = evaluated["metrics"]["mcd_espnet"]["worst"]
    assert worst[0][1] == pytest.approx(max(values), abs=1e-3)


def test_the_same_call_again_reads(voice_run, evaluated, capsys, monkeypatch):
    before = (voice_run.evaluation / f"{NAME}.json").stat().st_mtime_ns
    monkeypatch.setattr("fs2keras.evaluation.evaluate.teacher_forced", None)
    monkeypatch.setattr("fs2keras.evaluation.evaluate.free_running", None)
    assert cli.main(["evaluate", str(voice_run.path)]) == 0
    assert "mcd_espnet" in capsys.readouterr().out
    assert (voice_run.evaluation / f"{NAME}.json").stat().st_mtime_ns == before


def test_an_interrupted_one_goes_on(voice_run, evaluated, tmp_path, monkeypatch):
    run = changed(voice_run, tmp_path)
    shutil.rmtree(run.evaluation)
    from fs2keras.evaluation import free_running

    whole, seen = free_running.measure, []

    def interrupted(*arguments):
        for id, spoken in whole(*arguments):
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.append(id)
            yield id, spoken

    monkeypatch.setattr(free_running, "measure", interrupted)
    assert cli.main(["evaluate", str(run.path)]) == 130
    partial = run.evaluation / f"{NAME}.partial.jsonl"
    assert partial.exists()

    def rest(voice, prepared, ids, *others):
        assert not set(seen) & set(ids)
        return whole(voice, prepared, ids, *others)

    monkeypatch.setattr(free_running, "measure", rest)
    assert cli.main(["evaluate", str(run.path)]) == 0
    assert not partial.exists()
    again = json.loads((run.evaluation / f"{NAME}.json").read_text())
    assert again["metrics"] == evaluated["metrics"]


def test_references_are_heard_once(voice_run, evaluated, tmp_path, monkeypatch):
    run = changed(voice_run, tmp_path)
    shutil.rmtree(run.evaluation)
    # Recordings that are gone: what was heard in them is kept beside the store.
    monkeypatch.setattr("fs2keras.evaluation.references.wav.read", None)
    assert cli.main(["evaluate", str(run.path), "--free-running"]) == 0
    again = json.loads((run.evaluation / f"{NAME}.json").read_text())["metrics"]
    assert again == {name: evaluated["metrics"][name] for name in FREE}


def test_what_is_measured_can_be_sent_to_another_process(voice_run, evaluated, tmp_path, monkeypatch):
    def through_pickle(function, calls, jobs, *, worthwhile):
        return (function(*pickle.loads(pickle.dumps(call))) for call in calls)

    monkeypatch.setattr("fs2keras.evaluation.free_running.on_all_cores", through_pickle)
    assert cli.main(["evaluate", str(voice_run.path), "--free-running", "--wavs", "-o", str(tmp_path)]) == 0
    found = json.loads((tmp_path / f"{NAME}.json").read_text())
    assert found["metrics"] == {name: evaluated["metrics"][name] for name in FREE}
    assert len(list(tmp_path.glob("*/*.wav"))) == len(found["utterances"])


def test_wavs_that_are_asked_for_later_are_spoken(voice_run, evaluated, tmp_path):
    run = changed(voice_run, tmp_path)
    assert cli.main(["evaluate", str(run.path), "--wavs"]) == 0
    assert {path.stem for path in run.evaluation.glob("*/*.wav")} == set(evaluated["utterances"])
    again = json.loads((run.evaluation / f"{NAME}.json").read_text())
    assert again["metrics"] == evaluated["metrics"]


def test_the_other_backend_finds_the_same(voice_run, tiny, evaluated, tmp_path):
    if os.environ["KERAS_BACKEND"] != "jax":
        pytest.skip("JAX is this one")
    words = ["evaluate", str(voice_run.path), "--teacher-forced", "-o", str(tmp_path)]
    done = tiny.process([*words, "--set", "run.backend=tensorflow"], backend="")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / f"{NAME}.json").read_text())
    assert "tensorflow" in found["made"]["backend"]
    for name, metric in found["metrics"].items():
        assert metric["voice"]["mean"] == pytest.approx(evaluated["metrics"][name]["voice"]["mean"], rel=1e-4)


def test_another_checkpoint_is_measured_anew(voice_run, evaluated, tmp_path, capsys):
    run = changed(voice_run, tmp_path)
    model = keras.saving.load_model(run.checkpoint(STEPS))
    model.to_mel.bias.assign(np.asarray(model.to_mel.bias) + 0.5)
    model.save(run.checkpoint(STEPS))
    assert cli.main(["evaluate", str(run.path), "--teacher-forced"]) == 0
    assert "measured anew" in capsys.readouterr().out
    found = json.loads((run.evaluation / f"{NAME}.json").read_text())["metrics"]
    assert found["mel"] != evaluated["metrics"]["mel"]


def test_a_recogniser_is_a_plug_in(voice_run, tmp_path, monkeypatch):
    from fs2keras.evaluation import recognisers

    monkeypatch.setattr(recognisers, "recogniser", lambda name, language: lambda samples, rate: "the quick brown fox")
    more = ["--recogniser", "fox", "-o", str(tmp_path), "--set", "corpus.jobs=1"]
    assert cli.main(["evaluate", str(voice_run.path), *more]) == 0
    found = json.loads((tmp_path / f"{NAME}.json").read_text())
    assert found["metrics"].keys() == FORCED | FREE | {"cer", "wer"}
    for side in ("voice", "floor", "recording"):
        assert found["metrics"]["cer"][side]["mean"] > 0
    assert all(u["heard"]["voice"] == "the quick brown fox" for u in found["utterances"].values())


def test_a_recogniser_hears_each_recording_once(voice_run, tmp_path, monkeypatch):
    from fs2keras.evaluation import recognisers

    asked = []

    def once(samples, rate):
        asked.append(samples.size)
        return "the quick brown fox"

    monkeypatch.setattr(recognisers, "recogniser", lambda name, language: once)
    found = []
    for folder in ("a", "b"):
        more = ["--free-running", "--recogniser", "hears/once", "-o", str(tmp_path / folder), "--set", "corpus.jobs=1"]
        assert cli.main(["evaluate", str(voice_run.path), *more]) == 0
        found.append(json.loads((tmp_path / folder / f"{NAME}.json").read_text()))
    assert found[0]["metrics"] == found[1]["metrics"]
    assert len(asked) == (3 + 1) * len(found[0]["utterances"])  # the second time, only the voice


def test_an_unknown_recogniser_is_named_with_those_there_are(voice_run, tmp_path, capsys):
    assert cli.main(["evaluate", str(voice_run.path), "--recogniser", "nobody", "-o", str(tmp_path)]) == 2
    assert "moonshine" in capsys.readouterr().err


def test_a_voice_that_cannot_speak_is_told_and_its_losses_are_measured(tiny_run, tmp_path, capsys):
    run = changed(tiny_run[0], tmp_path)
    model = keras.saving.load_model(run.checkpoint(STEPS))
    model.duration.output_layer.bias.assign([-9.0])
    model.save(run.checkpoint(STEPS))
    assert cli.main(["evaluate", str(run.path)]) == 0
    out = capsys.readouterr().out
    assert "not spoken: " in out
    assert "has not learned durations" in out
    assert "mel_postnet" in out
    assert "mcd_espnet" not in out


@pytest.mark.parametrize("harm", ["none", "half", "empty", "vanished", "lost recipe", "no run"])
def test_bad_input_gets_a_sentence(voice_run, tiny, tmp_path, capsys, harm):
    run, more, code = changed(voice_run, tmp_path), [], 1
    if harm == "none":
        shutil.rmtree(run.checkpoints)
        words = "no checkpoint yet"
    elif harm == "half":
        path = run.checkpoint(STEPS)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        shutil.rmtree(run.evaluation)
        words = "not a whole .keras checkpoint"
    elif harm == "empty":
        more, code, words = ["--split", "test"], 2, "is empty"
    elif harm == "vanished":
        more, words = ["--set", f"corpus.store={tmp_path / 'nowhere'}"], "no prepared corpus here"
    elif harm == "lost recipe":
        run.recipe.unlink()
        words = "recipe.toml"
    else:
        shutil.rmtree(run.path)
        code, words = 3, "no such run"
    assert cli.main(["evaluate", str(run.path), *more]) == code
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_run_directory_gets_a_sentence(voice_run, tmp_path, capsys):
    run = changed(voice_run, tmp_path)
    shutil.rmtree(run.evaluation)
    run.path.chmod(0o500)
    assert cli.main(["evaluate", str(run.path)]) == 1
    assert "Name a folder with -o" in capsys.readouterr().err
    run.path.chmod(0o700)


def test_a_folder_that_cannot_be_made_gets_a_sentence(voice_run, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["evaluate", str(voice_run.path), "-o", str(tmp_path / "file" / "below")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_samples_of_a_file_and_of_a_split(voice_run, tmp_path, capsys):
    sentences = tmp_path / "some.txt"
    sentences.write_text("fox|The quick brown fox.\n\nA second sentence.\n", encoding="utf-8")
    folder = tmp_path / "out"
    assert cli.main(["samples", str(voice_run.path), "--sentences", str(sentences), "-o", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == {"fox.wav", "fox.png", "003.wav", "003.png", "index.html"}
    assert cli.main(["samples", str(voice_run.path), "-o", str(tmp_path / "split")]) == 0
    page = (tmp_path / "split" / "index.html").read_text(encoding="utf-8")
    assert "recording" in page
    assert str(tmp_path / "split" / "index.html") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no sentence"),
        ("a|One.\na|Two.\n", "there twice"),
        ("a/b|One.\n", "can name a file"),
        ("x|\n", ":1:"),
    ],
)
def test_a_bad_file_of_sentences_gets_file_and_line(voice_run, tmp_path, capsys, text, words):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    assert cli.main(["samples", str(voice_run.path), "--sentences", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_compare_speaks_side_by_side_and_pairs_the_differences(voice_run, evaluated, tmp_path, capsys):
    run = changed(voice_run, tmp_path)
    model = keras.saving.load_model(run.checkpoint(STEPS))
    model.to_mel.bias.assign(np.asarray(model.to_mel.bias) - 2.0)
    model.save(run.checkpoints / f"step-{STEPS + 1:07d}.keras")
    names = [f"{run.path}@{STEPS}", f"{run.path}@{STEPS + 1}"]
    assert cli.main(["compare", *names, "-o", str(tmp_path / "both")]) == 0
    out = capsys.readouterr().out
    assert "mcd_espnet" in out
    assert "(" in out.split("mcd_espnet")[1].splitlines()[0]
    assert len(list((tmp_path / "both").glob("*/*/*.wav"))) == 2 * len(evaluated["utterances"])
    sentences = tmp_path / "two.txt"
    sentences.write_text("fox|The quick brown fox.\nodd|\u2603\n", encoding="utf-8")
    assert cli.main(["compare", *names, "--sentences", str(sentences), "-o", str(tmp_path / "said")]) == 0
    assert [path.name for path in (tmp_path / "said").glob("*/*.wav")] == ["fox.wav"] * 2
    page = Page.of(tmp_path / "said" / "index.html")
    assert len(page.all("audio")) == 2
    assert "nothing to speak" in page.text.lower()
    assert cli.main(["compare", names[0], names[0]]) == 2
    assert "at least two different" in capsys.readouterr().err


def test_best_by_the_curve_writes_a_checkpoint_that_speaks(voice_run, tmp_path, capsys):
    run = changed(voice_run, tmp_path)
    assert cli.main(["best", str(run.path)]) == 0
    chosen = json.loads((run.checkpoints / "best.json").read_text())["steps"][0]
    ours, theirs = (checkpoint_weights(path) for path in (run.best_checkpoint, run.checkpoint(chosen)))
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert cli.main(["evaluate", str(run.path), "--checkpoint", "best", "--teacher-forced"]) == 0
    assert "best.keras" in capsys.readouterr().out


def test_best_by_a_metric_measures_each_checkpoint(voice_run, tmp_path, capsys):
    run = changed(voice_run, tmp_path)
    assert cli.main(["best", str(run.path), "--by", "mel_postnet=1,mel=1", "--average", "2"]) == 0
    out = capsys.readouterr().out
    assert "1 mel_postnet" in out or "mel_postnet + mel" in out
    assert "is better than" in out
    assert not list(run.checkpoints.glob("average*"))
    assert cli.main(["best", str(run.path), "--by", "beauty"]) == 2
    assert "no metric" in capsys.readouterr().err
    assert cli.main(["best", str(run.path), "--by", "cer"]) == 2
    said = capsys.readouterr()
    assert "--recogniser" in said.err
    assert "measuring" not in said.out


def test_an_average_holds_the_means_of_all_weights(voice_run, tmp_path):
    steps = [step for step, _ in voice_run.list_checkpoints()][-2:]
    average([voice_run.checkpoint(step) for step in steps], tmp_path / "mean.keras")
    one, other = (checkpoint_weights(voice_run.checkpoint(step)) for step in steps)
    for name, array in checkpoint_weights(tmp_path / "mean.keras").items():
        np.testing.assert_allclose(array, (one[name].astype(float) + other[name]) / 2, rtol=1e-6, atol=1e-7)


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    return make(tmp_path_factory.mktemp("another"))


def test_a_corpus_of_another_voice_is_refused_or_told(voice_run, another, capsys, tmp_path):
    code = cli.main(["evaluate", str(voice_run.path), "--teacher-forced", "-o", str(tmp_path)])
    assert code == 0
    assert "Note:" not in capsys.readouterr().out
    other = ["--set", f"corpus.store={another.folder / 'store'}", "--set", "corpus.validation=0.3"]
    assert cli.main(["evaluate", str(voice_run.path), "--teacher-forced", "-o", str(tmp_path), *other]) == 0
    assert "is not as it was" in capsys.readouterr().out
