"""The report on paper: A4 pages, to be read in grey as well."""

import re
import textwrap
from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fs2keras.report.canvas import FAINT, INK, RULE, WIDTH, Area, style
from fs2keras.report.document import Block, Chart, Heading, Listing, Section, Sound, Sounds, Table, Text
from fs2keras.report.typeset import inches, shorten, wrap

# Inches.
_PAGE = (8.27, 11.69)
_MARGIN, _FOOT = 0.65, 0.75
_INNER = _PAGE[0] - 2 * _MARGIN
_SIZE = 8.0  # of the type, points
_LINE = 1.35 * _SIZE / 72
_BASELINE = 0.8  # of a line's height, from above
_INDENT = 0.12  # of sentences
_GAP = 0.16  # between two columns of a table
_LEAST = 0.4  # a column is never narrower
_CODE = 62  # characters of a listing in a line

_Cells = Sequence[Sequence[str]]  # the lines of each cell of a row


def write(path: Path, title: str, made: str, sections: Sequence[Section], report: Callable[[str], None]) -> int:
    """Writes the PDF and returns the number of its pages."""
    with style(_SIZE):
        paper = _Paper(title, made)
        for section in sections:
            report(f"PDF: {section.title}")
            paper.heading(section.title, section.blocks[0])
            for block in section.blocks:
                paper.add(block)
        with PdfPages(path, metadata={"Title": title, "Creator": "fs2keras"}) as file:
            for number, page in enumerate(paper.pages, 1):
                report(f"PDF: page {number} of {len(paper.pages)}")
                paper.foot(page, number)
                file.savefig(page)
            report("PDF: embedding the type")
    return len(paper.pages)


