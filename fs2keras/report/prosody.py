"""What the model predicts of each phoneme beside what the recording has: durations, pitch, energy."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from fs2keras.report.canvas import FAINT, INK, SERIES, Area
from fs2keras.report.curves import Curve
from fs2keras.report.document import Chart
from fs2keras.report.evaluations import PROSODY, Evaluation
from fs2keras.report.panels import Panel, draw_legend, draw_panel, legend_line

DRAWN = 1200  # points of a scatter plot; more only hide one another
_UNITS = {"durations": "frames", "pitch": "Hz", "energy": "as measured"}


class Agreement(NamedTuple):
    """How predicted and true values of all phonemes agree: how many there are, Pearson's correlation (None where one of
    them never changes), and the mean of predicted - true."""

    count: int
    correlation: float | None
    bias: float


def agreement(evaluation: Evaluation, name: str) -> Agreement | None:
    """Over the phonemes of all utterances; None where none has it."""
    predicted, true = _all(evaluation, name)
    if not len(true):
        return None
    varies = len(true) > 1 and predicted.std() > 0 and true.std() > 0
    correlation = float(np.corrcoef(predicted, true)[0, 1]) if varies else None
    return Agreement(len(true), correlation, float((predicted - true).mean()))


def scatter(evaluation: Evaluation, name: str, label: str) -> Chart:
    """Predicted against true, a panel for each of durations, pitch and energy."""
    found = {kind: agreement(evaluation, kind) for kind in PROSODY}
    found = {kind: one for kind, one in found.items() if one}

    def draw(area: Area) -> None:
        width = area.width / 3
        size = width - 0.95, area.height - 0.85
        for i, (kind, one) in enumerate(found.items()):
            _scatter(area.axes(i * width + 0.7, 0.32, *size), *_all(evaluation, kind), kind, one)

    words = [
        f"{kind} of {one.count:,} phonemes: correlation {_two(one.correlation)}, predicted on average {one.bias:+.3g}"
        for kind, one in found.items()
    ]
    counts = max((one.count for one in found.values()), default=0)
    caption = (
        "A dot is a phoneme; on the dashed line predicted and true are equal. r is Pearson's correlation over all."
    )
    if counts > DRAWN:
        caption += f" {DRAWN:,} of {counts:,} are drawn."
    return Chart(name, f"Predicted against true, {label}", "; ".join(words), caption, 2.9, draw)


def contours(evaluation: Evaluation, name: str, label: str, hop_s: float | None) -> Chart | None:
    """One utterance of middling quality: where its phonemes begin, and durations, pitch and energy over them."""
    id = _middling(evaluation)
    if id is None:
        return None
    pairs = evaluation.prosody[id]

    def draw(area: Area) -> None:
        draw_legend(area, [legend_line("recording", 0, True), legend_line("predicted", 1, True)], 0.95)
        _segments(area.axes(0.95, 0.55, area.width - 1.15, 0.62), *pairs["durations"], hop_s)
        rest = (area.height - 1.75) / (len(pairs) - 1 or 1)
        shown = [kind for kind in pairs if kind != "durations"]
        for i, kind in enumerate(shown):
            predicted, true = pairs[kind]
            at = np.arange(1, len(true) + 1)
            lines = [Curve(at, true, 0, dots=True), Curve(at, predicted, 1, dots=True)]
            axes = area.axes(0.95, 2.0 + i * rest, area.width - 1.15, rest - 0.75)
            draw_panel(axes, Panel(kind, "phoneme of the utterance", _UNITS[kind], lines, (0, len(true) + 1)))

    caption = (
        f"{id}, the utterance whose durations are predicted neither best nor worst. Above, its phonemes one after the "
        "other as they are in the recording and as they are predicted; lines join where the same phoneme begins."
    )
    alt = f"Alignment, pitch and energy of {id}: predicted and true"
    return Chart(name, f"One utterance, {label}", alt, caption, 2.0 + 1.75 * (len(pairs) - 1), draw)


def _all(evaluation: Evaluation, name: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [mine[name] for mine in evaluation.prosody.values() if name in mine]
    if not pairs:
        return np.empty(0), np.empty(0)
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])


def _scatter(axes: Axes, predicted: np.ndarray, true: np.ndarray, kind: str, one: Agreement) -> None:
    axes.set_title(f"{kind}, r = {_two(one.correlation)}", pad=4)
    axes.set_xlabel(f"true ({_UNITS[kind]})")
    axes.set_ylabel(f"predicted ({_UNITS[kind]})")
    both = np.concatenate([predicted, true])
    low, high = float(both.min()), float(both.max())
    margin = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(low - margin, high + margin)
    axes.plot([low, high], [low, high], color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    kept = np.unique(np.linspace(0, len(true) - 1, min(len(true), DRAWN)).astype(int))
    size = 3 if len(kept) > DRAWN / 4 else 6
    axes.plot(true[kept], predicted[kept], ".", color=SERIES[0], markersize=size, alpha=0.5, markeredgewidth=0)


def _segments(axes: Axes, predicted: np.ndarray, true: np.ndarray, hop_s: float | None) -> None:
    """Two rows of phonemes one after the other, and lines between the rows."""
    scale = hop_s or 1.0
    ends = [np.concatenate([[0], np.cumsum(durations)]) * scale for durations in (true, predicted)]
    for row, (at, series) in enumerate(zip(ends, (0, 1), strict=True)):
        top, bottom = (1.0, 0.62) if row == 0 else (0.38, 0.0)
        axes.fill_between([at[0], at[-1]], bottom, top, color=SERIES[series], alpha=0.25, linewidth=0)
        axes.vlines(at, bottom, top, color=SERIES[series], linewidth=0.9)
    gap = np.full(len(ends[0]), np.nan)  # ends one line before the next begins
    x, y = np.stack([*ends, gap], axis=1).ravel(), np.tile([0.62, 0.38, np.nan], len(gap))
    axes.plot(x, y, color=FAINT, linewidth=0.5)
    axes.set_title("alignment", pad=4)
    axes.set_xlim(0, max(at[-1] for at in ends) or 1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.81, 0.19], ["recording", "predicted"])
    axes.grid(False)
    axes.set_xlabel("time (s)" if hop_s else "frames")


def _middling(evaluation: Evaluation) -> str | None:
    errors = {
        id: float(np.abs(pairs["durations"][0] - pairs["durations"][1]).mean())
        for id, pairs in evaluation.prosody.items()
        if len(pairs.get("durations", ((),))[0]) > 1
    }
    ranked = sorted(errors, key=lambda id: (errors[id], id))
    return ranked[len(ranked) // 2] if ranked else None


def _two(correlation: float | None) -> str:
    return "unknown" if correlation is None else f"{correlation:.2f}"
