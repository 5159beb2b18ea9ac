"""Samples: which ones are shown, how, and what the keys do."""

import os
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from tui_panes import NOW, PaneApp, recipe, snapshot, write_png, write_wav
from tui_pilot import drive, press, screen_text

from fs2_tui.samples.listing import compared, nothing_yet, sentence, window
from fs2_tui.samples.pane import SamplesPane
from fs2_tui.samples.pictures import Job, draw_all
from fs2_tui.samples.player import Player
from fs2_tui.samples.spectrogram import Spectrogram, time_axis
from fs2keras.rundir.eta import Eta

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
RECIPE = '[samples]\nsentences = ["The first one.", "And another."]\n'


def write_samples(folder, step, seconds=2.0, names=("01", "02"), marked=True):
    """Sounds and pictures (a column of each colour) of one step; their wav files."""
    pixels = [[(255, 0, 0)] * 8 + [(0, 0, 255)] * 8 for _ in range(8)]
    wavs = []
    for name in names:
        wav = write_wav(folder / f"step-{step:07d}" / f"{name}.wav", seconds)
        text = {"spectrogram": "0 0 16 8", "seconds": f"{seconds}"} if marked else {}
        write_png(wav.with_suffix(".png"), pixels, text)
        os.utime(wav, (NOW - 60, NOW - 60))
        wavs.append(wav)
    return tuple(wavs)


@pytest.fixture
def samples(tmp_path):
    return {step: write_samples(tmp_path, step) for step in (100, 200, 300)}


def run(samples, **facts):
    return snapshot(samples=samples, **({"recipe": RECIPE} | facts))


async def drawn(pilot):
    """What is on the screen when the pictures are there."""
    for _ in range(100):
        await pilot.pause(0.02)
        await pilot.app.workers.wait_for_complete()
        shown = [widget for widget in pilot.app.query(Spectrogram) if widget.display]
        if all(widget.drawing.lines or widget.drawing.problem for widget in shown):
            await pilot.pause()
            return screen_text(pilot.app)
    raise AssertionError("no picture was drawn")


class TestWhichOnes:
    def test_what_is_beside_the_chosen_step(self):
        steps = [100, 200, 300, 400]
        assert [compared(steps, 300, against) for against in ("previous", "first", "nothing", 400, 300, 999)] == [
            *(200, 100, None, 400, None, None)
        ]
        assert compared(steps, 100, "previous") is None
        assert compared(steps, 100, "first") is None

    @given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.data(), st.integers(1, 60))
    @settings(deadline=None)
    def test_the_window_holds_the_chosen_one_and_is_full(self, widths, data, room):
        chosen = data.draw(st.integers(0, len(widths) - 1))
        first, end = window(widths, chosen, room)
        assert 0 <= first <= chosen < end <= len(widths)
        used = sum(widths[first:end])
        assert used <= room or (first, end) == (chosen, chosen + 1)
        if used <= room:
            assert first == 0 or used + widths[first - 1] > room
            assert end == len(widths) or used + widths[end] > room

    def test_sentences_are_those_of_the_recipe(self):
        assert [sentence(name, RECIPE) for name in ("01", "02", "03", "00", "LJ001")] == [
            *("The first one.", "And another.", "", "", "")
        ]
        assert sentence("01", "not = [toml") == ""

    def test_says_when_the_first_ones_come(self):
        text = RECIPE + recipe(sample_every=2000)
        waiting = snapshot(recipe=text, eta=Eta(2800.0, 2800.0, 2800.0))  # a second a step; at 1,200 now
        assert "The first come at step 2,000, about " in nothing_yet(waiting)
        assert "in 13 min (train.sample_every = 2,000)" in nothing_yet(waiting)
        assert "at step 4,000" in nothing_yet(snapshot(recipe=RECIPE + recipe(sample_every=5000)))  # the last step

    def test_says_why_none_will_come(self):
        assert "--set 'samples.sentences" in nothing_yet(snapshot(recipe=recipe(sample_every=2000)))
        crashed = snapshot(recipe=RECIPE + recipe(sample_every=2000), summary={"state": "crashed"})
        assert nothing_yet(crashed).splitlines() == [
            "No samples: the run stopped at step 1,200, they come every 2,000.",
            *("", "01  The first one.", "02  And another."),
        ]


