"""A page to listen on: the same sentences spoken by one or several systems, openly or as a blind comparison."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from io import BytesIO
from pathlib import Path
from string import Template

import numpy as np
import soundfile
from PIL import Image

from fs2keras.rundir.atomic import write_text

# Pixels.
_PER_SECOND = 80
_PICTURE = 104  # height of a spectrogram
_NAME = 22  # height of the name above it
_AXIS = 26
_BANDS = 52  # width of the numbers beside it

_GREYS = 16  # 2 kB for each second, 256 would need 5
_RANGE = 80 * math.log(10) / 20  # nepers, 80 dB: what is quieter beside the loudest is as white as silence
_BLOCK = 1 << 16  # samples; libvorbis keeps on the stack what it is given at once, and a minute overflows it


@dataclass(frozen=True, eq=False)
class Sound:
    """What one of the page's systems made of a sentence.

    `samples` (S,) are float32 in -1..1, `mel` (T, M) is their log-mel spectrogram, over the whole of their length;
    `facts` are shown beside it, such as ("mcd_espnet", "8.1 dB").
    """

    system: str
    samples: np.ndarray
    sample_rate: int
    mel: np.ndarray
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, eq=False)
class Item:
    """One sentence. A system may be missing from `sounds`; `problem` then says why, in words."""

    id: str
    text: str
    sounds: tuple[Sound, ...]
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """A table to stand on the page, rows as long as the head."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_page(
    path: str | Path,
    *,
    title: str,
    summary: Sequence[tuple[str, str]],
    systems: Sequence[str],
    items: Sequence[Item],
    tables: Sequence[Table] = (),
    blind: bool = False,
    reference: str | None = None,
) -> None:
    """Write one HTML file, atomically, that needs nothing besides: sounds, pictures, styles and script are in it.

    About 11 kB for each second of sound. `summary` is a table of (name, value) above the items; the sounds of an item
    are shown in the order of `systems`.

    blind: the browser shuffles the systems of each item and calls them A, B, C; the listener chooses the best of each,
    and only then sees names, facts, pictures, summary and tables. `title`, ids and texts are never hidden.

    reference: the one of `systems` that a blind page shows by its name and that nobody chooses, such as "recording".

    Raises UserError when the file cannot be written, ValueError for a sound of a system that is not one of `systems`.
    """
    order = {system: index for index, system in enumerate(systems)}
    for sound in (sound for item in items for sound in item.sounds):
        if sound.system not in order:
            raise ValueError(f"a sound of {sound.system!r}, which is not one of the systems {', '.join(systems)}")
    shown = [sorted(item.sounds, key=lambda sound: order[sound.system]) for item in items]
    # The systems that are named, and the keys that play them; the others of a blind page get 1, 2, 3 when shuffled.
    openly = {reference: 0} if blind else {system: index + 1 for system, index in order.items()}
    articles = [
        _article(item, sounds, openly, blind, number)
        for number, (item, sounds) in enumerate(zip(items, shown, strict=True))
    ]
    template = Template(resources.files("fs2keras.evaluation").joinpath("listening.html").read_text(encoding="utf-8"))
    above, below = _summary(summary), "\n".join(_table(table) for table in tables)
    page = template.substitute(
        title=escape(title),
        mode="blind" if blind else "open",
        summary="" if blind else above,
        items="\n".join(articles) or "<p>No sentences to hear.</p>",
        tables="" if blind else below,
        sealed=_sealed(systems, items, shown, above + below) if blind else "",
        digest=_digest(systems, items, shown),
        bands=_BANDS,
    )
    write_text(path, page)


def _sealed(systems: Sequence[str], items: Sequence[Item], shown: Sequence[Sequence[Sound]], tables: str) -> str:
    """What a blind page tells at the end, in base64: nobody should read it by looking at the page's source."""
    order = {system: index for index, system in enumerate(systems)}
    secret = {
        "systems": list(systems),
        "sounds": [[order[sound.system] for sound in sounds] for sounds in shown],
        "facts": [_facts(sounds) for sounds in shown],
        "problems": [item.problem for item in items],
        "tables": tables,
    }
    return base64.b64encode(json.dumps(secret).encode()).decode("ascii")


