"""The aligner's training sample as a picture: what it believes, and what it decides."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from fs2keras.audio.picture import pixel_box
from fs2keras.rundir.atomic import write_bytes

# Inches, at 100 pixels each. Laid out by hand: matplotlib's layout engine needs a second for a hundred labels.
_PER_SECOND = 1.6
_PER_PHONEME = 0.12
_LEFT, _RIGHT, _BOTTOM, _BETWEEN, _SYMBOLS, _TITLE = 0.7, 0.9, 0.5, 0.2, 0.6, 0.3
_MEL_HEIGHT = 2.6
_LEAST_WIDTH, _LEAST_HEIGHT = 8.0, 2.6  # of the panels
_LABEL_ROWS = 3  # neighbouring symbols stand on different rows, so that short phonemes keep theirs legible


def save_alignment(
    path: str | Path,
    soft: np.ndarray,
    mel: np.ndarray,
    symbols: Sequence[str],
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    hop: int,
    sample_rate: int,
    title: str,
) -> None:
    """Write a png of an alignment, atomically: the spectrogram with the phonemes' boundaries and symbols, and below it
    the probability of each phoneme at each frame with the decided path drawn over it.

    Args:
        path: of the png.
        soft: (T, P) probabilities.
        mel: (T, M) log-mel spectrogram.
        symbols: P phonemes.
        starts: (P,) frame at which each phoneme begins.
        ends: (P,) frame at which it ends, exclusive; a gap before the next start is a pause.
        hop: samples from one frame to the next.
        sample_rate: Hz.
        title: of the picture.

    The png carries the text entries of `fs2keras.audio.picture.save_spectrogram`: `spectrogram` = "left top right
    bottom" in pixels, right and bottom exclusive; `seconds`.
    """
    frame = hop / sample_rate  # seconds
    starts, ends = np.asarray(starts) * frame, np.asarray(ends) * frame
    seconds = mel.shape[0] * frame
    width, height = max(_LEAST_WIDTH, _PER_SECOND * seconds), max(_LEAST_HEIGHT, _PER_PHONEME * len(symbols))
    mel_bottom = _BOTTOM + height + _BETWEEN
    top = mel_bottom + _MEL_HEIGHT + _SYMBOLS + _TITLE
    figure = Figure(figsize=(_LEFT + width + _RIGHT, top), dpi=100)
    FigureCanvasAgg(figure)
    above = _panel(figure, _LEFT, mel_bottom, width, _MEL_HEIGHT)
    below = _panel(figure, _LEFT, _BOTTOM, width, height)
    spectrogram = _draw_mel(above, mel, seconds)
    _draw_symbols(above, symbols, starts, ends)
    probabilities = _draw_map(below, soft, symbols, seconds)
    _draw_path(below, starts, ends)
    for image, bottom, label in ((spectrogram, mel_bottom, "log magnitude"), (probabilities, _BOTTOM, "probability")):
        figure.colorbar(image, cax=_panel(figure, _LEFT + width + 0.15, bottom, 0.15, _MEL_HEIGHT), label=label)
    figure.text(_LEFT / figure.get_figwidth(), 1 - 0.1 / top, title, va="top", parse_math=False)
    metadata = {"spectrogram": pixel_box(spectrogram), "seconds": f"{seconds:.6g}"}
    png = BytesIO()
    figure.savefig(png, format="png", dpi="figure", metadata=metadata)
    write_bytes(path, png.getvalue())


def _panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches."""
    whole = figure.get_figwidth(), figure.get_figheight()
    return figure.add_axes((left / whole[0], bottom / whole[1], width / whole[0], height / whole[1]))


def _draw_mel(axes: Axes, mel: np.ndarray, seconds: float) -> AxesImage:
    axes.set_ylabel("mel band")
    axes.tick_params(labelbottom=False)
    extent = (0.0, seconds, 0, mel.shape[1])
    return axes.imshow(mel.T.astype(np.float32), origin="lower", aspect="auto", interpolation="nearest", extent=extent)


def _draw_symbols(axes: Axes, symbols: Sequence[str], starts: np.ndarray, ends: np.ndarray) -> None:
    """Boundaries inside the axes, symbols above them."""
    axes.vlines(np.union1d(starts, ends), *axes.get_ylim(), colors="white", linewidth=0.8, alpha=0.8)
    for index, (symbol, middle) in enumerate(zip(symbols, (starts + ends) / 2, strict=True)):
        height = 4 + 11 * (index % _LABEL_ROWS)  # points above the axes
        axes.annotate(
            symbol,
            (middle, 1),
            (0, height),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": "silver", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0},
            annotation_clip=False,
        )


def _draw_map(axes: Axes, soft: np.ndarray, symbols: Sequence[str], seconds: float) -> AxesImage:
    axes.set_xlabel("time (s)")
    axes.set_yticks(np.arange(len(symbols)) + 0.5, symbols, fontsize=7, parse_math=False)
    extent = (0.0, seconds, len(symbols), 0)  # the first phoneme above
    return axes.imshow(
        soft.T.astype(np.float32),
        aspect="auto",
        interpolation="nearest",
        extent=extent,
        cmap="Greys",
        vmin=0,
        vmax=1,
    )


def _draw_path(axes: Axes, starts: np.ndarray, ends: np.ndarray) -> None:
    """A frame around the cells that the path goes through: they stay visible, and pauses are gaps."""
    frames = [
        [(start, row), (end, row), (end, row + 1), (start, row + 1), (start, row)]
        for row, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    axes.add_collection(LineCollection(frames, colors="#d55e00", linewidths=1.2), autolim=False)
