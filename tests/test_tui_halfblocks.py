"""Pictures as terminal cells."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tui_panes import write_png

from fs2_tui.samples.halfblocks import INK, draw, open_picture
from fs2keras.errors import UserError

RED, BLUE, BLACK, WHITE = (255, 0, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


def image(*rows):
    picture = Image.new("RGB", (len(rows[0]), len(rows)))
    picture.putdata([pixel for row in rows for pixel in row])
    return picture


def cells(lines):
    """(character, upper colour, lower colour) of each cell of each line."""
    return [
        [(character, segment.style.color.triplet, segment.style.bgcolor.triplet) for character in segment.text]
        for line in lines
        for segment in line
    ]


def test_a_cell_is_two_pixels():
    lines = draw(image([RED, RED, BLUE], [BLUE, BLUE, RED]), 3, 1, "true")
    assert [segment.text for segment in lines[0]] == ["▀▀", "▀"]  # neighbours of the same colours are one segment
    assert cells(lines) == [[("▀", RED, BLUE)] * 2, [("▀", BLUE, RED)]]


def test_256_colours_are_named_by_their_numbers():
    viridis = [(68, 1, 84), (33, 145, 140), (253, 231, 37)]
    (line,) = draw(image(viridis, viridis), 3, 1, "256")
    numbers = [segment.style.color.number for segment in line]
    assert numbers == [segment.style.bgcolor.number for segment in line]
    assert numbers == [53, 30, 220]


def test_ascii_has_more_ink_where_it_is_brighter():
    ramp = [(level, level, level) for level in range(60, 160, 10)]
    ((segment,),) = draw(image(ramp), len(ramp), 1, "ascii")
    assert segment.text == INK
    assert segment.style is None


@pytest.mark.parametrize("mode", ["true", "256", "ascii"])
@given(columns=st.integers(0, 40), rows=st.integers(0, 20), width=st.integers(1, 30), height=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_the_room_is_filled_exactly(mode, columns, rows, width, height):
    lines = draw(Image.effect_noise((width, height), 90).convert("RGB"), columns, rows, mode)
    assert len(lines) == (rows if columns else 0)
    assert all(sum(len(segment.text) for segment in line) == columns for line in lines)


class TestOpen:
    PIXELS = [[WHITE] * 6, [WHITE, RED, BLUE, RED, BLUE, WHITE], [WHITE, BLUE, RED, BLUE, RED, WHITE], [WHITE] * 6]

    def test_cuts_out_what_the_file_names(self, tmp_path):
        path = write_png(tmp_path / "a.png", self.PIXELS, {"spectrogram": "1 1 5 3", "seconds": "2.5"})
        picture = open_picture(path)
        assert picture.seconds == 2.5
        assert picture.image.size == (4, 2)
        assert picture.image.getpixel((0, 0)) == RED

    @pytest.mark.parametrize(
        "text",
        [
            {},
            {"seconds": "2.5"},
            {"spectrogram": "1 1 5 3"},
            {"spectrogram": "1 1 7 3", "seconds": "2.5"},
            {"spectrogram": "5 1 1 3", "seconds": "2.5"},
            {"spectrogram": "1 1 5", "seconds": "2.5"},
            {"spectrogram": "1 1 5 3", "seconds": "nan"},
            {"spectrogram": "one 1 5 3", "seconds": "2.5"},
        ],
    )
    def test_takes_the_whole_picture_when_the_entry_is_missing_or_wrong(self, tmp_path, text):
        picture = open_picture(write_png(tmp_path / "a.png", self.PIXELS, text))
        assert picture.seconds is None
        assert picture.image.size == (6, 4)

    def test_transparent_is_paper(self, tmp_path):
        Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "a.png")
        assert open_picture(tmp_path / "a.png").image.getpixel((0, 0)) == WHITE

    def test_a_missing_picture_is_named(self, tmp_path):
        with pytest.raises(UserError, match="no picture 01.png"):
            open_picture(tmp_path / "01.png")

    @given(cut=st.integers(0, 200), data=st.binary(max_size=40))
    @settings(max_examples=60, deadline=None)
    def test_a_broken_picture_is_drawn_or_named(self, tmp_path_factory, cut, data):
        path = tmp_path_factory.mktemp("png") / "a.png"
        write_png(path, self.PIXELS, {"spectrogram": "1 1 5 3", "seconds": "2.5"})
        whole = path.read_bytes()
        Path(path).write_bytes(whole[:cut] + data + whole[cut + len(data) :])
        problem = ""
        try:
            assert open_picture(path).image.mode == "RGB"
        except UserError as error:
            problem = str(error)
        assert problem == "" or "a.png cannot be drawn" in problem
