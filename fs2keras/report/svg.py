"""Charts as SVG that stands in the page: text as text, colours as the page's."""

import re
from html import escape
from io import StringIO

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fs2keras.report.canvas import FAINT, FONT, INK, PANEL, PAPER, RULE, SERIES, WIDTH, Area
from fs2keras.report.document import Chart

# The page's names of these colours: in a dark window it gives them other values.
_VARIABLES = {INK: "--ink", FAINT: "--faint", RULE: "--rule", PANEL: "--panel", PAPER: "--paper"}
_VARIABLES |= {colour: f"--series-{number}" for number, colour in enumerate(SERIES)}
_PATH = re.compile(r' d="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")


def render(chart: Chart, width: float = WIDTH) -> str:
    """A chart as an SVG element to stand in the page: text as text, colours as the page's variables, in `style`."""
    figure = Figure(figsize=(width, chart.height))
    FigureCanvasSVG(figure)
    chart.draw(Area(figure, 0.0, 0.0, width, chart.height))
    file = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": chart.name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    inside = text[text.index("<defs>") : text.rindex("</svg>")]
    inside = re.sub(r"<defs>\s*<style.*?</defs>", "", inside, count=1, flags=re.DOTALL)  # it would hold for all of them
    inside = _PATH.sub(lambda path: _DECIMALS.sub(r"\1", path[0]), inside)
    inside = _with_own_names(inside, re.sub(r"[^a-zA-Z0-9-]", "-", chart.name))  # it may be a file's name
    for colour, variable in _VARIABLES.items():
        inside = inside.replace(colour, f"var({variable})")
    box = f"0 0 {72 * width:g} {72 * chart.height:g}"
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(chart.alt)}">\n{inside}</svg>'


def _with_own_names(inside: str, name: str) -> str:
    """All charts stand in one page: a name in one of them must not be found in another."""
    inside = re.sub(r'<g id="[a-z_A-Z]+\d*_\d+">', "<g>", inside)
    inside = inside.replace(' id="', f' id="{name}-').replace("url(#", f"url(#{name}-")
    inside = inside.replace('xlink:href="#', f'href="#{name}-').replace("xlink:href", "href")
    return inside.replace(f"'{FONT}'", "system-ui, sans-serif").replace(FONT, "system-ui, sans-serif")
