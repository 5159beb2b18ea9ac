"""The monitor as a whole: panes, keys, alerts, several runs, terminals of all kinds."""

import json
import os
import shutil
import stat
import sys

import pytest
from synthetic_run import write_run
from tui_pilot import drive, monitor, press, screen_text

from fs2_tui.app import PANES
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.watch import RunWatch


@pytest.fixture
def runs(tmp_path):
    """Runs of 600 rows: finished, training (by this process) and crashed. Made for each test: after a minute without a
    heartbeat the second one would be stalled."""
    folder = tmp_path / "monitor" / "runs"
    return {
        "finished": write_run(folder / "finished", 600),
        "training": write_run(folder / "training", 600, status="training", pid=os.getpid()),
        "crashed": write_run(folder / "crashed", 600, status="crashed"),
    }


@pytest.fixture
def a_run(runs, tmp_path):
    """A run that a test may change."""
    return RunDir(shutil.copytree(runs["training"].path, tmp_path / "runs" / "mine"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("unicode", [True, False], ids=["unicode", "ascii"])
def test_every_pane_opens_by_its_key(runs, size, unicode):
    async def script(pilot):
        for key, name, title, _ in PANES:
            text = await press(pilot, key)
            assert pilot.app.pane == name
            assert pilot.app.query_one(f"#{name}").display
            assert f"{key} {title}" in text or f"{key} Ckpts" in text
            assert len([line for line in text.splitlines() if line.strip()]) > 4, f"{name} is empty"
            if not unicode:
                assert text.isascii(), {character for character in text if not character.isascii()}

    drive(monitor(runs["crashed"], unicode=unicode), script, size)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("finished", ["finished", "600 / 600", "100.0 %"]),
        ("training", ["training", "600 / 750", "80.0 %", "ends "]),
        ("crashed", ["crashed", "600 / 750", "is gone", "Run the same command again"]),
    ],
)
def test_the_overview_says_how_it_goes(runs, name, words):
    async def script(pilot):
        return screen_text(pilot.app)

    text = drive(monitor(runs[name]), script)
    for word in words:
        assert word in text
    for label in ("mel after postnet", "validation", "steps/s", "heartbeat", "disk free"):
        assert label in text


def test_a_new_row_appears(a_run):
    with open(a_run.steps_csv, "a") as file:
        cells = a_run.steps_csv.read_text().splitlines()[-1].split(",")
        file.write(",".join(["601", *cells[1:]]) + "\n")

    async def script(pilot):
        before = screen_text(pilot.app)
        cells = a_run.steps_csv.read_text().splitlines()[-1].split(",")
        with open(a_run.steps_csv, "a") as file:
            file.write(",".join(["602", *cells[1:]]) + "\n")
        for _ in range(100):
            await pilot.pause(0.05)
            if "602 / 750" in screen_text(pilot.app):
                return before
        raise AssertionError(screen_text(pilot.app))

    assert "601 / 750" in drive(monitor(a_run, poll_s=0.02), script)


def test_every_binding_stands_in_the_list_of_keys_and_in_the_palette(runs):
    async def script(pilot):
        app = pilot.app
        missing = {}
        for key, name, _, _ in PANES:
            await press(pilot, key)
            described = {active.binding.description for active in app.screen.active_bindings.values()}
            described -= {""}
            palette = {command.title.lower() for command in app.get_system_commands(app.screen)}
            gone = {d for d in described if d.lower() not in palette and d.lower() != "palette"}
            listed = await press(pilot, ["question_mark"])
            gone |= {d for d in described if d not in listed and d != "palette"}
            await press(pilot, ["escape"])
            if gone:
                missing[name] = gone
        return missing

    assert drive(monitor(runs["training"]), script, (160, 60)) == {}


def test_every_key_of_every_pane_can_be_pressed(runs):
    """No key raises, whatever the pane; those that leave the app or change its looks are pressed elsewhere."""

    async def script(pilot):
        app = pilot.app
        pressed = 0
        for number, name, _, _ in PANES:
            await press(pilot, number)
            for key, active in list(app.screen.active_bindings.items()):
                if active.node is app or active.node is app.screen or active.binding.system:
                    continue
                await pilot.press(key)
                pressed += 1
                if len(app.screen_stack) > 1:
                    await pilot.press("escape")
            await pilot.press("escape")
            app.screen.set_focus(None)
            assert app.pane == name
        return pressed

    assert drive(monitor(runs["crashed"], runs["finished"]), script) > 20


