"""Decoding and drawing pictures of samples, for a thread beside the one that draws the screen."""

import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from textual.app import App
from textual.strip import Strip

from fs2_tui.look import Look
from fs2_tui.samples.halfblocks import Mode, Picture, draw, open_picture
from fs2_tui.samples.spectrogram import Drawing
from fs2keras.errors import UserError


@dataclass(frozen=True)
class Job:
    """Samples (wav files, each with its png) to draw beside each other in so many columns and rows each."""

    wavs: tuple[Path | None, ...]
    columns: int
    rows: int
    mode: Mode


@dataclass(frozen=True)
class Drawn:
    """One sample's drawing, how long its sound is in seconds, and when it was spoken (Unix seconds)."""

    drawing: Drawing
    seconds: float | None = None
    time: float | None = None


def picture_mode(app: App, look: Look) -> Mode:
    """How this terminal can show a picture."""
    colours = app.console.color_system
    if not look.unicode or colours not in ("truecolor", "256") or (app.no_color and app.native_ansi_color):
        return "ascii"
    return "true" if colours == "truecolor" else "256"


def draw_all(job: Job) -> list[Drawn]:
    """All of a job, on one scale of time, so that the shorter of two is narrower."""
    found = [_open(wav) for wav in job.wavs]
    longest = max((picture.seconds or 0 for picture, _, _ in found if isinstance(picture, Picture)), default=0)
    return [Drawn(_drawing(picture, job, longest), seconds, time) for picture, seconds, time in found]


def _open(wav: Path | None) -> tuple[Picture | str, float | None, float | None]:
    """The picture (or why there is none), and of the sound: seconds and time."""
    if wav is None:
        return "", None, None
    try:
        written = wav.stat().st_mtime
        png = wav.with_suffix(".png")
        stamp = png.stat().st_mtime_ns if png.is_file() else 0
        return _decoded(png, stamp), _wav_seconds(wav, written), written
    except UserError as error:
        return str(error), _wav_seconds(wav, written), written
    except OSError as error:
        return f"{wav.name} cannot be read: {error.strerror}.", None, None


@lru_cache(maxsize=32)
def _decoded(png: Path, stamp: int) -> Picture:
    """`stamp` is when the file changed: another one is another picture."""
    return open_picture(png)


@lru_cache(maxsize=256)
def _wav_seconds(wav: Path, stamp: float) -> float | None:
    try:
        with wave.open(str(wav), "rb") as file:
            return file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return None


def _drawing(picture: Picture | str, job: Job, longest: float) -> Drawing:
    if isinstance(picture, str):
        return Drawing(problem=picture)
    columns = job.columns
    if picture.seconds and longest:
        columns = max(1, round(job.columns * picture.seconds / longest))
    return _draw(picture, columns, job.rows, job.mode)


@lru_cache(maxsize=16)
def _draw(picture: Picture, columns: int, rows: int, mode: Mode) -> Drawing:
    lines = draw(picture.image, columns, rows, mode)
    return Drawing(tuple(Strip(line, columns) for line in lines), columns, picture.seconds)
