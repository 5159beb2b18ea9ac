"""A page to hear and see alignments with: each recording with its spectrogram, phonemes and words."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from io import BytesIO
from pathlib import Path
from string import Template

import numpy as np
import soundfile
from PIL import Image
from praatio.utilities.constants import Interval

from fs2keras.corpus.textgrid_writer import tiers
from fs2keras.corpus.utterance import Segment
from fs2keras.rundir.atomic import write_text

# Pixels.
_PER_SECOND = 160  # 80 phonemes in 8 s have 16 each
_PICTURE = 160  # height of the spectrogram
_ROW = 17  # a row of labels
_AXIS = 24
_GAP = 5  # between two labels
_CHARACTER = {"phone": 7.3, "word": 7.6}  # width, in the style sheet's fonts


@dataclass(frozen=True, eq=False)
class Entry:
    """One recording of the report.

    `segments` are contiguous from 0 to the end of the recording, empty where nothing could be aligned; `reason` says
    why the recording was set aside, "" where it was kept; `mel` (T, M) is its log-mel spectrogram; `worst` names its
    least certain place, such as '"harbour" at 2.31 s'.
    """

    id: str
    text: str
    wav: Path
    segments: tuple[Segment, ...]
    confidence: float
    reason: str
    mel: np.ndarray
    worst: str


def write_report(path: str | Path, entries: Sequence[Entry], summary: Sequence[tuple[str, str]]) -> None:
    """Write one HTML file, atomically, that needs nothing besides: sound, pictures, styles and script are in it.

    `entries` are shown in the order given, about 45 kB for each second of sound; `summary` is a table of (name, value)
    above them. A recording that cannot be read leaves a sentence in the place of its sound. Raises UserError when the
    file cannot be written.
    """
    template = Template(resources.files("fs2keras.aligner").joinpath("report.html").read_text(encoding="utf-8"))
    articles = "\n".join(_article(entry) for entry in entries) or "<p>No recordings to show.</p>"
    write_text(path, template.substitute(summary=_table(summary), entries=articles))


def _table(rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return "<table>\n" + "\n".join(cells) + "\n</table>"


def _article(entry: Entry) -> str:
    verdict = f"set aside: {entry.reason}" if entry.reason else "kept"
    facts = f"confidence {entry.confidence:.3g}" + (f", least certain: {entry.worst}" if entry.worst else "")
    sound, problem = _sound(entry.wav)
    player = f"<p>{escape(problem)}</p>"
    if sound:
        label = escape(f"recording {entry.id}")
        player = (
            f'<audio controls preload="metadata" aria-label="{label}" src="{_data_uri("audio/flac", sound)}"></audio>'
        )
    return "\n".join(
        [
            f'<article class="{"aside" if entry.reason else "kept"}">',
            f"<h2>{escape(entry.id)}</h2>",
            f'<p class="facts"><strong>{escape(verdict)}</strong> · {escape(facts)}</p>',
            f'<p class="transcript">{escape(entry.text)}</p>',
            player,
            _strip(entry, bool(sound)) if entry.segments else "<p>Nothing could be aligned.</p>",
            "</article>",
        ]
    )


def _sound(wav: Path) -> tuple[bytes, str]:
    """The recording as 16-bit FLAC, without loss where it has 16 bits; or nothing, and why."""
    flac = BytesIO()
    try:
        # Read as floats: soundfile does not scale the samples of a float file when asked for integers.
        samples, rate = soundfile.read(wav, dtype="float64")
        whole = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
        soundfile.write(flac, whole, rate, format="FLAC", subtype="PCM_16")
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        return b"", f"{wav.name} cannot be played: {error}"
    return flac.getvalue(), ""


def _strip(entry: Entry, has_sound: bool) -> str:
    """Spectrogram and labels on one time axis; a slider where there is a sound to seek in."""
    seconds = entry.segments[-1].end
    drawing, height = _drawing(entry.segments, seconds)
    width = round(seconds * _PER_SECOND)
    slider = (
        'class="strip seeks" tabindex="0" role="slider" aria-label="position in seconds" aria-valuemin="0"'
        f' aria-valuemax="{seconds:.2f}" aria-valuenow="0" data-seconds="{seconds:.6f}"'
    )
    # What cannot be played can still be scrolled with the keyboard.
    scroll, strip = ('class="scroll"', slider) if has_sound else ('class="scroll" tabindex="0"', 'class="strip"')
    mel = _data_uri("image/png", _png(entry.mel))
    return "\n".join(
        [
            f'<div {scroll}><div {strip} style="width:{width}px;height:{height}px">',
            f'<img alt="log-mel spectrogram" style="height:{_PICTURE}px" src="{mel}">',
            f'<svg width="{width}" height="{height}">{drawing}</svg>',
            '<div class="cursor"></div></div></div>' if has_sound else "</div></div>",
        ]
    )


def _drawing(segments: Sequence[Segment], seconds: float) -> tuple[str, int]:
    """What lies over and below the spectrogram, as the inside of an SVG, and its height in pixels."""
    all_words, all_phones = tiers(segments)
    words, phones = ([interval for interval in tier if interval.label] for tier in (all_words, all_phones))
    phone_rows, word_rows = _rows(phones, "phone"), _rows(words, "word")
    words_top = _PICTURE + 8 + _ROW * (1 + max(phone_rows, default=0))
    axis_top = words_top + 8 + _ROW * (1 + max(word_rows, default=0))
    parts = [
        _boundaries(all_words, "below", _PICTURE, axis_top),
        _boundaries(all_phones, "phone", 0, _PICTURE + 4),
        _boundaries(all_words, "word", 0, _PICTURE + 4),
        *_labels(phones, phone_rows, "phone", _PICTURE + 2),
        *_labels(words, word_rows, "word", words_top),
        _axis(seconds, axis_top),
    ]
    return "\n".join(parts), axis_top + _AXIS


def _rows(intervals: Sequence[Interval], kind: str) -> list[int]:
    """For each label the uppermost row in which it touches none before it: narrow phonemes have wide names."""
    free: list[float] = []  # for each row, from which pixel on
    rows = []
    for interval in intervals:
        half = len(interval.label) * _CHARACTER[kind] / 2
        left = _middle(interval) - half
        row = next((row for row, since in enumerate(free) if left >= since), len(free))
        free[row : row + 1] = [left + 2 * half + _GAP]
        rows.append(row)
    return rows


def _labels(intervals: Sequence[Interval], rows: Sequence[int], kind: str, top: int) -> list[str]:
    """Texts, each with a tooltip; a line leads to the lower ones."""
    leaders, texts = "", []
    for interval, row in zip(intervals, rows, strict=True):
        x, y = _middle(interval), top + _ROW * (row + 1)
        if row:
            leaders += f"M{x:.1f} {top + 4}V{y - 11}"
        tooltip = escape(f"{interval.label}, {interval.start:.3f} to {interval.end:.3f} s")
        label = escape(interval.label)
        texts.append(f'<text class="{kind}" x="{x:.1f}" y="{y}">{label}<title>{tooltip}</title></text>')
    return [f'<path d="{leaders}"/>', *texts]


def _boundaries(intervals: Sequence[Interval], kind: str, top: int, bottom: int) -> str:
    lines = "".join(f"M{interval.start * _PER_SECOND:.1f} {top}V{bottom}" for interval in intervals[1:])
    return f'<path class="{kind}" d="{lines}"/>'


def _axis(seconds: float, top: int) -> str:
    """A tick each tenth of a second, a label each half."""
    tenths = range(int(seconds * 10 + 1e-6) + 1)
    ticks = "".join(f"M{i * _PER_SECOND / 10:.1f} {top}v{4 if i % 5 else 8}" for i in tenths)
    texts = "".join(f'<text x="{i * _PER_SECOND / 10:.1f}" y="{top + 20}">{i / 10:g} s</text>' for i in tenths[5::5])
    return f'<g class="axis"><path d="M0 {top}H{seconds * _PER_SECOND:.1f}{ticks}"/>{texts}</g>'


def _middle(interval: Interval) -> float:
    return (interval.start + interval.end) / 2 * _PER_SECOND


def _png(mel: np.ndarray) -> bytes:
    """Grey png of a spectrogram (T, M), a pixel for each value, dark where it is loud."""
    values = mel.T[::-1].astype(np.float64)  # low bands below
    lowest, highest = values.min(), values.max()
    grey = 255 * (highest - values) / max(highest - lowest, 1e-9)
    png = BytesIO()
    Image.fromarray(np.round(grey).astype(np.uint8)).save(png, format="png", optimize=True)
    return png.getvalue()


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