def test_q_leaves(runs):
    async def script(pilot):
        await pilot.press("q")

    app = monitor(runs["finished"])
    drive(app, script)
    assert app.return_code == 0


def test_two_runs_are_compared_and_change_places(runs):
    async def script(pilot):
        both = screen_text(pilot.app)
        swapped = await press(pilot, "r")
        return both, swapped

    both, swapped = drive(monitor(runs["training"], runs["finished"]), script)
    assert "training" in both.splitlines()[0]
    assert "+1" in both.splitlines()[0]
    assert "finished" in swapped.splitlines()[0]


def test_the_picker_opens_one_or_compares_several(runs, monkeypatch):
    folder = runs["finished"].path.parent

    async def one(pilot):
        listed = await press(pilot, [])
        for name in runs:
            assert name in listed
        await press(pilot, ["enter"])
        return [watch.rundir.name for watch in pilot.app._watches]

    async def two(pilot):
        await press(pilot, ["space", "down", "space", "enter"])
        return [watch.rundir.name for watch in pilot.app._watches]

    assert len(drive(monitor(runs_dir=str(folder)), one)) == 1
    assert len(drive(monitor(runs_dir=str(folder)), two)) == 2


def test_leaving_the_first_picker_leaves_the_app(runs):
    async def script(pilot):
        await press(pilot, ["escape"])
        return pilot.app._exit

    assert drive(monitor(runs_dir=str(runs["finished"].path.parent)), script)


def test_an_alert_is_shown_and_dismissed(runs):
    async def script(pilot):
        shown = screen_text(pilot.app)
        count = len(pilot.app.open_alerts())
        dismissed = await press(pilot, ["d"] * count)
        recalled = await press(pilot, ["7", "u", "1"])
        return count, shown, dismissed, recalled

    count, shown, dismissed, recalled = drive(monitor(runs["crashed"]), script)
    assert count >= 1
    assert f"({count})" in shown.splitlines()[1]
    assert "d dismisses" in shown
    assert "d dismisses" not in dismissed
    assert "d dismisses" in recalled


def test_a_new_alert_is_told_to_a_command(runs, a_run, tmp_path):
    told = tmp_path / "told.json"
    script_file = tmp_path / "tell.py"
    script_file.write_text(f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())")

    async def script(pilot):
        assert not pilot.app.open_alerts()
        record = json.loads(a_run.run_json.read_text())
        a_run.run_json.write_text(json.dumps({**record, "status": "crashed"}))
        pilot.app.snapshots = (RunWatch(a_run).poll(),)
        for _ in range(100):
            await pilot.pause(0.05)
            if told.exists() and told.read_text():
                return
        raise AssertionError("the command was not called")

    drive(monitor(a_run, on_alert=f"{sys.executable} {script_file}"), script)
    facts = json.loads(told.read_text())
    assert (facts["run"], facts["alert"], facts["severity"]) == ("mine", "gone", "error")
    assert facts["text"]


def test_the_terminal_may_change_its_size(runs):
    async def script(pilot):
        for size in ((80, 24), (200, 60), (40, 10), (120, 40)):
            await pilot.resize_terminal(*size)
            for key, *_ in PANES:
                lines = (await press(pilot, key)).splitlines()
                assert {len(line) for line in lines} == {size[0]}
                assert len(lines) == size[1]
                assert any(line.strip() for line in lines[2:]), (key, size)

    drive(monitor(runs["training"]), script)


def test_themes_go_round(runs):
    async def script(pilot):
        first = pilot.app.theme
        await press(pilot, ["T"])
        return first, pilot.app.theme

    first, second = drive(monitor(runs["finished"]), script)
    assert first != second


def test_nothing_is_written_into_the_run(runs, tmp_path):
    run = RunDir(shutil.copytree(runs["finished"].path, tmp_path / "run"))
    for path in (run.path, *run.path.rglob("*")):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = {path: path.stat().st_mtime_ns for path in (run.path, *run.path.rglob("*"))}

    async def script(pilot):
        for key, *_ in PANES:
            await press(pilot, key)

    drive(monitor(run, poll_s=0.05), script)
    assert {path: path.stat().st_mtime_ns for path in (run.path, *run.path.rglob("*"))} == before
    for path in (run.path, *run.path.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