class TestPictures:
    def test_the_shorter_one_is_narrower(self, tmp_path):
        long, short = write_samples(tmp_path, 1, 4.0)[0], write_samples(tmp_path, 2, 3.0)[0]
        first, second = draw_all(Job((long, short), 40, 5, "true"))
        assert (first.drawing.columns, second.drawing.columns) == (40, 30)
        assert (first.seconds, second.seconds) == (4.0, 3.0)
        assert len(first.drawing.lines) == 5
        assert first.time == NOW - 60

    def test_an_unmarked_picture_is_drawn_whole_and_has_no_axis(self, tmp_path):
        (found,) = draw_all(Job(write_samples(tmp_path, 1, names=("01",), marked=False), 40, 5, "true"))
        assert found.drawing.columns == 40
        assert found.drawing.seconds is None
        assert found.seconds == 2.0  # of the sound

    def test_what_is_not_there_is_named(self, tmp_path):
        (wav,) = write_samples(tmp_path, 1, names=("01",))
        wav.with_suffix(".png").unlink()
        gone, none = draw_all(Job((wav, tmp_path / "02.wav"), 40, 5, "true"))
        assert gone.drawing.problem == "There is no picture 01.png beside the sound."
        assert "02.wav cannot be read" in none.drawing.problem

    def test_a_picture_that_was_written_anew_is_read_anew(self, tmp_path):
        (wav,) = write_samples(tmp_path, 1, names=("01",))
        job = Job((wav,), 4, 1, "true")
        before = draw_all(job)[0].drawing
        assert draw_all(job)[0].drawing is before
        write_png(wav.with_suffix(".png"), [[(0, 255, 0)] * 16] * 8, {"spectrogram": "0 0 16 8", "seconds": "2"})
        os.utime(wav.with_suffix(".png"), ns=(1, 1))
        assert draw_all(job)[0].drawing.lines != before.lines


class TestAxis:
    def test_marks_round_times(self):
        assert time_axis(40, 4.0) == "╵0 s      ╵1        ╵2        ╵3"
        assert time_axis(40, 40.0, unicode=False) == "|0 s      |10       |20       |30"

    @given(st.integers(0, 300), st.floats(0.01, 1000))
    @settings(deadline=None)
    def test_fits_and_never_overlaps(self, columns, seconds):
        axis = time_axis(columns, seconds)
        assert cell_len(axis) <= columns
        labels = [label for label in axis.replace(" s", "").split("╵") if label.strip()]
        times = [float(label) for label in labels]
        assert times == sorted(set(times))
        assert all(time <= seconds for time in times)


