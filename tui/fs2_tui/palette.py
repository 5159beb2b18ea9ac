"""Colours for this theme: the runs', readable on its background, and shades between background and text."""

from textual.color import Color
from textual.widget import Widget

CONTRAST = 3.0  # WCAG's least for graphics
DARK, LIGHT = Color(18, 18, 18), Color(250, 250, 250)  # where the terminal decides, and does not say


class Palette:
    """The colours for what is drawn on a widget, as the theme is now."""

    def __init__(self, widget: Widget):
        self._app = widget.app
        background = widget.background_colors[1]
        if background.a < 1 or background.ansi is not None:
            background = DARK if self._app.current_theme.dark else LIGHT
        self.background = background  # what colours are mixed with
        self.ground = widget.rich_style.bgcolor  # what is painted: the terminal's own in the themes that leave it
        self.text = LIGHT if luminance(background) < 0.5 else DARK

    def shade(self, share: float) -> Color:
        """Between the background (0) and the text (1)."""
        return self.background.blend(self.text, share)

    def run(self, index: int) -> Color:
        return readable(Color.parse(self._app.look.run_colour(index)), self.background)

    def named(self, name: str) -> Color:
        """A colour of the theme: primary, warning, error, ..."""
        return readable(Color.parse(self._app.theme_variables[name]), self.background)


def readable(colour: Color, background: Color) -> Color:
    """The colour, darker or lighter until it stands out from the background."""
    towards = Color(0, 0, 0) if luminance(background) > 0.5 else Color(255, 255, 255)
    for step in range(10):
        shade = colour.blend(towards, step / 10)
        light, dark = sorted((luminance(shade), luminance(background)), reverse=True)
        if (light + 0.05) / (dark + 0.05) >= CONTRAST:
            return shade
    return towards


def luminance(colour: Color) -> float:
    """From 0 (black) to 1 (white), as WCAG defines it."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
