"""Spectrograms as pictures."""

import math
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from fs2keras.rundir.atomic import write_bytes


def save_spectrogram(
    path: str | Path,
    mel: np.ndarray,
    *,
    hop: int,
    sample_rate: int,
    title: str,
    reference: np.ndarray | None = None,
) -> None:
    """Write a png of a log-mel spectrogram (T, M), atomically; time in seconds, natural-log magnitude in colour.

    reference: the recording's spectrogram (T', M), drawn below on the same time axis and colours.

    The png says in text entries where the (synthesised) spectrogram stands, so that others can cut it out, and how long
    it is: `spectrogram` = "left top right bottom" in pixels, right and bottom exclusive; `seconds`.
    """
    panels = [("synthesised", mel)] if reference is None else [("synthesised", mel), ("recording", reference)]
    # The colours are the recording's where there is one, so that pictures of different steps can be compared.
    lowest, highest = float(panels[-1][1].min()), float(panels[-1][1].max())
    # A Figure of its own, never pyplot: no window system, no global state, safe in any thread.
    figure = Figure(figsize=(10, 0.9 + 2.6 * len(panels)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = figure.subplots(len(panels), squeeze=False, sharex=True)[:, 0]
    images = []
    for axes, (label, values) in zip(all_axes, panels, strict=True):
        images.append(_draw(axes, values, hop / sample_rate, lowest, highest))
        if reference is not None:
            axes.set_title(label, fontsize="small", loc="left")
    all_axes[-1].set_xlim(0, max(len(values) for _, values in panels) * hop / sample_rate)
    all_axes[-1].set_xlabel("time (s)")
    figure.colorbar(images[0], ax=list(all_axes), label="log magnitude")
    # A dollar in a sentence is money, not mathematics.
    figure.suptitle(title, fontsize="medium", wrap=True, parse_math=False)
    figure.draw_without_rendering()  # the layout, which says where the axes stand
    metadata = {"spectrogram": pixel_box(images[0]), "seconds": f"{mel.shape[0] * hop / sample_rate:.6g}"}
    figure.set_layout_engine("none")  # and nothing moves any more
    png = BytesIO()
    figure.savefig(png, format="png", dpi="figure", metadata=metadata)
    write_bytes(path, png.getvalue())


def _draw(axes: Axes, mel: np.ndarray, seconds_per_frame: float, lowest: float, highest: float) -> AxesImage:
    extent = (0.0, mel.shape[0] * seconds_per_frame, 0, mel.shape[1])
    axes.set_ylabel("mel band")
    return axes.imshow(
        mel.T, origin="lower", aspect="auto", interpolation="nearest", extent=extent, vmin=lowest, vmax=highest
    )


def pixel_box(image: AxesImage) -> str:
    """ "left top right bottom" of an image in pixels from the figure's upper left corner, without the axes' frame."""
    inside, height, frame = image.get_window_extent(), image.figure.bbox.height, 2  # 1.1 pixels wide, with soft edges
    left, right = math.ceil(inside.x0) + frame, math.floor(inside.x1) - frame
    top, bottom = math.ceil(height - inside.y1) + frame, math.floor(height - inside.y0) - frame
    return f"{left} {top} {right} {bottom}"
