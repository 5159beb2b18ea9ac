"""`fs2keras evaluate`, `samples`, `best` and `validate` on a tiny run, and what they say when something is missing."""

import csv
import fcntl
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
from fs2keras.errors import UserError
from fs2keras.evaluation import recognisers
from fs2keras.evaluation.best import average
from fs2keras.evaluation.catalogue import BY_NAME, FREE_RUNNING, METRICS, TEACHER_FORCED
from fs2keras.evaluation.compare import _difference
from fs2keras.evaluation.partial import Partial
from fs2keras.evaluation.results import Evaluation
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.tail import read_rows

NAME = f"step-{STEPS:07d}-validation"
FORCED = {metric.name for metric in METRICS if metric.mode == TEACHER_FORCED}
OPTIONAL = {"cer", "wer", "dnsmos"}
ONE_JOB = ["--set", "corpus.jobs=1"]
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


@pytest.mark.parametrize("end", ['{"id": "c", "voi', "[]\n", '{"id": 3, "x": 1, "id": []}\n', "\n", "null\n"])
def test_a_line_cut_short_or_that_is_none_costs_no_more_than_itself(tmp_path, end):
    path, head = tmp_path / "partial.jsonl", {"key": {"version": 1}, "recogniser": None}
    lines = [
        json.dumps(line) for line in (head, {"id": "a", "voice": {"mel": 1.0}}, {"id": "b", "voice": {"mel": 2.0}})
    ]
    path.write_text("\n".join([*lines, end]))
    evaluation = Evaluation(dict(head))
    with Partial(path, evaluation) as partial:
        assert evaluation.utterances == {"a": {"voice": {"mel": 1.0}}, "b": {"voice": {"mel": 2.0}}}
        partial.add("c", voice={"mel": 3.0})
    Partial(path, again := Evaluation(dict(head)))
    assert again.utterances.keys() == {"a", "b", "c"}
    Partial(path, other := Evaluation(head | {"key": {"version": 2}}))
    assert not other.utterances


def test_two_processes_do_not_write_one_evaluation(voice_run, tmp_path, capsys):
    with (tmp_path / f"{NAME}.partial.jsonl").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert cli.main(["evaluate", str(voice_run.path), "--teacher-forced", "-o", str(tmp_path)]) == 1
    assert "another process is evaluating" in capsys.readouterr().err


def test_a_checkpoint_from_elsewhere_does_not_go_under_the_name_of_the_runs_own(voice_run, evaluated, tmp_path):
    run = changed(voice_run, tmp_path)
    other = shutil.copy(run.checkpoint(STEPS), tmp_path)
    model = keras.saving.load_model(other)
    model.to_mel.bias.assign(np.asarray(model.to_mel.bias) + 0.5)
    model.save(other)
    assert cli.main(["evaluate", str(run.path), "--teacher-forced", "--checkpoint", str(other)]) == 0
    assert json.loads((run.evaluation / f"{NAME}.json").read_text())["metrics"] == evaluated["metrics"]
    (found,) = (path for path in run.evaluation.glob("*.json") if path.stem != NAME)
    assert json.loads(found.read_text())["step"] is None


def test_recordings_that_are_gone_are_missed_before_anything_is_measured(voice_run, tmp_path, monkeypatch, capsys):
    from fs2keras.evaluation import free_running

    monkeypatch.setattr(free_running, "cache_file", lambda folder, id: tmp_path / "nowhere" / f"{id}.npz")
    monkeypatch.setattr(free_running, "wav_path", lambda corpus, id: tmp_path / f"{id}.wav")
    assert cli.main(["evaluate", str(voice_run.path), "-o", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "more. Where the recordings lie elsewhere: --set corpus.path=FOLDER" in said.err
    assert "teacher-forced" not in said.out


def test_a_store_that_cannot_be_written_is_no_error(voice_run, evaluated, tmp_path, monkeypatch, capsys):
    from fs2keras.evaluation import free_running, references

    def closed(path, is_shared=False):
        raise UserError(f"{path}: cannot be written (Read-only file system).")

    monkeypatch.setattr(references, "replacing", closed)
    monkeypatch.setattr(references, "_read", lambda path: None)
    monkeypatch.setattr(free_running, "cache_file", lambda folder, id: tmp_path / "nowhere" / f"{id}.npz")
    monkeypatch.setattr(free_running, "_is_writable", lambda folder: False)
    assert cli.main(["evaluate", str(voice_run.path), "--free-running", "-o", str(tmp_path), *ONE_JOB]) == 0
    assert "is not kept there for the next time" in capsys.readouterr().out
    again = json.loads((tmp_path / f"{NAME}.json").read_text())["metrics"]
    assert again == {name: evaluated["metrics"][name] for name in FREE}


def test_spectrograms_of_other_settings_are_refused(voice_run, tmp_path, monkeypatch, capsys):
    from fs2keras.corpus.store import Prepared

    opened = Prepared.__init__

    def with_other_bands(self, *arguments):
        opened(self, *arguments)
        self.settings = self.settings | {"audio.fmax": 7600.0}

    monkeypatch.setattr(Prepared, "__init__", with_other_bands)
    assert cli.main(["evaluate", str(voice_run.path), "-o", str(tmp_path)]) == 1
    assert "audio.fmax 7600" in capsys.readouterr().err


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


class PlugIn:
    """An entry point of a recogniser that writes down `text`, and keeps count of what it was asked."""

    def __init__(self, name: str, text: str | None, version: str = "1.0"):
        self.name, self._text, self.asked = name, text, []
        self.dist = type("Distribution", (), {"name": "plug-in", "version": version})

    def load(self):
        def write_down(samples, rate):
            self.asked.append(samples.size)
            return self._text

        return lambda language: write_down


@pytest.fixture
def plugged(monkeypatch):
    """Installs recognisers."""

    def install(*plug_ins: PlugIn) -> None:
        recognisers.recogniser.cache_clear()
        monkeypatch.setattr(recognisers, "entry_points", lambda group: plug_ins)

    yield install
    recognisers.recogniser.cache_clear()


def with_recogniser(name: str, folder) -> list[str]:
    return ["--free-running", "--recogniser", name, "-o", str(folder), "--set", "corpus.jobs=1"]


def test_a_recogniser_is_a_plug_in_and_hears_each_recording_once(voice_run, tmp_path, plugged):
    plugged(once := PlugIn("hears/once", "the quick brown fox"))
    found = []
    for folder in ("a", "b"):
        assert cli.main(["evaluate", str(voice_run.path), *with_recogniser("hears/once", tmp_path / folder)]) == 0
        found.append(json.loads((tmp_path / folder / f"{NAME}.json").read_text()))
    first = found[0]
    assert first["metrics"] == found[1]["metrics"]
    assert len(once.asked) == (3 + 1) * len(first["utterances"])  # the second time, only the voice
    assert first["metrics"].keys() == FREE | {"cer", "wer"}
    assert first["recogniser"] == "hears/once (plug-in 1.0)"
    for side in ("voice", "floor", "recording"):
        assert first["metrics"]["cer"][side]["mean"] > 0
    assert all(u["heard"]["voice"] == "the quick brown fox" for u in first["utterances"].values())


def test_what_one_recogniser_heard_is_not_taken_for_anothers(voice_run, tmp_path, plugged, capsys):
    deaf, fox = PlugIn("deaf", ""), PlugIn("fox", "the quick brown fox")
    plugged(deaf, fox, PlugIn("newer", "", version="2.0"))
    rates = []
    for name in ("deaf", "fox"):
        assert cli.main(["evaluate", str(voice_run.path), *with_recogniser(name, tmp_path)]) == 0
        rates.append(json.loads((tmp_path / f"{NAME}.json").read_text())["metrics"]["cer"]["voice"]["mean"])
    assert rates[0] == 1.0
    assert rates[1] != 1.0
    assert "was heard by deaf (plug-in 1.0)" in capsys.readouterr().out
    assert cli.main(["evaluate", str(voice_run.path), "--free-running", "-o", str(tmp_path)]) == 0
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["metrics"]["cer"]["voice"]["mean"] == rates[1]


def test_a_recogniser_that_answers_no_text_is_named(voice_run, tmp_path, plugged, capsys):
    plugged(PlugIn("mute", None))
    assert cli.main(["evaluate", str(voice_run.path), *with_recogniser("mute", tmp_path)]) == 1
    assert "mute gave None, no text" in capsys.readouterr().err


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
    head, row = (line for line in out.splitlines() if line.split()[:1] in (["metric"], ["mcd_espnet"]))
    assert head.split()[3:5] == ["floor", "recording"]
    floor, first, second = (float(cell) for cell in (row.split()[3], row.split()[4], row.split()[5]))
    assert floor == pytest.approx(evaluated["metrics"]["mcd_espnet"]["floor"]["mean"], abs=0.01)
    assert floor < first < second
    assert "may be chance" in row  # three utterances do not tell
    assert len(list((tmp_path / "both").glob("*/*/*.wav"))) == 2 * len(evaluated["utterances"])
    sentences = tmp_path / "two.txt"
    sentences.write_text("fox|The quick brown fox.\nodd|\u2603\n", encoding="utf-8")
    assert cli.main(["compare", *names, "--sentences", str(sentences), "-o", str(tmp_path / "said")]) == 0
    assert [path.name for path in (tmp_path / "said").glob("*/*.wav")] == ["fox.wav"] * 2
    page = Page.of(tmp_path / "said" / "index.html")
    assert len(page.all("audio")) == 2
    assert "nothing to speak" in page.text.lower()
    assert "speaking_rate" in capsys.readouterr().out  # what needs no recording is measured
    assert cli.main(["compare", names[0], names[0]]) == 2
    assert "at least two different" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "count", "shift", "verdict"),
    [
        ("mcd_espnet", 12, 0.5, ", worse"),
        ("mcd_espnet", 12, -0.5, ", better"),
        ("dnsmos", 12, 0.5, ", better"),
        ("mcd_espnet", 12, 0.0, ", may be chance"),
        ("mcd_espnet", 5, -0.5, ", may be chance"),
        ("pause_share", 12, 0.5, ")"),
    ],
)
def test_a_difference_is_called_one_where_it_is_beyond_chance(name, count, shift, verdict):
    base, other, rng = Evaluation({}), Evaluation({}), np.random.default_rng(0)
    for n, hard in enumerate(rng.normal(6, 2, count)):
        base.add(str(n), voice={name: hard})
        other.add(str(n), voice={name: hard + shift + rng.normal(0, 0.2)})
    assert _difference(base, other, BY_NAME[name], list(base.utterances)).endswith(verdict)


