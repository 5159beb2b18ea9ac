"""How much room a text takes on paper, and where its lines break."""

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font

from fs2keras.report.canvas import FONT

_EXACT = 100  # points at which the type is measured


def inches(text: str, size: float, bold: bool = False) -> float:
    """The width of a line of text, set in so many points, without kerning."""
    return sum(_advance(character, bold) for character in text) * size / 72


@cache
def _advance(character: str, bold: bool) -> float:
    """The width of a character as a share of the type's size."""
    font = get_font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    font.set_size(_EXACT, 72)
    glyph = font.load_glyph(font.get_char_index(ord(character)))  # the first one, a box, where there is none
    return glyph.linearHoriAdvance / 65536 / _EXACT


def wrap(text: str, room: float, size: float, bold: bool = False) -> list[str]:
    """The lines of a text where a line has so many inches; a word that is too long for a line is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if inches(longer, size, bold) <= room:
            lines[-1] = longer
            continue
        *whole, rest = _pieces(word, room, size, bold)
        lines += [*whole, rest]
    return [line for line in lines if line]


def shorten(text: str, room: float, size: float) -> str:
    """The beginning of a text that has room in a line, with an ellipsis where something is missing."""
    if inches(text, size) <= room:
        return text
    while text and inches(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text}…"


def _pieces(word: str, room: float, size: float, bold: bool) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and inches(pieces[-1] + character, size, bold) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces
