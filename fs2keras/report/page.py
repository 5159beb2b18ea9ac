"""The report as one HTML file that needs nothing besides: charts, sounds, styles and script are in it."""

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import singledispatch
from html import escape
from importlib import resources
from itertools import groupby
from string import Template

from fs2keras.report import svg
from fs2keras.report.canvas import style
from fs2keras.report.document import Block, Chart, Heading, Listing, Section, Sound, Sounds, Table, Text
from fs2keras.report.samples import PICTURE_WIDTH

_SIZE = 9.5  # of the type in charts, points where they are 10 inches wide
_TALL = 2.5  # inches: higher pictures get the whole width


def render(title: str, made: str, sections: Sequence[Section], report: Callable[[str], None]) -> str:
    """The page. `made` says in a sentence by whom and when."""
    template = Template(resources.files("fs2keras.report").joinpath("page.html").read_text(encoding="utf-8"))
    chapters = [f'<li><a href="#{section.name}">{escape(section.title)}</a></li>' for section in sections]
    parts = []
    with style(_SIZE):
        for section in sections:
            report(f"HTML: {section.title}")
            parts.append(_section(section))
    return template.substitute(
        title=escape(title), made=escape(made), chapters="\n".join(chapters), sections="\n".join(parts)
    )


def _section(section: Section) -> str:
    name = escape(section.name)
    return "\n".join(
        [
            f'<section aria-labelledby="{name}">',
            f'<h2 id="{name}">{escape(section.title)}</h2>',
            *_blocks(section.blocks),
            "</section>",
        ]
    )


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    """Sentences that follow one another become a list."""
    for is_text, group in groupby(blocks, lambda block: isinstance(block, Text)):
        found = list(group)
        if is_text and len(found) > 2:
            yield '<ul class="said">'
            yield from (f"<li{_warns(text)}>{escape(text.text)}</li>" for text in found)
            yield "</ul>"
        else:
            yield from map(_html, found)


@singledispatch
def _html(block: Block) -> str:
    raise TypeError(f"{type(block).__name__} is no block of a page")


@_html.register
def _(text: Text) -> str:
    return f"<p{_warns(text)}>{escape(text.text)}</p>"


@_html.register
def _(heading: Heading) -> str:
    return f"<h3>{escape(heading.title)}</h3>"


@_html.register
def _(table: Table) -> str:
    heads = "".join(f'<th scope="col"{_flush(table, i)}>{escape(head)}</th>' for i, head in enumerate(table.heads))
    rows = "\n".join(_row(table, row) for row in table.rows)
    title = escape(table.title)
    caption = "" if table.folded else f"<caption>{title}</caption>"
    inside = f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>"
    # What is wider than the window can be scrolled with the keyboard.
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">{inside}</div>'
    return f"<details><summary>{title}</summary>{scroll}</details>" if table.folded else scroll


@_html.register
def _(chart: Chart) -> str:
    return "\n".join(
        [
            "<figure>",
            f"<h3>{escape(chart.title)}</h3>" if chart.title else "",
            f'<div class="chart">{svg.render(chart)}</div>',
            f"<figcaption>{escape(chart.caption)}</figcaption>",
            "</figure>",
        ]
    )


@_html.register
def _(sounds: Sounds) -> str:
    cards = "\n".join(_card(sound) for sound in sounds.sounds)
    return f'<h3>{escape(sounds.title)}</h3>\n<div class="cards">\n{cards}\n</div>'


@_html.register
def _(listing: Listing) -> str:
    return f"<details><summary>{escape(listing.title)}</summary><pre>{escape(listing.text)}</pre></details>"


def _card(sound: Sound) -> str:
    wide = sound.picture and sound.picture.height > _TALL
    parts = [f'<article class="card{" wide" if wide else ""}">', f"<h4>{escape(sound.title)}</h4>"]
    if sound.sentence and sound.sentence != sound.title:
        parts.append(f'<p class="sentence">{escape(sound.sentence)}</p>')
    if sound.flac:
        label = escape(f"{sound.title} {sound.sentence}".strip())
        data = base64.b64encode(sound.flac).decode("ascii")
        parts.append(
            f'<audio controls preload="metadata" aria-label="{label}" src="data:audio/flac;base64,{data}"></audio>'
        )
    if sound.problem:
        parts.append(f"<p>{escape(sound.problem)}</p>")
    if sound.picture:
        parts.append(svg.render(sound.picture, PICTURE_WIDTH))
    return "\n".join([*parts, "</article>"])


def _row(table: Table, row: Sequence[str]) -> str:
    if len(row) == 1:
        return f'<tr><th class="among" scope="colgroup" colspan="{len(table.heads)}">{escape(row[0])}</th></tr>'
    cells = [f'<th scope="row"{_flush(table, 0)}>{escape(row[0])}</th>']
    cells += [f"<td{_flush(table, i)}>{escape(cell)}</td>" for i, cell in enumerate(row[1:], 1)]
    return f"<tr>{''.join(cells)}</tr>"


def _flush(table: Table, column: int) -> str:
    return ' class="number"' if column in table.numbers else ""


def _warns(text: Text) -> str:
    return ' class="warns"' if text.warns else ""
