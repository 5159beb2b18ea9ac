"""The process: who it is, whether it lives, what it uses."""

from dataclasses import replace
from datetime import UTC, datetime
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui_panes import NOW, PaneApp, rows, snapshot, table
from tui_pilot import drive, screen_text

from fs2_tui.gauges import Gauge, bars, draw_gauges
from fs2_tui.look import Look
from fs2_tui.process_pane import ProcessPane
from fs2_tui.usage import gauges, rates, who
from fs2keras.rundir.probe import Process

BLOCKS = " 12345678"
COLUMNS = "time step activity cpu_percent rss_bytes read_bytes written_bytes gpu_percent gpu_memory_bytes"
STEPS = table(
    "step data_wait_share steps_per_s", *[(step, 0.01 * (step % 30), 2.0 if step < 500 else 0.5) for step in range(600)]
)


def beat(ago, step=1200, cpu=150.0, rss=2_000_000_000, read=0, written=0, gpu=None, gpu_memory=None):
    time = datetime.fromtimestamp(NOW - ago, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (time, step, "training", cpu, rss, read, written, gpu, gpu_memory)


def beats(**last):
    history = [beat(600 - 10 * i, read=1_000_000 * i, written=500 * i) for i in range(60)]
    return rows(COLUMNS, *history, beat(4, **{"read": 60_000_000, "written": 30_000, **last}))


LIVING = Process(4711, 187.0, 3_100_000_000, 3_200_000_000, 45, 60_000_000, 30_000, 1620.0, None, None, "python -m fit")


def run(process=LIVING, **facts):
    return snapshot(**({"process": process, "beats": beats(), "steps": STEPS} | facts))


def texts(facts):
    return {label: text for label, text, _ in facts}


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr("fs2keras.rundir.clock.unix", lambda: NOW)


class TestWho:
    def test_a_living_process(self):
        found = texts(who(run()))
        assert found == {
            "process": "4711 lives for 27 min with 45 threads; its start time is that of run.json",
            "heartbeat": "4 s ago: training at step 1,200",
            "command": "python -m fit",
            "host": "here, this machine",
            "backend": "jax on cpu:0",
            "versions": "keras 3.15.1, jax 0.10.2",
            "model": "fastspeech2, 8,347,747 parameters",
        }

    def test_one_that_is_gone(self):
        (_, text, style), (_, last, _), *_ = who(run(None, summary={"state": "crashed"}))
        assert (text, style) == ("4711 is gone", "bold $error")
        assert last.endswith(", 4 s ago: training at step 1,200")
        assert last[2] == ":"  # the time of day

    def test_one_that_has_ended(self):
        assert texts(who(run(None, summary={"state": "finished"})))["process"] == "4711 ended: all steps are done"

    def test_one_on_another_machine(self):
        (_, text, style), *_ = who(run(None, here=False, record={"host": "gpu7"}))
        assert "4711 on gpu7, another machine than this one" in text
        assert "process.csv" in text
        assert style == "bold $warning"
        assert texts(who(run(None, here=False, record={"host": "gpu7"})))["host"] == "gpu7"

    def test_none_yet(self):
        found = who(replace(run(None, beats=rows(COLUMNS)), record={}))
        assert texts(found) == {"process": "none yet: there is no run.json", "heartbeat": "none yet"}


class TestUses:
    def test_what_the_living_process_says_comes_before_what_was_logged(self):
        found = {gauge.label: gauge for gauge in gauges(run())}
        assert found["cpu"].value == "187 %"
        assert found["memory"].value == "3.1 GB"
        assert found["memory"].detail == "peak 3.2 GB"
        logged = {gauge.label: gauge for gauge in gauges(run(None))}
        assert logged["cpu"].value == "150 %"
        assert logged["memory"].detail == "peak 2.0 GB"

    def test_disk_rates_are_those_of_the_last_minute(self):
        found = {gauge.label: gauge for gauge in gauges(run())}
        assert found["disk read"].value == "111 kB/s"  # 1 MB each 10 s, at last in 6 s
        assert found["disk read"].detail == "60.0 MB in all"
        assert found["disk written"].value == "56 B/s"

    def test_waiting_for_data_is_told_in_colour_when_it_is_much(self):
        found = {gauge.label: gauge for gauge in gauges(run())}
        assert (found["data wait"].value, found["data wait"].detail) == ("29.0 %", "median 17.0 %")
        assert found["data wait"].style == "bold $warning"
        calm = table("step data_wait_share", (1, 0.001), (2, 0.002))
        assert {g.label: g for g in gauges(run(steps=calm))}["data wait"].style == "bold"

    def test_a_gpu_only_where_there_is_one(self):
        assert not [gauge for gauge in gauges(run()) if "gpu" in gauge.label]
        found = {g.label: g.value for g in gauges(run(None, beats=beats(gpu=87.0, gpu_memory=17_300_000_000)))}
        assert (found["gpu"], found["gpu memory"]) == ("87 %", "17.3 GB")

    def test_a_process_that_began_anew_reads_nothing_negative(self):
        found = rates(rows(COLUMNS, beat(30, read=5000), beat(20, read=6000), beat(10, read=100)), "read_bytes")
        assert found[0] == 100.0
        assert found[1] != found[1]

    def test_nothing_is_known(self):
        assert gauges(snapshot()) == []


class TestBars:
    @given(st.lists(st.floats(0, 100) | st.just(nan), min_size=1, max_size=200), st.integers(0, 60), st.integers(1, 4))
    @settings(deadline=None)
    def test_the_highest_value_is_the_highest_bar(self, values, width, rows):
        drawn = bars(values, width, rows, BLOCKS, 0.0, 100.0)
        assert [len(line) for line in drawn] == [width] * rows
        heights = [sum(BLOCKS.index(line[i]) for line in drawn) for i in range(width)]
        finite = [value for value in values if value == value]
        if width:
            highest = max(1, round((8 * rows - 1) * max(finite) / 100)) if finite else 0
            assert max(heights) == highest

    def test_dips_can_be_kept_instead(self):
        assert bars([8, 1, 8, 8], 2, 1, BLOCKS, 0, 8, keep=min) == ["17"]
        assert bars([8, 1, 8, 8], 2, 1, BLOCKS, 0, 8) == ["77"]

    def test_fewer_values_than_bars_are_stretched_and_nothing_measured_is_blank(self):
        assert bars([8, 1], 4, 2, BLOCKS, 0, 8) == ["77  ", "8822"]
        assert bars([nan, 8], 2, 1, BLOCKS, 0, 8) == [" 7"]
        assert bars([], 2, 1, BLOCKS, 0, 8) == ["  "]

    @given(st.integers(20, 200), st.integers(1, 4))
    @settings(deadline=None)
    def test_gauges_fit_into_the_width(self, width, rows):
        found = [
            Gauge("cpu", "187 %", "1.9 of 2 cores", [1.0, 2.0]),
            Gauge("memory", "3.1 GB", "", [5.0], from_zero=False),
        ]
        for line in draw_gauges(found, width, rows, Look()).plain.split("\n"):
            assert len(line) <= max(width, 38)


class TestPane:
    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
    @pytest.mark.parametrize("unicode", [True, False], ids=["unicode", "ascii"])
    def test_all_of_it_is_in_sight(self, size, unicode):
        async def script(pilot):
            await pilot.pause(0.1)
            text = screen_text(pilot.app)
            for part in ("4711 lives", "python -m fit", "187 %", "peak 3.2 GB", "111 kB/s", "median 17.0 %", "steps/s"):
                assert part in text
            assert "heartbeats of 10 min, data wait and steps/s of 400 rows" in text
            if not unicode:
                assert text.isascii()

        drive(PaneApp(ProcessPane(), run(), unicode=unicode), script, size)

    def test_bars_grow_with_the_terminal(self):
        async def script(pilot):
            await pilot.pause(0.1)
            return sum("█" in line for line in screen_text(pilot.app).splitlines())

        low, high = (drive(PaneApp(ProcessPane(), run()), script, size) for size in ((80, 18), (120, 50)))
        assert low == 0  # a single row never takes the fullest block
        assert high > 6

    def test_of_another_machine_it_shows_what_was_logged(self):
        async def script(pilot):
            await pilot.pause(0.1)
            text = screen_text(pilot.app)
            assert "Used, as logged" in text
            assert "cannot be seen from here" in " ".join(text.replace("│", "").split())
            assert "150 %" in text

        drive(PaneApp(ProcessPane(), run(None, here=False, record={"host": "gpu7"})), script)

    def test_only_what_changed_is_drawn_again(self):
        async def script(pilot):
            await pilot.pause(0.1)
            pane = pilot.app.pane
            before = dict(pane._shown)
            pane.show([run()])
            assert all(pane._shown[name] is before[name] for name in before)
            pane.show([run(replace(LIVING, cpu_percent=12.0))])
            assert pane._shown["who"] is before["who"]
            assert "12 %" in pane._shown["uses"].plain

        drive(PaneApp(ProcessPane(), run()), script)

    def test_a_run_without_anything_yet(self):
        async def script(pilot):
            await pilot.pause(0.1)
            text = screen_text(pilot.app)
            assert "none yet" in text
            assert "the first heartbeat comes soon" in text

        drive(PaneApp(ProcessPane(), replace(snapshot(), record={}, summary={})), script)