class _Paper:
    """Pages that are filled from above; `_y` is how far the last one is."""

    def __init__(self, title: str, made: str):
        self.pages: list[Figure] = []
        self._title = title
        self._new_page()
        self._text(title, 2.0, bold=True)
        self._text(made, color=FAINT)

    def heading(self, title: str, first: Block) -> None:
        self._need(0.6 + self._room_of(first))  # never alone at the end of a page
        self._y += 0.22
        self._rule(self._y)
        self._y += 0.08
        self._text(title, 1.45, bold=True)
        self._y += 0.04

    def foot(self, page: Figure, number: int) -> None:
        area = Area(page, _MARGIN, 0.0, _INNER, _PAGE[1])
        look = {"color": FAINT, "fontsize": 0.85 * _SIZE}
        area.text(0.0, _PAGE[1] - 0.45, shorten(self._title, 0.8 * _INNER, 0.85 * _SIZE), **look)
        area.text(_INNER, _PAGE[1] - 0.45, f"page {number} of {len(self.pages)}", ha="right", **look)

    def _room_of(self, block: Block) -> float:
        """Inches that must be left on a page for a block to begin on it."""
        if isinstance(block, Chart):
            return _drawn(block) + _LINE * (len(wrap(block.caption, _INNER, _SIZE)) + 1.5) + 0.2
        if isinstance(block, Text):
            return len(wrap(block.text, _INNER - _INDENT, _SIZE)) * _LINE + 0.06
        if isinstance(block, Sounds):
            heights = [sound.picture.height for sound in _printed(block)[:2]]
            return 0.75 * max(heights, default=0.0) + 3.5 * _LINE + 0.3
        return 8 * _LINE + 0.3

    @singledispatchmethod
    def add(self, block: Block) -> None:
        raise TypeError(f"{type(block).__name__} is no block of a page")

    @add.register
    def _(self, text: Text) -> None:
        self._need(self._room_of(text))
        begin = self._y
        self._text(text.text, indent=_INDENT)
        if text.warns:
            self._line(0.03, begin, 0.03, self._y, linewidth=2.0)
        self._y += 0.05

    @add.register
    def _(self, heading: Heading) -> None:
        self._need(6 * _LINE)
        self._y += 0.1
        self._text(heading.title, bold=True)
        self._y += 0.05

    @add.register
    def _(self, chart: Chart) -> None:
        self._need(self._room_of(chart))
        self._y += 0.1
        if chart.title:
            self._text(chart.title, bold=True)
        self._y += 0.05
        chart.draw(self._area(_drawn(chart)))
        self._y += _drawn(chart)
        self._text(chart.caption, color=FAINT)
        self._y += 0.1

    @add.register
    def _(self, sounds: Sounds) -> None:
        shown = _printed(sounds)
        width = _INNER / 2
        for first in range(0, len(shown), 2):
            pair = shown[first : first + 2]
            height = max(sound.picture.height for sound in pair) * 0.75
            self._need(height + 3.5 * _LINE + (0.3 if first == 0 else 0.0))
            if first == 0:
                self._y += 0.1
                self._text(sounds.title, bold=True)
                self._y += 0.05
            for i, sound in enumerate(pair):
                area = Area(self.pages[-1], _MARGIN + i * width, self._y, width - 0.1, height)
                area.text(0.0, 0.0, shorten(sound.title, area.width, _SIZE), color=FAINT)
                sound.picture.draw(Area(area.figure, area.left, area.top + 1.4 * _LINE, area.width, height))
            self._y += height + 2.0 * _LINE

    @add.register
    def _(self, listing: Listing) -> None:
        """In two columns, comments left out."""
        text = re.sub(r"\s+#[^\"\n]*$", "", listing.text, flags=re.MULTILINE)
        lines = [
            part for line in text.splitlines() for part in textwrap.wrap(line, _CODE, subsequent_indent="    ") or [""]
        ]
        self._text(listing.title, bold=True)
        self._y += 0.05
        spacing, size = 1.3, 0.8 * _SIZE
        step = spacing * size / 72
        while lines:
            self._need(12 * step)
            room = int((_PAGE[1] - _FOOT - self._y) / step)
            each = min(room, -(-len(lines) // 2))
            for column in range(2):
                inside = "\n".join(lines[:each])
                lines = lines[each:]
                area = self._area(each * step)
                look = {"family": "DejaVu Sans Mono", "fontsize": size, "linespacing": spacing}
                area.text(column * _INNER / 2, 0.0, inside, **look)
            self._y += each * step + 0.1

    @add.register
    def _(self, table: Table) -> None:
        if table.folded:
            return
        widths = _widths(table)
        heads = _cells(table.heads, widths)
        self._need((_height(heads) + 5) * _LINE + 0.3)
        self._y += 0.12
        self._text(table.title, bold=True)
        self._y += 0.05
        self._row(table, heads, widths, color=FAINT)
        for row in table.rows:
            cells = [[row[0]]] if len(row) == 1 else _cells(row, widths)
            if self._need(_height(cells) * _LINE + 0.08):
                self._row(table, heads, widths, color=FAINT)
            if len(row) == 1:
                self._y += 0.04
                self._text(row[0], bold=True)
            else:
                self._row(table, cells, widths)
        self._y += 0.1

    def _row(self, table: Table, cells: _Cells, widths: Sequence[float], color: str = INK) -> None:
        area, left = self._area(0.0), 0.0
        for column, (lines, width) in enumerate(zip(cells, widths, strict=True)):
            flush = column in table.numbers
            look = {"va": "baseline", "ha": "right" if flush else "left", "color": color}
            for i, line in enumerate(lines):
                area.text(left + (width if flush else 0.0), (i + _BASELINE) * _LINE, line, **look)
            left += width + _GAP
        self._y += _height(cells) * _LINE + 0.03
        self._rule(self._y - 0.01, min(left - _GAP, _INNER))
        self._y += 0.02

    def _text(self, text: str, scale: float = 1.0, bold: bool = False, indent: float = 0.0, color: str = INK) -> None:
        look = {"va": "baseline", "fontsize": scale * _SIZE, "weight": "bold" if bold else "normal", "color": color}
        for line in wrap(text, _INNER - indent, scale * _SIZE, bold):
            self._area(0.0).text(indent, _BASELINE * scale * _LINE, line, **look)
            self._y += scale * _LINE

    def _area(self, height: float) -> Area:
        return Area(self.pages[-1], _MARGIN, self._y, _INNER, height)

    def _need(self, height: float) -> bool:
        """Begins a new page where there is not so much room; whether it did."""
        if self._y + height <= _PAGE[1] - _FOOT or self._y <= _MARGIN:
            return False
        self._new_page()
        return True

    def _new_page(self) -> None:
        self.pages.append(Figure(figsize=_PAGE))
        self._y = _MARGIN

    def _rule(self, y: float, width: float = _INNER) -> None:
        self._line(0.0, y, width, y, linewidth=0.5)

    def _line(self, x0: float, y0: float, x1: float, y1: float, linewidth: float) -> None:
        area = Area(self.pages[-1], _MARGIN, 0.0, _INNER, _PAGE[1])
        (a, b), (c, d) = area.point(x0, y0), area.point(x1, y1)
        line = Line2D([a, c], [b, d], color=RULE if linewidth < 1 else INK, linewidth=linewidth)
        area.figure.add_artist(line)


def _drawn(chart: Chart) -> float:
    """Inches of a chart's height on paper: it is narrower than in the page, but its margins are not."""
    return chart.height * (0.55 + 0.45 * _INNER / WIDTH)


def _printed(sounds: Sounds) -> list[Sound]:
    return [sound for sound in sounds.sounds if sound.printed and sound.picture]


def _widths(table: Table) -> list[float]:
    """Inches of each column: as its widest cell and the longest word of its head need. Where that is too much, the
    widest ones give way; where room is left, heads get it, so that they stand in one line."""
    rows = [row for row in table.rows if len(row) == len(table.heads)]
    widths = []
    for column, head in enumerate(table.heads):
        parts = [*(row[column] for row in rows), *head.split()]
        widths.append(max([_LEAST, *(inches(part, _SIZE) + 0.01 for part in parts)]))
    room = _INNER - _GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 0.05
    for column, head in enumerate(table.heads):
        more = inches(head, _SIZE) + 0.01 - widths[column]
        widths[column] += more if 0 < more <= room - sum(widths) else 0.0
    return widths


def _cells(row: Sequence[str], widths: Sequence[float]) -> _Cells:
    return [wrap(cell, width, _SIZE) or [""] for cell, width in zip(row, widths, strict=True)]


def _height(cells: _Cells) -> int:
    return max(map(len, cells))