def _digest(systems: Sequence[str], items: Sequence[Item], shown: Sequence[Sequence[Sound]]) -> str:
    """Names what is compared: answers that were given to another page are not taken for answers to this one."""
    digest = hashlib.sha256("\0".join([*systems, *(item.id for item in items)]).encode())
    for sound in (sound for sounds in shown for sound in sounds):
        digest.update(np.ascontiguousarray(sound.samples, np.float32))
    return digest.hexdigest()[:12]


def _summary(rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return "<table>\n" + "\n".join(cells) + "\n</table>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return (
        f'<div class="wide" tabindex="0"><table><caption>{escape(table.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _article(item: Item, sounds: Sequence[Sound], openly: Mapping[str | None, int], blind: bool, number: int) -> str:
    """An item. On a blind page only the systems in `openly` are named; what the script shows later is hidden."""
    voters = sum(sound.system not in openly for sound in sounds)
    parts = [
        f'<article tabindex="-1" aria-labelledby="item-{number}">',
        f'<h2 id="item-{number}">{escape(item.id)}</h2>',
        f'<p class="transcript">{escape(item.text)}</p>',
    ]
    if item.problem:
        problem = "Not every voice could speak this sentence." if blind else item.problem
        parts.append(f'<p class="problem">{escape(problem)}</p>')
    if sounds:
        rows = [_row(sound, index, openly.get(sound.system)) for index, sound in enumerate(sounds)]
        facts = "" if blind else _facts(sounds)
        parts += ['<div class="body"><div>', '<ul class="sounds">', *rows, "</ul>"]
        parts += [_vote(number, voters)] if voters > 1 else []
        parts += [_pictures(sounds, openly, blind), f'</div><div class="facts">{facts}</div></div>']
    return "\n".join([*parts, "</article>"])


def _row(sound: Sound, index: int, digit: int | None) -> str:
    """A player with its key; the script gives it one, and a letter for a name, where there is no `digit`."""
    mime, data = _encoded(sound.samples, sound.sample_rate)
    name = "" if digit is None else escape(sound.system)
    kind = 'class="sound voter"' if digit is None else f'class="sound" data-digit="{digit}"'
    return (
        f'<li {kind} data-sound="{index}">'
        f'<button type="button" class="play"></button><span class="name">{name}</span>'
        f'<input type="range" min="0" max="{sound.seconds:.6f}" step="any" value="0">'
        f'<span class="time"></span><audio preload="none" src="{_data_uri(mime, data)}"></audio></li>'
    )


def _vote(number: int, voters: int) -> str:
    choices = [(str(index), chr(ord("A") + index)) for index in range(voters)] + [("-1", "no difference")]
    labels = "\n".join(
        f'<label><input type="radio" name="vote-{number}" value="{value}"><span>{text}</span></label>'
        for value, text in choices
    )
    return f"<fieldset><legend>Which is {'better' if voters == 2 else 'best'}?</legend>\n{labels}\n</fieldset>"


def _facts(sounds: Sequence[Sound]) -> str:
    """A row for each fact, a column for each sound."""
    names = dict.fromkeys(name for sound in sounds for name, _ in sound.facts)
    if not names:
        return ""
    head = "".join(f'<th scope="col">{escape(sound.system)}</th>' for sound in sounds)
    columns = [dict(sound.facts) for sound in sounds]
    rows = (
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(column.get(name, ''))}</td>" for column in columns)
        + "</tr>"
        for name in names
    )
    return f"<table>\n<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _pictures(sounds: Sequence[Sound], openly: Mapping[str | None, int], blind: bool) -> str:
    """The spectrograms one below the other, on one time axis and with the same greys."""
    highest = max(float(sound.mel.max()) for sound in sounds)
    lowest = max(min(float(sound.mel.min()) for sound in sounds), highest - _RANGE)
    panels = []
    for index, sound in enumerate(sounds):
        picture = _data_uri("image/png", _png(sound.mel, lowest, highest))
        name = escape(sound.system) if sound.system in openly else ""
        panels.append(
            f'<p class="of" data-sound="{index}" style="height:{_NAME}px">{name}</p>'
            f'<div class="strip" data-sound="{index}" style="width:{sound.seconds * _PER_SECOND:.1f}px">'
            f'<img alt="log-mel spectrogram" loading="lazy" style="height:{_PICTURE}px" src="{picture}">'
            '<div class="cursor"></div></div>'
        )
    return "\n".join(
        [
            f"<figure{' hidden' if blind else ''}>{_band_axes([sound.mel.shape[1] for sound in sounds])}",
            '<div class="scroll" tabindex="0" role="group" aria-label="spectrograms">',
            *panels,
            f"{_time_axis(max(sound.seconds for sound in sounds))}</div></figure>",
        ]
    )


