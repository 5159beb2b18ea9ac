"""A picture as terminal cells: two pixels a cell with half blocks, or shades of ink in ASCII."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from fs2keras.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

Mode = Literal["true", "256", "ascii"]
INK = " .:-=+*#%@"  # from little to much
# Few enough that neighbours often share a cell's colours, which is less to send over SSH; nobody sees the difference.
_COLOURS = 96
# Of a terminal's 256 colours those that viridis passes, each brighter than the one before, and paper and ink.
# The nearest of all 256 would be muddy, and now and then brighter where the spectrogram is darker.
_OF_256 = (53, 54, 24, 30, 36, 78, 113, 149, 184, 220, 16, 252, 231)


@dataclass(frozen=True, eq=False)  # told apart by identity: it is looked up in caches
class Picture:
    """A decoded picture; `seconds` is how much time its width shows, None when the file does not say."""

    image: "Image.Image"  # RGB
    seconds: float | None


def open_picture(path: Path) -> Picture:
    """The spectrogram in a png, cut out where the file's text entry `spectrogram` says that it stands; the whole
    picture (and no `seconds`) without one. UserError when it cannot be read."""
    try:
        from PIL import Image
    except ImportError as error:
        raise UserError("Drawing pictures needs Pillow. Install it: pip install pillow") from error
    try:
        with Image.open(path) as file:
            box, seconds = _entries(getattr(file, "text", {}), file.size)
            image = file.convert("RGBA")
            paper = Image.new("RGBA", image.size, "white")
            return Picture(Image.alpha_composite(paper, image).convert("RGB").crop(box), seconds)
    except FileNotFoundError as error:
        raise UserError(f"There is no picture {path.name} beside the sound.") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # SyntaxError: a broken png
        raise UserError(f"{path.name} cannot be drawn: it is not a whole picture. The trainer may be at it.") from error


def _entries(text: dict[str, str], size: tuple[int, int]) -> tuple[tuple[int, int, int, int], float | None]:
    whole = (0, 0, *size)
    try:
        left, top, right, bottom = (int(edge) for edge in text["spectrogram"].split())
        seconds = float(text["seconds"])
    except (KeyError, ValueError):
        return whole, None
    inside = 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    return ((left, top, right, bottom), seconds) if inside and 0 < seconds < 1e6 else (whole, None)


def draw(image: "Image.Image", columns: int, rows: int, mode: Mode) -> list[list[Segment]]:
    """The RGB picture as `rows` lines of `columns` cells each, stretched to fill them."""
    if columns < 1 or rows < 1:
        return []
    if mode == "ascii":
        return _ink(image, columns, rows)
    palette, pixels = _indexed(image, columns, 2 * rows, mode)
    lines = []
    for row in range(rows):
        upper = pixels[2 * row * columns : (2 * row + 1) * columns]
        lower = pixels[(2 * row + 1) * columns : (2 * row + 2) * columns]
        cells = groupby(zip(upper, lower, strict=True))
        lines.append([Segment("▀" * len(list(same)), _style(palette[a], palette[b])) for (a, b), same in cells])
    return lines


@lru_cache(maxsize=16384)
def _style(upper: Color, lower: Color) -> Style:
    return Style.from_color(upper, lower)


def _ink(image: "Image.Image", columns: int, rows: int) -> list[list[Segment]]:
    """Brighter is more ink, as the loud is brighter in a spectrogram; the picture's own range is used in full."""
    from PIL import Image, ImageOps

    grey = ImageOps.autocontrast(image.convert("L").resize((columns, rows), Image.Resampling.LANCZOS))
    text = "".join(INK[value * len(INK) // 256] for value in grey.tobytes())
    return [[Segment(text[start : start + columns])] for start in range(0, columns * rows, columns)]


def _indexed(image: "Image.Image", columns: int, rows: int, mode: Mode) -> tuple[list[Color], bytes]:
    """A palette, and for each pixel of the resized picture its place in it."""
    from PIL import Image

    small = image.resize((columns, rows), Image.Resampling.LANCZOS)
    if mode == "256":
        indexed = small.quantize(palette=_terminal_palette(), dither=Image.Dither.NONE)
        return [Color.from_ansi(number) for number in _OF_256], indexed.tobytes()
    indexed = small.quantize(_COLOURS, dither=Image.Dither.NONE)
    values = indexed.getpalette()
    return [Color.from_rgb(*values[at : at + 3]) for at in range(0, len(values), 3)], indexed.tobytes()


@lru_cache(maxsize=1)
def _terminal_palette() -> "Image.Image":
    from PIL import Image

    palette = Image.new("P", (1, 1))
    palette.putpalette([value for number in _OF_256 for value in Color.from_ansi(number).get_truecolor()])
    return palette