def test_compare_asks_the_recogniser_about_sentences(voice_run, tmp_path, plugged, capsys):
    plugged(PlugIn("fox", "the quick brown fox"))
    run = changed(voice_run, tmp_path, "my@voice")
    sentences = tmp_path / "two.txt"
    sentences.write_text("The quick brown fox.\n", encoding="utf-8")
    names = [str(voice_run.path), f"{run.path}@{STEPS}"]
    more = ["--sentences", str(sentences), "--recogniser", "fox", "-o", str(tmp_path / "out")]
    assert cli.main(["compare", *names, *more]) == 0
    assert "cer" in capsys.readouterr().out
    assert cli.main(["compare", *names, *more[:2], "--recogniser", "nobody", "-o", str(tmp_path / "out")]) == 2
    assert "'nobody' is no recogniser" in capsys.readouterr().err


def test_runs_of_one_name_are_told_apart_by_their_paths(voice_run, tmp_path, capsys):
    one, two = (changed(voice_run, tmp_path / folder) for folder in ("last@week", "this"))
    sentences = tmp_path / "one.txt"
    sentences.write_text("The quick brown fox.\n", encoding="utf-8")
    more = ["--sentences", str(sentences), "-o", str(tmp_path / "out")]
    assert cli.main(["compare", str(one.path), f"{two.path}@{STEPS}", *more]) == 0
    out = capsys.readouterr().out
    assert f"{one.path}@{STEPS}" in out
    assert f"{two.path}@{STEPS}" in out
    assert len(list((tmp_path / "out").glob("*/*.wav"))) == 2


def test_the_first_voice_is_not_measured_where_the_second_is_a_slip(voice_run, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["compare", str(voice_run.path), f"{voice_run.path}@lasst", "-o", str(out)]) == 2
    assert not out.exists()
    said = capsys.readouterr()
    assert "lasst" in said.err
    assert not said.out


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
