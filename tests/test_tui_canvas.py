"""Dots as characters."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fs2_tui.curves.canvas import ASCII_DOTS, Canvas, Layer


def text(canvas: Canvas) -> list[str]:
    return ["".join(text for text, _ in row) for row in canvas.rows()]


def dots(canvas: Canvas) -> set[tuple[int, int]]:
    """(column, row) of every braille dot that is drawn."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    found = set()
    for row, line in enumerate(text(canvas)):
        for column, character in enumerate(line):
            bits = ord(character) - 0x2800 if character != " " else 0
            found |= {(2 * column + x, 4 * row + y) for bit, (x, y) in enumerate(places) if bits >> bit & 1}
    return found


def test_each_dot_is_its_bit_of_the_braille_character():
    for x in range(4):
        for y in range(8):
            canvas = Canvas(2, 2)
            canvas.layer("a").span(x, y, y)
            assert dots(canvas) == {(x, y)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 25), st.floats(-50, 90), st.floats(-50, 90)), max_size=12))
def test_spans_are_drawn_where_they_are_and_cut_at_the_edges(spans):
    canvas, expected = Canvas(10, 5), set()
    layer = canvas.layer("a")
    for x, y, other in spans:
        layer.span(x, y, other)
        rows = range(round(min(y, other)), round(max(y, other)) + 1)
        expected |= {(x, row) for row in rows if 0 <= x < 20 and 0 <= row < 20}
    assert dots(canvas) == expected


@settings(deadline=None)
@given(st.integers(-30, 30), st.floats(-40, 60), st.integers(0, 60), st.floats(-40, 60))
def test_a_line_has_no_gaps_and_ends_where_it_should(x, y, length, to_y):
    layer = Layer(20, 20, "a")
    layer.line(x, y, x + length, to_y)
    for column in range(20):
        bits = layer.columns[column]
        inside = x <= column <= x + length and min(y, to_y) >= 0 and max(y, to_y) < 19.4
        assert not inside or bits, "a column of the line is empty"
        following = layer.columns[column + 1] if column < 19 else 0
        if bits and following:
            grown = bits | bits << 1 | bits >> 1
            assert grown & following, "the dots of neighbouring columns do not touch"
    if 0 <= x < 20 and 0 <= round(y) < 20:
        assert layer.columns[x] >> round(y) & 1


def test_the_higher_level_hides_the_lower_one_in_its_characters_only():
    canvas = Canvas(2, 1)
    canvas.layer("raw", level=1).span(0, 0, 3)
    canvas.layer("raw", level=1).span(2, 0, 3)
    canvas.layer("smooth", level=2).span(1, 0, 0)
    assert canvas.rows() == [[(chr(0x2808), "smooth"), (chr(0x2847), "raw")]]


def test_the_same_level_is_drawn_together_in_the_later_ink():
    canvas = Canvas(1, 1)
    canvas.layer("a").span(0, 0, 0)
    canvas.layer("b").span(1, 0, 0)
    assert canvas.rows() == [[(chr(0x2809), "b")]]


def test_characters_under_and_over_the_dots():
    canvas = Canvas(3, 1)
    canvas.layer("curve").span(2, 0, 3)
    for column in range(3):
        canvas.under(column, 0, "·", "grid")
    canvas.over(2, 0, "●", "mark")
    canvas.over(7, 7, "!", "outside")
    assert canvas.rows() == [[("·", "grid"), (chr(0x2847), "curve"), ("●", "mark")]]


def test_stretches_of_one_ink_are_one_text():
    canvas = Canvas(4, 2)
    canvas.over(1, 0, "x", "a")
    canvas.over(2, 0, "y", "a")
    assert canvas.rows() == [[(" ", None), ("xy", "a"), (" ", None)], [("    ", None)]]


def test_ascii_shows_where_in_the_character_the_dots_are():
    canvas = Canvas(4, 1, unicode=False)
    layer = canvas.layer("a")
    for column, (first, last) in enumerate([(0, 0), (1, 1), (2, 2), (0, 2)]):
        layer.span(column, first, last)
    assert text(canvas) == ["'-.|"]
    canvas.layer("b", level=1, glyph="*").span(1, 0, 0)
    assert text(canvas) == ["'*.|"]
    assert len(ASCII_DOTS) == 8


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30)), max_size=20), st.booleans())
def test_rows_are_always_as_wide_as_the_canvas(points, unicode):
    canvas = Canvas(5, 4, unicode)
    layer = canvas.layer("a")
    for x, y in points:
        layer.span(x, y, y + 3)
    lines = text(canvas)
    assert [len(line) for line in lines] == [5] * 4
    assert unicode or all(line.isascii() for line in lines)
