"""What a training leaves behind, and what it refuses to do."""

import json
import shutil

import numpy as np
import pytest
from tiny import STEPS, assert_same_arrays, checkpoint_weights, losses, state_arrays

from fs2keras.corpus.batches import Batches
from fs2keras.recipe import load, to_toml
from fs2keras.rundir.csvlog import CsvLog
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.lock import lock
from fs2keras.rundir.tail import read_rows
from fs2keras.training.checkpoint import prune


def test_steps_csv_has_a_row_for_each_step(whole):
    rows = read_rows(whole.steps_csv)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    parts = ("mel", "mel_postnet", "pitch", "energy", "duration")
    for row in rows:
        assert row["loss"] == pytest.approx(sum(row[part] for part in parts))
        assert row["grad_norm"] > 0
    assert [row["elapsed_s"] for row in rows] == sorted(row["elapsed_s"] for row in rows)


def test_learning_rates_are_those_of_the_schedule(whole):
    for row in read_rows(whole.steps_csv):
        n = row["step"]
        assert row["learning_rate"] == pytest.approx(8**-0.5 * min(n**-0.5, n * 10**-1.5), rel=1e-5)


def test_the_losses_fall(whole):
    rows = read_rows(whole.validation_csv)
    assert [row["step"] for row in rows] == [4, 8, 12]
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_run_json_and_recipe_tell_what_ran(tiny, whole):
    record = json.loads(whole.run_json.read_text())
    assert record["format"] == 1
    assert (record["status"], record["kind"], record["backend"]) == ("finished", "fastspeech2", "jax")
    assert (record["total_steps"], record["checkpoint_every"]) == (12, 5)
    assert set(record["columns"]) == set(read_rows(whole.steps_csv)[0])
    assert load(whole.recipe) == load(tiny.recipe, ["run.name=whole"])
    assert to_toml(load(whole.recipe)) == whole.recipe.read_text()


def test_checkpoints_come_at_multiples_and_at_the_end(whole):
    assert [step for step, _ in whole.list_checkpoints()] == [5, 10, 12]


def test_jax_compiles_each_shape_once(tiny_run):
    run, compiled = tiny_run
    from fs2keras.fastspeech2.task import FastSpeech2Task

    shapes = FastSpeech2Task(load(run.recipe)).batches("train").shapes
    steps = [line for line in compiled if "train_step" in line.split(" with ")[0]]
    assert len(shapes) == 2
    assert len(steps) == len(shapes)


def test_a_changed_recipe_is_refused_with_the_difference(tiny, whole, capsys):
    before = whole.recipe.read_bytes()
    assert tiny.fit("whole", "model.dropout=0.5", "train.steps=20") == 2
    error = capsys.readouterr().err
    assert "model.dropout: 0.2 -> 0.5" in error
    assert "train.steps" not in error
    assert "--set run.name=" in error
    assert whole.recipe.read_bytes() == before
    assert json.loads(whole.run_json.read_text())["status"] == "finished"


def test_a_run_goes_on_only_on_the_backend_it_began_with(tiny, whole, capsys, monkeypatch):
    monkeypatch.setattr("fs2keras.backend.name", lambda: "tensorflow")
    assert tiny.fit("whole") == 2
    assert "was begun on jax" in capsys.readouterr().err


def test_safe_changes_are_taken_and_old_checkpoints_pruned(tiny, whole, capsys):
    run = tiny.copy(whole, "pruned")
    changes = ("train.steps=16", "train.checkpoint_every=1", "train.keep_last=2", "train.keep_every=5")
    assert tiny.fit("pruned", *changes) == 0
    assert "changed since the run was begun: train.keep_last: 0 -> 2" in capsys.readouterr().out
    # The best of those that have a checkpoint stays: of the validations, which come every 4 steps, these two.
    scored = [row for row in read_rows(run.validation_csv) if row["step"] in (12, 16)]
    best = min(scored, key=lambda row: row["loss"])["step"]
    assert {step for step, _ in run.list_checkpoints()} == {5, 10, 15, 16, best}
    removed = {row["detail"] for row in read_rows(run.events_csv) if row["event"] == "removed"}
    assert removed == {run.checkpoint(step).name for step in {12, 13, 14} - {best}}


