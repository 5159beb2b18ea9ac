"""A curve in one line of characters."""

from collections.abc import Sequence
from math import isfinite


def sparkline(values: Sequence[float], width: int, blocks: str) -> str:
    """The values as bars, `width` of them at most; each bar the mean of its share of the values, scaled from the lowest
    to the highest bar. `blocks` goes from empty to full. A share with no finite value is drawn as "!"."""
    if not len(values) or width < 1:
        return ""
    width = min(width, len(values))
    means = [_mean(values[len(values) * i // width : len(values) * (i + 1) // width]) for i in range(width)]
    finite = [mean for mean in means if mean is not None]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    top = len(blocks) - 1

    def bar(mean: float | None) -> str:
        if mean is None:
            return "!"
        return blocks[1 + round((top - 1) * (mean - low) / (high - low))] if high > low else blocks[top // 2]

    return "".join(bar(mean) for mean in means)


def _mean(values: Sequence[float]) -> float | None:
    total = sum(values)
    if isfinite(total):  # at the speed of C, for runs of any length
        return total / len(values)
    finite = [value for value in values if isfinite(value)]
    return sum(finite) / len(finite) if finite else None
