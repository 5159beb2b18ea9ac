"""Boxes and sparklines, out of which the overview is made."""

from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from textual.app import App
from tui_pilot import drive, screen_text

from fs2_tui.box import Box
from fs2_tui.sparkline import sparkline

BLOCKS = " .:-=+*#@"


class OneBox(App):
    def compose(self):
        yield Box("Progress")


def test_a_box_shows_the_newest_and_lays_out_only_when_its_height_changes(monkeypatch):
    layouts = []
    update = Box.update

    def counting(self, content, *, layout=True):
        layouts.append(layout)
        update(self, content, layout=layout)

    monkeypatch.setattr(Box, "update", counting)

    async def script(pilot):
        box = pilot.app.query_one(Box)
        texts = []
        for words in ("one", "one", "two", "three\nlines\nnow"):
            box.show(Text(words))
            await pilot.pause()
            texts.append(screen_text(pilot.app))
        return texts

    texts = drive(OneBox(), script, (40, 10))
    assert "one" in texts[1]
    assert "two" in texts[2]
    assert "one" not in texts[2]
    assert "lines" in texts[3]
    assert layouts == [True, False, True]  # the second "one" is not drawn again


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(1, 80))
def test_a_sparkline_has_a_bar_for_each_share(values, width):
    line = sparkline(values, width, BLOCKS)
    assert len(line) == min(width, len(values))
    assert set(line) <= set(BLOCKS[1:])


def test_a_sparkline_is_as_high_as_the_means():
    assert sparkline([0, 0, 7, 7], 2, BLOCKS) == ".@"
    assert sparkline([3, 3], 2, BLOCKS) == "=="
    assert sparkline([0, nan, nan, nan, 7, inf], 3, BLOCKS) == ".!@"
    assert sparkline([], 5, BLOCKS) == ""