@pytest.mark.parametrize(
    ("keep_last", "keep_every", "best", "kept"),
    [
        (0, 0, 1, [1, 2, 3, 4, 5, 6]),
        (2, 0, None, [5, 6]),
        (2, 0, 3, [3, 5, 6]),
        (1, 2, 1, [1, 2, 4, 6]),
        (9, 0, None, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_keep_policy(tmp_path, keep_last, keep_every, best, kept):
    run = RunDir(tmp_path)
    run.checkpoints.mkdir()
    for step in range(1, 7):
        run.checkpoint(step).touch()
    removed = prune(run, keep_last, keep_every, lambda: best)
    assert [step for step, _ in run.list_checkpoints()] == kept
    assert sorted(removed + kept) == [1, 2, 3, 4, 5, 6]


def test_nan_stops_names_the_batch_and_keeps_the_last_good_state(tiny, whole, capsys, monkeypatch):
    original, named = Batches.batch, []

    def batch(self, i):
        values = original(self, i)
        if self._shuffle and i == 7:  # step 8 of the training split
            values["mel"][0, 3, 2] = np.nan
            named.extend(self.ids(i))
        return values

    monkeypatch.setattr(Batches, "batch", batch)
    changes = ("train.log_every=100", "train.checkpoint_every=1")
    assert tiny.fit("nan", *changes) == 4
    run, error = tiny.run("nan"), capsys.readouterr().err
    assert "step 8" in error
    assert all(name in error for name in named)
    assert [step for step, _ in run.list_checkpoints()][-1] == 7
    assert sorted(path.name for path in run.resume.iterdir()) == ["step-0000003.npz", "step-0000006.npz"]
    assert all(np.isfinite(value).all() for value in checkpoint_weights(run.checkpoint(7)).values())
    assert read_rows(run.events_csv)[-1]["event"] == "nan"
    assert json.loads(run.run_json.read_text())["status"] == "nan"
    # With the recording mended, the same command goes on and ends where it would have ended.
    monkeypatch.undo()
    assert tiny.fit("nan", *changes) == 0
    assert_same_arrays(checkpoint_weights(run.checkpoint(12)), checkpoint_weights(whole.checkpoint(12)))


def test_accumulation_counts_updates(tiny, whole):
    changes = ("train.accumulate=2", "train.steps=3", "train.backup_every=2", "train.checkpoint_every=2")
    assert tiny.fit("accumulated", *changes) == 0
    run = tiny.run("accumulated")
    rows = read_rows(run.steps_csv)
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert [row["learning_rate"] for row in rows] == [row["learning_rate"] for row in read_rows(whole.steps_csv)[:3]]
    assert [step for step, _ in run.list_checkpoints()] == [2, 3]
    # Two batches make a step, and the row shows the second one; at step 1 nothing has been learnt between them.
    assert rows[0]["epoch"] == 0
    with np.load(run.resume / "step-0000003.npz") as file:
        assert json.loads(str(file["meta"]))["step"] == 3


def test_accumulation_resumes_exactly(tiny, whole):
    changes = ("train.accumulate=2", "train.steps=3", "train.backup_every=2", "train.checkpoint_every=2")
    run = tiny.copy(tiny.run("accumulated"), "accumulated-again")
    reference = losses(run)
    (run.resume / "step-0000003.npz").unlink()
    assert tiny.fit("accumulated-again", *changes) == 0
    assert losses(run) == reference
    assert_same_arrays(
        state_arrays(run.resume / "step-0000003.npz"),
        state_arrays(tiny.run("accumulated").resume / "step-0000003.npz"),
    )


def test_a_second_process_is_refused_and_told_who_has_the_run(tiny, whole, capsys):
    with lock(whole):
        assert tiny.fit("whole") == 1
    assert "is in use by pid" in capsys.readouterr().err


def test_another_corpus_in_the_store_is_refused(tiny, whole, capsys):
    run = tiny.copy(whole, "elsewhere")
    folder = tiny.folder / "shorter"
    shutil.copytree(tiny.folder / "corpus", folder / "corpus")
    for name in ("metadata.csv", "phones.tsv"):
        lines = (folder / "corpus" / name).read_text().splitlines(keepends=True)
        (folder / "corpus" / name).write_text("".join(line for line in lines if not line.startswith("demo-00024")))
    changes = (f"corpus.path={folder}/corpus", f"corpus.store={folder}/store", "train.steps=15")
    before = run.steps_csv.read_bytes()
    assert tiny.fit("elsewhere", *changes) == 1
    assert "another preparation of the corpus" in capsys.readouterr().err
    assert run.steps_csv.read_bytes() == before


def test_a_recipe_that_could_not_begin_binds_nobody(tiny, tmp_path, capsys):
    missing = ("corpus.reader=ljspeech", f"corpus.path={tmp_path}/nowhere", f"corpus.store={tmp_path}/store")
    assert tiny.fit("mistaken", *missing) == 1
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "store/store.h5").exists()
    assert not tiny.run("mistaken").recipe.exists()
    assert not tiny.run("mistaken").steps_csv.exists()


def test_a_full_disk_stops_with_its_name_and_loses_nothing(tiny, whole, capsys, monkeypatch):
    run = tiny.copy(whole, "full")
    original = CsvLog.append

    def append(self, row):
        if self.path.name == "validation.csv":
            raise OSError(28, "No space left on device", str(self.path))
        original(self, row)

    monkeypatch.setattr(CsvLog, "append", append)
    assert tiny.fit("full", "train.steps=16") == 1
    assert "No space left" in capsys.readouterr().err
    assert sorted(path.name for path in run.resume.iterdir()) == ["step-0000012.npz", "step-0000015.npz"]
