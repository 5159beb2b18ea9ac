"""However a run was stopped, it goes on as if it had not been: losses identical as text, weights bit for bit."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tiny import STEPS, assert_same_run, assert_same_weights, losses

from fs2keras.errors import UserError
from fs2keras.rundir import record
from fs2keras.rundir.runs import find_run
from fs2keras.rundir.statistics import state
from fs2keras.rundir.tail import read_rows
from fs2keras.training.state import newest_meta

# One run, stopped again and again: (moment, signal, which time, exit code, the step that it resumes at afterwards).
JAX = [
    ("inside_a_row", "SIGKILL", 5, -9, 3),
    ("inside_a_checkpoint", "SIGKILL", 1, -9, 3),
    ("inside_a_state", "SIGKILL", 1, -9, 3),
    ("inside_a_validation", "SIGKILL", 2, -9, 6),
    ("before_a_step", "SIGTERM", 2, 130, 8),
    ("before_a_step", "SIGINT", 1, 130, 9),
]
TENSORFLOW = [
    ("inside_a_checkpoint", "SIGKILL", 1, -9, 3),
    ("inside_a_validation", "SIGKILL", 2, -9, 6),
    ("before_a_step", "SIGTERM", 2, 130, 8),
]


@pytest.fixture(scope="session")
def stopped_runs(tiny, tiny_run):
    """Both backends at the same time: what each process of the stopped run said, and how it left things."""

    def on_jax():
        return _stop_again_and_again(tiny, "stopped-jax", JAX, "jax")

    def on_tensorflow():
        backend = "run.backend=tensorflow"
        whole = tiny.accident("never", "SIGKILL", 1, tiny.arguments("whole-tf", backend), backend="tensorflow")
        assert whole.returncode == 0, whole.stderr
        return _stop_again_and_again(tiny, "stopped-tf", TENSORFLOW, "tensorflow", backend)

    with ThreadPoolExecutor() as pool:
        futures = {"jax": pool.submit(on_jax), "tensorflow": pool.submit(on_tensorflow)}
        return {name: future.result() for name, future in futures.items()}


def _stop_again_and_again(tiny, name, accidents, backend, *changes):
    arguments, run, history = tiny.arguments(name, *changes), tiny.run(name), []
    for moment, signal, number, code, _ in accidents:
        process = tiny.accident(moment, signal, number, arguments, backend)
        assert process.returncode == code, process.stdout + process.stderr
        history.append((process, state(run)))
    history.append((tiny.process(arguments, backend=backend), state(run)))
    return history


@pytest.mark.parametrize(
    ("backend", "name", "reference"), [("jax", "stopped-jax", "whole"), ("tensorflow", "stopped-tf", "whole-tf")]
)
def test_a_run_stopped_anywhere_ends_as_if_it_had_not_been(tiny, stopped_runs, backend, name, reference):
    last, final_state = stopped_runs[backend][-1]
    assert last.returncode == 0, last.stderr
    assert final_state.name == "finished"
    assert len(losses(tiny.run(name))) == STEPS
    assert_same_run(tiny.run(name), tiny.run(reference))


@pytest.mark.parametrize(("backend", "accidents"), [("jax", JAX), ("tensorflow", TENSORFLOW)])
def test_each_process_goes_on_from_the_last_whole_state(stopped_runs, backend, accidents):
    for (process, _), (*_, step) in zip(stopped_runs[backend][1:], accidents, strict=True):
        assert f"resuming at step {step} from" in process.stdout


@pytest.mark.parametrize(("backend", "accidents"), [("jax", JAX), ("tensorflow", TENSORFLOW)])
def test_a_signal_saves_and_says_how_to_go_on_and_a_kill_shows_as_crashed(stopped_runs, backend, accidents):
    for (process, now), (_, signal, _, _, step) in zip(stopped_runs[backend], accidents, strict=False):
        if signal == "SIGKILL":
            assert now.name == "crashed"
            assert "Run the same command again" in now.reason
        else:
            assert now.name == "interrupted"
            assert f"stopped at step {step}, everything saved. The same command again goes on" in process.stdout
            assert "finishing this step" in process.stderr


def test_a_kill_leaves_no_broken_file_under_a_name_that_counts(tiny, stopped_runs):
    run = tiny.run("stopped-jax")
    assert [step for step, _ in run.list_checkpoints()] == [5, 10, 12]
    assert sorted(path.name for path in run.resume.iterdir()) == ["step-0000009.npz", "step-0000012.npz"]


def test_events_tell_of_every_stop(tiny, stopped_runs):
    rows = read_rows(tiny.run("stopped-jax").events_csv)
    assert [row["step"] for row in rows if row["event"] == "resumed"] == [step for *_, step in JAX]
    assert [(row["step"], row["detail"]) for row in rows if row["event"] == "stopped"] == [
        (8, "SIGTERM"),
        (9, "SIGINT"),
    ]


def test_a_truncated_newest_state_gives_way_to_the_one_before(tiny, whole, capsys):
    run = tiny.copy(whole, "truncated")
    newest = run.resume / "step-0000012.npz"
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert tiny.fit("truncated") == 0
    assert "resuming at step 9 from" in capsys.readouterr().out
    assert_same_run(run, whole)


def test_without_any_readable_state_nothing_is_touched(tiny, whole, capsys):
    run = tiny.copy(whole, "broken")
    for path in run.resume.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    before = run.steps_csv.read_bytes()
    with pytest.raises(UserError, match="step-0000012.npz"):
        newest_meta(run)
    assert tiny.fit("broken") == 1
    error = capsys.readouterr().err
    assert "No state to resume from can be read" in error
    assert str(run.checkpoints) in error
    assert run.steps_csv.read_bytes() == before


def test_a_flipped_bit_in_a_state_is_noticed(tiny, whole):
    run = tiny.copy(whole, "flipped")
    newest = run.resume / "step-0000012.npz"
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    path, meta = newest_meta(run)
    assert (path.name, meta["step"]) == ("step-0000009.npz", 9)


def test_raising_the_steps_goes_on_as_if_it_had_been_the_larger_number_from_the_start(tiny, whole, capsys):
    assert tiny.fit("raised", "train.steps=8") == 0
    assert tiny.fit("raised") == 0
    assert "changed since the run was begun: train.steps: 8 -> 12" in capsys.readouterr().out
    assert_same_run(tiny.run("raised"), whole)
    # The last step of the shorter training left its checkpoint.
    assert [step for step, _ in tiny.run("raised").list_checkpoints()] == [5, 8, 10, 12]


def test_rows_that_come_again_are_not_written_twice(tiny, whole):
    # The state of step 12 is lost, but the rows up to 12 are there: they are cut and written again.
    run = tiny.copy(whole, "rewound")
    (run.resume / "step-0000012.npz").unlink()
    assert len(losses(run)) == STEPS
    assert tiny.fit("rewound", "train.log_every=1") == 0
    assert [row[0] for row in losses(run)] == [str(step) for step in range(1, STEPS + 1)]
    assert_same_weights(run, whole)


def test_the_same_command_on_a_finished_run_says_so(tiny, whole, capsys):
    before = whole.steps_csv.read_bytes()
    assert tiny.fit("whole") == 0
    assert "is finished: 12 steps. To train on: --set train.steps=24" in capsys.readouterr().out
    assert whole.steps_csv.read_bytes() == before


def test_a_run_killed_after_its_last_save_is_found_finished(tiny, whole):
    run = tiny.copy(whole, "unsaid")
    record.update(run, status="training", pid=2**22, host="elsewhere")
    assert state(run).name != "finished"
    assert tiny.fit("unsaid") == 0
    assert state(find_run(str(run.path))).name == "finished"