class TestPane:
    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
    @pytest.mark.parametrize("unicode", [True, False], ids=["unicode", "ascii"])
    def test_the_newest_beside_the_one_before(self, samples, size, unicode):
        async def script(pilot):
            text = await drawn(pilot)
            assert "The first one." in text
            assert text.index("step 200") < text.index("step 300")
            assert ("▀" in text) == unicode
            assert str(samples[300][0]) in text.replace("\n", "").replace(" ", "")
            if not unicode:
                assert text.isascii()

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples), unicode=unicode), script, size)

    def test_without_colours_there_is_ink(self, samples):
        async def script(pilot):
            text = await drawn(pilot)
            assert "▀" not in text
            assert "@@@" in text

        app = PaneApp(SamplesPane(Player([SLEEP])), run(samples), colours=ColorSystem.STANDARD)
        drive(app, script)

    def test_arrows_go_through_steps_and_sentences(self, samples):
        async def script(pilot):
            pane = pilot.app.pane
            await drawn(pilot)
            for key, step, name in (
                ("left", 200, "01"),
                ("down", 200, "02"),
                ("down", 200, "02"),
                ("home", 100, "02"),
                ("left", 100, "02"),
                ("right", 200, "02"),
                ("up", 200, "01"),
                ("end", 300, "01"),
            ):
                await press(pilot, [key])
                assert (pane.step, pane.sentence) == (step, name), key
            await press(pilot, ["home"])
            assert not pilot.app.query_one("#other").display  # nothing before the first
            assert "step 200" not in await drawn(pilot)

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_c_chooses_the_step_to_compare_with(self, samples):
        async def script(pilot):
            text = await press(pilot, ["c"])
            assert "Compare step 300 with" in text
            assert "the first samples (100)" in text
            await press(pilot, ["down", "enter"])
            assert pilot.app.pane.other == 100
            assert "step 100" in await drawn(pilot)
            await press(pilot, ["c", "escape"])
            assert pilot.app.pane.other == 100
            await press(pilot, ["c", "down", "enter"])
            assert pilot.app.pane.other is None
            assert "step 100" not in await drawn(pilot)
            await press(pilot, ["c", "end", "enter"])
            assert pilot.app.pane.against == 100

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_s_stacks_the_pictures(self, samples):
        async def script(pilot):
            await drawn(pilot)
            other, chosen = pilot.app.query_one("#other"), pilot.app.query_one("#chosen")
            assert other.region.y == chosen.region.y
            await press(pilot, ["s"])
            await drawn(pilot)
            assert other.region.x == chosen.region.x
            assert chosen.drawing.columns == chosen.size.width
            for height in (30, 31):
                await pilot.resize_terminal(80, height)
                await drawn(pilot)
                await pilot.pause(0.1)
                assert (await drawn(pilot)).count("╵0 s") == 2, height  # each has its axis

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    @pytest.mark.parametrize("key", ["space", "p"])
    def test_space_plays_and_stops(self, samples, key):
        async def script(pilot):
            pane = pilot.app.pane
            await drawn(pilot)
            text = await press(pilot, [key])
            assert pane.player.playing == samples[300][0]
            assert "playing step-0000300/01.wav with python" in text
            chosen = pilot.app.query_one("#chosen", Spectrogram)
            assert chosen.position is not None
            assert pilot.app.query_one("#other", Spectrogram).position is None
            await press(pilot, ["b"])  # the left one instead
            assert pane.player.playing == samples[200][0]
            assert chosen.position is None
            text = await press(pilot, ["b"])
            assert pane.player.playing is None
            assert "playing" not in text

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_over_ssh_it_says_where_the_sound_is(self, samples, monkeypatch):
        monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
        monkeypatch.setattr("fs2_tui.samples.pane.gethostname", lambda: "gpu7")

        async def script(pilot):
            await drawn(pilot)
            assert "on gpu7, " in await press(pilot, ["space"])

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_the_mark_moves_over_the_picture_while_it_plays(self, samples):
        async def script(pilot):
            chosen = pilot.app.query_one("#chosen", Spectrogram)
            await drawn(pilot)
            width = chosen.drawing.columns
            for seconds, column in ((0.0, 0), (1.0, width // 2), (5.0, width - 1)):
                chosen.position = seconds
                await pilot.pause()
                rows = [chosen.render_line(y).text for y in range(1, 5)]
                assert {row.index("│") for row in rows} == {column}
            chosen.position = None
            assert "│" not in chosen.render_line(1).text

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_without_a_player_the_path_is_there_and_the_reason(self, samples):
        async def script(pilot):
            await drawn(pilot)
            text = await press(pilot, ["space"])
            assert "no player for sound" in text
            assert "01.wav" in text

        drive(PaneApp(SamplesPane(Player([])), run(samples)), script)

    def test_y_copies_the_path(self, samples):
        async def script(pilot):
            await press(pilot, ["left", "down", "y"])
            assert pilot.app.clipboard == str(samples[200][1])

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_clicks_choose(self, samples):
        async def script(pilot):
            line = (await drawn(pilot)).splitlines()
            await pilot.click("#steps", offset=(line[0].index(" 100 "), 0))
            await pilot.click("#sentences", offset=(20, 1))
            assert (pilot.app.pane.step, pilot.app.pane.sentence) == (100, "02")

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_follows_the_newest_until_the_user_has_chosen(self, samples, tmp_path):
        async def script(pilot):
            pane = pilot.app.pane
            more = {**samples, 400: write_samples(tmp_path, 400)}
            pane.show([run(more)])
            assert pane.step == 400
            await press(pilot, ["left"])
            pane.show([run({**more, 500: write_samples(tmp_path, 500)})])
            assert pane.step == 300
            pane.show([run({100: samples[100]})])  # a resume went back
            assert pane.step == 100
            await drawn(pilot)

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_a_sample_that_one_step_lacks_and_one_whose_picture_is_broken(self, samples, tmp_path):
        samples[300] = write_samples(tmp_path, 300, names=("01", "02", "03"))
        samples[300][0].with_suffix(".png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")

        async def script(pilot):
            assert "01.png cannot be drawn" in await drawn(pilot)
            await press(pilot, ["down", "down"])
            text = await drawn(pilot)
            assert "Step 200 has no sample 03." in text
            write_samples(tmp_path, 300)  # it was being written
            await press(pilot, ["home", "end", "up", "up"])
            pilot.app.pane.show([run(samples)])
            assert "cannot be drawn" not in await drawn(pilot)

        drive(PaneApp(SamplesPane(Player([SLEEP])), run(samples)), script)

    def test_none_yet(self):
        async def script(pilot):
            assert "No samples yet. The first come at step 2,000" in screen_text(pilot.app)
            text = await press(pilot, ["left", "down", "space", "b", "c", "y", "s"])
            assert "No samples yet" in text

        drive(PaneApp(SamplesPane(Player([])), snapshot(recipe=RECIPE + recipe(sample_every=2000))), script)

    def test_the_keys_work_when_the_first_ones_come(self, samples):
        async def script(pilot):
            pilot.app.pane.show([run(samples)])
            await drawn(pilot)
            await press(pilot, ["left"])
            assert pilot.app.pane.step == 200

        drive(PaneApp(SamplesPane(Player([])), snapshot(recipe=RECIPE)), script)

    def test_nothing_plays_on_when_the_monitor_ends(self, samples):
        player = Player([SLEEP])

        async def script(pilot):
            await press(pilot, ["space"])
            assert player.playing

        drive(PaneApp(SamplesPane(player), run(samples)), script)
        assert player.playing is None
