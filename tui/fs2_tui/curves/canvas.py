"""Curves as characters: dots in braille patterns, 2 x 4 to a character, or 1 x 3 in ASCII."""

from collections.abc import Hashable

_LEFT, _RIGHT = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)  # the bits of U+2800 from top to bottom


def _patterns(dots: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sum(dot for row, dot in enumerate(dots) if bits >> row & 1) for bits in range(16))


_BRAILLE = _patterns(_LEFT), _patterns(_RIGHT)
ASCII_DOTS = " '-!.:;|"  # by the dots set: 1 the upper, 2 the middle, 4 the lower one


class Layer:
    """The dots of one curve. Each dot column is an integer whose bit y is the dot y rows below the top.

    `ink` says how it is coloured, in the caller's words. Where layers meet in a character only those of the highest
    `level` are drawn. In ASCII, a `glyph` stands for any dots; "" draws where in the character they are.
    """

    def __init__(self, columns: int, rows: int, ink: Hashable, level: int = 0, glyph: str = ""):
        self.columns = [0] * columns
        self.rows = rows
        self.ink, self.level, self.glyph = ink, level, glyph

    def span(self, x: int, y: float, other: float) -> None:
        """Set the dots of a column from height `y` to `other`, in dots below the top; what lies outside is cut off."""
        first, last = round(min(y, other)), round(max(y, other))
        if 0 <= x < len(self.columns) and last >= 0 and first < self.rows:
            first, last = max(first, 0), min(last, self.rows - 1)
            self.columns[x] |= ((1 << (last - first + 1)) - 1) << first

    def line(self, x: int, y: float, to_x: int, to_y: float) -> None:
        """Set the dots of a straight line from left to right."""
        if to_x <= x:
            self.span(x, y, to_y)
            return
        slope = (to_y - y) / (to_x - x)
        for column in range(max(x, 0), min(to_x, len(self.columns) - 1) + 1):
            start, end = max(column - 0.5, x), min(column + 0.5, to_x)
            self.span(column, y + slope * (start - x), y + slope * (end - x))


class Canvas:
    """Layers of dots, with single characters under and over them."""

    def __init__(self, width: int, height: int, unicode: bool = True):
        self.width, self.height, self.unicode = width, height, unicode
        self.across, self.down = (2, 4) if unicode else (1, 3)  # dots in a character
        self._layers: list[Layer] = []
        self._under: dict[tuple[int, int], tuple[str, Hashable]] = {}
        self._over: dict[tuple[int, int], tuple[str, Hashable]] = {}

    @property
    def dot_columns(self) -> int:
        return self.width * self.across

    @property
    def dot_rows(self) -> int:
        return self.height * self.down

    def layer(self, ink: Hashable, level: int = 0, glyph: str = "") -> Layer:
        """A new layer over the others of its level."""
        self._layers.append(Layer(self.dot_columns, self.dot_rows, ink, level, glyph))
        return self._layers[-1]

    def under(self, column: int, row: int, character: str, ink: Hashable) -> None:
        """Write a character that is seen where there are no dots."""
        self._under[row, column] = character, ink

    def over(self, column: int, row: int, character: str, ink: Hashable) -> None:
        """Write a character in front of everything."""
        self._over[row, column] = character, ink

    def rows(self) -> list[list[tuple[str, Hashable]]]:
        """Every row as stretches of text of one ink; None is the ink of nothing."""
        cells: list[list[tuple[str, Hashable]]] = [[(" ", None)] * self.width for _ in range(self.height)]
        self._write(cells, self._under)
        self._write_dots(cells)
        self._write(cells, self._over)
        return [stretches(row) for row in cells]

    def _write(self, cells: list, characters: dict[tuple[int, int], tuple[str, Hashable]]) -> None:
        for (row, column), cell in characters.items():
            if 0 <= row < self.height and 0 <= column < self.width:
                cells[row][column] = cell

    def _write_dots(self, cells: list) -> None:
        levels = [[-1] * self.width for _ in range(self.height)]
        bits = [[0] * self.width for _ in range(self.height)]
        for layer in sorted(self._layers, key=lambda layer: layer.level):
            for column in range(self.width):
                for row, pattern in self._patterns(layer, column):
                    if levels[row][column] == layer.level:
                        pattern |= bits[row][column]
                    bits[row][column], levels[row][column] = pattern, layer.level
                    cells[row][column] = self._character(layer, pattern), layer.ink

    def _patterns(self, layer: Layer, column: int) -> list[tuple[int, int]]:
        """(row, dots) of each character of a column in which the layer has dots."""
        left, right = layer.columns[column * self.across], layer.columns[column * self.across + self.across - 1]
        either, down = left | right, self.down
        if not either:
            return []
        found = []
        for row in range(((either & -either).bit_length() - 1) // down, (either.bit_length() - 1) // down + 1):
            shift = row * down
            if not either >> shift & (1 << down) - 1:
                continue
            if self.unicode:
                found.append((row, _BRAILLE[0][left >> shift & 15] | _BRAILLE[1][right >> shift & 15]))
            else:
                found.append((row, left >> shift & 7))
        return found

    def _character(self, layer: Layer, pattern: int) -> str:
        if self.unicode:
            return chr(0x2800 | pattern)
        return layer.glyph or ASCII_DOTS[pattern]


def stretches(cells: list[tuple[str, Hashable]]) -> list[tuple[str, Hashable]]:
    """Neighbouring characters of one ink, put together."""
    found: list[tuple[str, Hashable]] = []
    text, ink = "", None
    for character, its_ink in cells:
        if its_ink != ink and text:
            found.append((text, ink))
            text = ""
        text, ink = text + character, its_ink
    return [*found, (text, ink)] if text else found
