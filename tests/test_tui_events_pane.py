"""The events as a timeline, the recipe and the log."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content
from tui_panes import NOW, PaneApp, rows, snapshot, table
from tui_pilot import drive, press, screen_text

from fs2_tui.events_pane import EventsPane, scores
from fs2_tui.lines import Line, Lines, breaks, hanging, labelled
from fs2_tui.look import Look
from fs2_tui.texts import log_lines, recipe_lines
from fs2_tui.timeline import Scores, fold, timeline

COLUMNS = "time step event detail bytes seconds"
UNICODE, ASCII = Look(), Look(unicode=False)


def event(step, kind, detail="", bytes=0, seconds=0.0, day=20):
    minute, second = divmod(step // 100, 60)
    return (f"2026-11-{day}T10:{minute % 60:02d}:{second:02d}.000Z", step, kind, detail, bytes, seconds)


EVENTS = rows(
    COLUMNS,
    event(0, "started"),
    *[event(step, "validation", seconds=1.26) for step in range(100, 900, 100)],
    event(900, "checkpoint", "step-0000900.keras", 33_795_508, 0.4),
    event(1000, "nan", "LJ001-0005", day=21),
)
VALIDATION = table("step loss", (100, 3.5), (200, 2.25), (300, float("nan")), (400, 2.75))
LOG = tuple(f"2026-11-20T10:00:{second:02d}+00:00  line {second:03d}" for second in range(60))


def plain(lines):
    return [line.content.plain for line in lines]


def without_scrollbar(app):
    """The lines of the pane below its head."""
    return [line[:-2].rstrip() for line in screen_text(app).splitlines()[2:]]


class TestTimeline:
    def test_says_when_what_how_long_and_how_large(self):
        lines = plain(timeline(EVENTS, scores(VALIDATION), UNICODE, newest_first=False))
        assert "20 November 2026" in lines[0]
        assert lines[1].split()[2:] == ["started", "0"]
        assert lines[2].split()[2:] == ["validation", "100", "1.3", "s", "loss", "3.5"]
        assert lines[3].split()[-2:] == [UNICODE.star, "lowest"]
        assert "loss" not in lines[4]  # NaN there
        assert lines[10].split()[2:] == ["checkpoint", "900", "0.4", "s", "33.8", "MB", "step-0000900.keras"]
        assert "21 November 2026" in lines[11]
        assert lines[12].split()[2:] == ["nan", "1,000", "LJ001-0005"]

    def test_newest_first_is_the_same_days_and_lines_turned_round(self):
        known = scores(VALIDATION)
        oldest, newest = (plain(timeline(EVENTS, known, UNICODE, newest_first=first)) for first in (False, True))
        assert newest == [oldest[11], oldest[12], oldest[0], *reversed(oldest[1:11])]

    def test_folding_makes_one_line_of_a_run_of_routine(self):
        lines = plain(timeline(EVENTS, scores(VALIDATION), ASCII, newest_first=False, folded=True))
        assert len(lines) == 5
        assert "8 validations, 1 checkpoint  steps 100-900, 10 s, 33.8 MB" in lines[2]

    def test_a_fold_over_several_days_names_them(self):
        days = [event(0, "started")] + [event(100, "validation", day=day) for day in range(10, 15)] + [event(1, "nan")]
        lines = plain(timeline(rows(COLUMNS, *days), Scores({}, None), ASCII, folded=True))
        assert any("Tue " in line and " - Sat " in line and "5 validations" in line for line in lines)

    def test_the_latest_are_never_folded(self):
        groups = fold(EVENTS[:9])  # started, then eight validations
        assert [len(group) for group in groups] == [1, 5, 1, 1, 1]

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["2026-11-20T10:00:00.000Z", "2026-11-21T10:00:00.000Z", "", "never"]),
                st.one_of(st.integers(0, 10**7), st.none(), st.just("x")),
                st.sampled_from(["validation", "checkpoint", "removed", "nan", "something new", ""]),
                st.text(max_size=10),
                st.one_of(st.integers(-5, 10**10), st.none(), st.just("x"), st.just(float("nan"))),
                st.one_of(st.floats(), st.none(), st.just("x")),
            ),
            max_size=30,
        ),
        st.booleans(),
    )
    @settings(max_examples=60, deadline=None)
    def test_every_event_is_in_it_once_whatever_the_cells_hold(self, lines, newest_first):
        events = rows(COLUMNS, *lines)
        days = plain(timeline(events, Scores({}, None), ASCII, newest_first=newest_first))
        assert sum(line.startswith((": ", "at an", "Fri", "Sat", "Sun")) for line in days) + len(lines) == len(days)
        assert sum(len(group) for group in fold(events)) == len(lines)
        folded = timeline(events, Scores({}, None), ASCII, newest_first=newest_first, folded=True)
        assert len(folded) <= len(days)


class TestTexts:
    def test_values_and_comments_of_the_recipe_are_told_apart(self):
        (line,) = recipe_lines('name = "a # b"  # the run\'s folder')
        styles = {line.content.plain[span.start : span.end]: span.style for span in line.content.spans}
        assert styles['"a # b"  '] == "$accent"
        assert styles["# the run's folder"] == "dim"
        assert styles["name"] == "bold"

    @given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=80))
    @settings(deadline=None)
    def test_no_character_of_the_recipe_is_lost(self, text):
        assert plain(recipe_lines(text)) == text.splitlines()

    def test_the_log_has_a_line_for_each_day_and_local_times(self):
        lines = log_lines(("2026-11-20T10:00:00+00:00  one", "no time", "2026-11-22T10:00:05+00:00  CUDA error"))
        words = plain(lines)
        assert [word.split()[-1] for word in words] == ["2026", "one", "time", "2026", "error"]
        assert words[1][2] == words[1][5] == ":"
        assert any(span.style == "$error" for span in lines[4].content.spans)


class TestLines:
    @given(st.text(alphabet="ab 語", max_size=60), st.integers(1, 20), st.integers(0, 12))
    @settings(deadline=None)
    def test_cuts_lose_nothing_but_blanks_and_fit(self, text, width, indent):
        cuts = breaks(text, width, indent)
        assert "".join(text[start:end] for start, end in cuts).replace(" ", "") == text.replace(" ", "")
        for start, end in cuts:
            room = width - (hanging(indent, width) if start else 0)
            assert cell_len(text[start:end]) <= max(room, 2)  # one wide character fits nowhere in one cell

    def test_cuts_between_words(self):
        text = "a long sentence that does not fit"
        assert [text[a:b] for a, b in breaks(text, 12, 2)] == ["a long", "sentence", "that does", "not fit"]

    def test_facts_go_on_below_their_text(self):
        facts = [("host", "a name that is long", "")]
        shown = labelled(facts, 24).plain.split("\n")
        assert shown == ["host        a name that", "            is long"]
        assert max(map(len, labelled(facts, 9).plain.split("\n"))) <= 9

    def test_stays_where_it_is_when_lines_come_and_go(self):
        def lines(first, end):
            return [Line(Content(f"line {number}")) for number in range(first, end)]

        async def script(pilot):
            widget = pilot.app.query_one(Lines)
            widget.show(lines(0, 100), end=True)
            await pilot.pause()
            assert widget.scroll_offset.y == widget.max_scroll_y  # the end, as asked
            widget.show(lines(5, 105), end=True)
            await pilot.pause()
            assert "line 104" in screen_text(pilot.app)  # it follows
            await pilot.press("pageup", "pageup")
            await pilot.wait_for_animation()
            first = screen_text(pilot.app).splitlines()[3]
            widget.show(lines(10, 110), end=True)
            await pilot.pause()
            assert screen_text(pilot.app).splitlines()[3] == first
            await pilot.press("end")
            await pilot.wait_for_animation()
            widget.show(lines(10, 111), end=True)
            await pilot.pause()
            assert "line 110" in screen_text(pilot.app)

        drive(PaneApp(EventsPane(), snapshot()), script, (80, 24))


def run(**facts):
    return snapshot(events=EVENTS, validation=VALIDATION, recipe='[run]\nname = "mine"', log=LOG, **facts)


class TestPane:
    @pytest.mark.parametrize("size", [(80, 24), (200, 60)])
    @pytest.mark.parametrize("unicode", [True, False], ids=["unicode", "ascii"])
    def test_v_goes_through_the_views(self, size, unicode):
        async def script(pilot):
            timeline_text = screen_text(pilot.app)
            assert "12 events, newest first" not in timeline_text
            assert "10 events, newest first" in timeline_text
            assert timeline_text.index("LJ001-0005") < timeline_text.index("step-0000900.keras")
            recipe_text = await press(pilot, ["v"])
            assert 'name = "mine"' in recipe_text
            log_text = await press(pilot, ["v"])
            assert "line 059" in log_text  # its end
            assert "LJ001-0005" in await press(pilot, ["v"])
            if not unicode:
                assert (timeline_text + recipe_text + log_text).isascii()

        few = replace(run(), events=rows(COLUMNS, *[tuple(e.values()) for e in EVENTS[:1] + EVENTS[2:]]))
        drive(PaneApp(EventsPane(), few, unicode=unicode), script, size)

    def test_o_flips_and_z_folds_the_timeline_only(self):
        async def script(pilot):
            flipped = await press(pilot, ["o"])
            assert "oldest first" in flipped
            assert flipped.index("step-0000900.keras") < flipped.index("LJ001-0005")
            folded = await press(pilot, ["z"])
            assert "8 validations, 1 checkpoint" in folded
            recipe_text = await press(pilot, ["v"])
            assert await press(pilot, ["o", "z"]) == recipe_text
            assert "8 validations" in await press(pilot, ["v", "v"])
            assert "8 validations" not in await press(pilot, ["z"])

        drive(PaneApp(EventsPane(), run()), script)

    def test_slash_filters_every_view_and_escape_ends_it(self):
        async def script(pilot):
            shown = await press(pilot, ["slash", *"KERAS"])
            assert "step-0000900.keras" in shown
            assert "LJ001-0005" not in shown
            assert "1 with 'KERAS'" in shown
            kept = await press(pilot, ["enter", "v", "v"])
            assert "Nothing here has 'KERAS' in it." in kept
            assert "line 0" not in kept
            back = await press(pilot, ["escape"])
            assert "line 059" in back
            assert "KERAS" not in back
            assert isinstance(pilot.app.focused, Lines)
            shown = await press(pilot, ["slash", *"line 01"])
            assert sum("line 01" in line for line in shown.splitlines()) >= 10
            assert "line 02" not in shown

        drive(PaneApp(EventsPane(), run()), script)

    def test_a_click_on_a_name_shows_that_view(self):
        async def script(pilot):
            row = screen_text(pilot.app).splitlines()[0]
            await pilot.click("#views", offset=(row.index("log"), 0))
            await pilot.pause()
            assert "line 059" in screen_text(pilot.app)

        drive(PaneApp(EventsPane(), run()), script)

    def test_the_log_follows_unless_it_is_scrolled_up(self):
        async def script(pilot):
            app = pilot.app
            await press(pilot, ["v", "v"])
            more = tuple(f"2026-11-20T10:01:{second:02d}+00:00  later {second:03d}" for second in range(3))
            app.pane.show([replace(run(), log=LOG + more)])
            await pilot.pause()
            assert "later 002" in screen_text(app)
            await press(pilot, ["pageup"])
            await pilot.wait_for_animation()
            before = without_scrollbar(app)
            app.pane.show([replace(run(), log=LOG[3:] + more + (LOG[0],))])
            await pilot.pause()
            assert without_scrollbar(app) == before

        drive(PaneApp(EventsPane(), run()), script, (80, 24))

    def test_nothing_is_drawn_again_when_nothing_has_changed(self):
        async def script(pilot):
            lines = pilot.app.query_one(Lines)._lines
            pilot.app.pane.show([replace(run(), time=NOW + 5)])
            assert pilot.app.query_one(Lines)._lines is lines

        drive(PaneApp(EventsPane(), run()), script)

    def test_a_run_without_anything_yet(self):
        async def script(pilot):
            assert "No events yet" in screen_text(pilot.app)
            assert "no recipe.toml yet" in await press(pilot, ["v"])
            assert "no log.txt yet" in await press(pilot, ["v"])

        drive(PaneApp(EventsPane(), snapshot(summary={"state": "starting"})), script)