def _band_axes(bands: Sequence[int]) -> str:
    """Left of the spectrograms: from mel band 0, the lowest, to the last."""
    parts = []
    for index, count in enumerate(bands):
        top = index * (_NAME + _PICTURE) + _NAME
        bottom, middle = top + _PICTURE, top + _PICTURE / 2
        ticks = "".join(f"M{_BANDS} {bottom - _PICTURE * i / 4:g}h-{4 if i % 2 else 6}" for i in range(5))
        parts += [
            f'<path d="{ticks}"/>',
            f'<text x="12" y="{middle:g}" transform="rotate(-90 12 {middle:g})">mel band</text>',
        ]
        for i, anchor in enumerate(("-1", "4", "9")):
            label = f"{count * i / 2:g}"
            parts.append(
                f'<text class="band" x="{_BANDS - 9}" y="{bottom - _PICTURE * i / 2:g}" dy="{anchor}">{label}</text>'
            )
    height = len(bands) * (_NAME + _PICTURE)
    return f'<svg class="axis" aria-hidden="true" width="{_BANDS}" height="{height}">{"".join(parts)}</svg>'


def _time_axis(seconds: float) -> str:
    """A tick each tenth of a second, a label each half."""
    tenths = range(int(seconds * 10 + 1e-6) + 1)
    ticks = "".join(f"M{i * _PER_SECOND / 10:g} 0v{4 if i % 5 else 8}" for i in tenths)
    texts = "".join(f'<text x="{i * _PER_SECOND / 10:g}" y="21">{i / 10:g} s</text>' for i in tenths[5::5])
    width = seconds * _PER_SECOND
    drawing = f'<path d="M0 0H{width:.1f}{ticks}"/>{texts}'
    return f'<svg class="axis" aria-hidden="true" width="{width + 16:.1f}" height="{_AXIS}">{drawing}</svg>'


def _png(mel: np.ndarray, lowest: float, highest: float) -> bytes:
    """Grey png of a spectrogram (T, M), a pixel for each value: white at `lowest` and below, black at `highest`."""
    share = np.clip((highest - mel.T[::-1].astype(np.float64)) / max(highest - lowest, 1e-9), 0, 1)  # low bands below
    image = Image.fromarray(np.round(share * (_GREYS - 1)).astype(np.uint8))
    image.putpalette([level * 255 // (_GREYS - 1) for level in range(_GREYS) for _ in "rgb"])
    png = BytesIO()
    image.save(png, format="png", optimize=True)
    return png.getvalue()


def _encoded(samples: np.ndarray, sample_rate: int) -> tuple[str, bytes]:
    """MIME type and file: Ogg Vorbis, 7 kB a second at 22,050 Hz; FLAC, 28 kB, where libsndfile has no Vorbis."""
    data, samples = BytesIO(), np.clip(samples, -1, 1)
    if "VORBIS" not in soundfile.available_subtypes("OGG"):
        soundfile.write(data, samples, sample_rate, format="FLAC", subtype="PCM_16")
        return "audio/flac", data.getvalue()
    with soundfile.SoundFile(data, "w", sample_rate, channels=1, format="OGG", subtype="VORBIS") as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return "audio/ogg", data.getvalue()


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
