"""Axes: which part of the values is shown, where the ticks are and how they are labelled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

Bounds = tuple[float, float]

CORE = 0.95  # the share of the columns whose values an axis always shows
REACH = 0.75  # beyond the core it goes on by up to this share of the core's height, twice that on a log axis,
NEARLY = 1.25  # and as far as there are values when these end at this share
MARGIN = 0.04
NEAR_ZERO = 0.25  # an axis that would begin at less than this share of its top begins at 0


@dataclass(frozen=True)
class Scale:
    """Places the values from `low` to `high` on 0 to 1, linearly or by their logarithms (both bounds above 0 then)."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, share: float) -> float:
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Round values within the scale, `most` of them at most; a scale too narrow for two has none or one."""
        return log_ticks(self.low, self.high, most) if self.log else linear_ticks(self.low, self.high, most)


def reach(lows: Sequence[float], highs: Sequence[float], log: bool = False, whole: bool = False) -> Bounds | None:
    """The (lowest, highest) of a curve that an axis is to show, given its extremes in each column of the plot.

    A few columns far beyond all others (the first steps, a spike) are left out, unless `whole`. With `log`, only values
    above 0 count. None when there are none.
    """
    lows = sorted(value for value in lows if isfinite(value) and (value > 0 or not log))
    highs = sorted(value for value in highs if isfinite(value) and (value > 0 or not log))
    if not lows or not highs:
        return None
    bottom, top = _quantile(lows, 1 - CORE), _quantile(highs, CORE)
    if whole or top <= bottom:  # flat but for a few columns: they are all there is to see
        return lows[0], highs[-1]
    if log:
        share = log10(top / bottom) * 2
        return (
            _end(log10(bottom), log10(lows[0]), -share, log),
            _end(log10(top), log10(highs[-1]), share, log),
        )
    return _end(bottom, lows[0], bottom - top), _end(top, highs[-1], top - bottom)


def _end(core: float, last: float, height: float, log: bool = False) -> float:
    """Where an axis ends beyond its core (`height` below 0 for the lower end): at the last value if that is near."""
    near = abs(last - core) <= NEARLY * abs(height)
    end = last if near else core + REACH * height
    return 10.0**end if log else end


def fitted(reaches: Iterable[Bounds | None], log: bool = False) -> Scale:
    """The scale that shows all of these, with some room around them; 0 to 1 (1 to 10 with `log`) for none."""
    known = [bounds for bounds in reaches if bounds]
    if not known:
        return Scale(1.0, 10.0, True) if log else Scale(0.0, 1.0)
    return _with_margin(min(low for low, _ in known), max(high for _, high in known), log)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]


def _with_margin(low: float, high: float, log: bool) -> Scale:
    """Room around the values, its bounds rounded so that they do not move with each new row."""
    if log:
        room = max((high / low) ** MARGIN, 1.02)
        return Scale(low / room, high * room, True)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = abs(high) / 10 or 1.0
        return Scale(low - half, high + half)
    room = MARGIN * (high - low)
    unit = tick_step(low, high, 5) / 4
    bottom, top = floor((low - room) / unit) * unit, ceil((high + room) / unit) * unit
    if low >= 0 and bottom < NEAR_ZERO * top:
        bottom = 0.0
    return Scale(bottom, top)


def tick_step(low: float, high: float, most: int) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... (and their parts) that gives at most `most` ticks."""
    least = (high - low) / max(most, 1)
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= least * (1 - 1e-9))


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of a round step from `low` to `high`, `most` at most."""
    if most < 1 or not high > low:
        return []
    for wanted in range(most, 0, -1):
        step = tick_step(low, high, wanted)
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [number * step for number in range(first, last + 1)]
    return []


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten with 2 and 5 times them where there is room; round steps where the values span no decade."""
    first, last = floor(log10(low)), ceil(log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        ticks = [tick for tick in ticks if low <= tick * (1 + 1e-9) and tick <= high * (1 + 1e-9)]
        if 3 <= len(ticks) <= most:
            return ticks
    powers = [10.0**power for power in range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)]
    if len(powers) > most:
        return powers[:: ceil(len(powers) / most)] if most else []
    return linear_ticks(low, high, most) if high < 30 * low else powers


def labels(ticks: Sequence[float], short: bool = False) -> list[str]:
    """The ticks as text, all with the same decimals; thousands as 12,000, or 12k when `short`."""
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if 1e7 <= largest < 1e10:
        return _in_units(ticks, 1e6, "M")
    if short and largest >= 1e4:
        return _in_units(ticks, 1e3, "k")
    return _in_units(ticks, 1.0, "")


def _in_units(ticks: Sequence[float], unit: float, letter: str) -> list[str]:
    values = [tick / unit for tick in ticks]
    sizes = [abs(value) for value in values if value]
    gaps = [after - before for before, after in zip(values, values[1:], strict=False)]
    exact = 1e-3 * min(gaps, default=max(sizes, default=1.0))
    powers = sizes and (not 1e-3 <= max(sizes) < 1e10 or (min(sizes) < 1e-4 and max(sizes) > 100 * min(sizes)))
    texts: list[str] = []
    for digits in range(10):
        texts = [_scientific(value, digits + 1) if powers else f"{value:,.{digits}f}" for value in values]
        if all(abs(float(text.replace(",", "")) - value) <= exact for text, value in zip(texts, values, strict=True)):
            break
    return [text + letter if float(text.replace(",", "")) else "0" for text in texts]


def number(value: float | None) -> str:
    """A measured value with four significant digits: 12,340, 1.234, 3.494e-4, 0; "" for None."""
    if value is None:
        return ""
    if not isfinite(value):
        return "NaN" if value != value else ("inf" if value > 0 else "-inf")
    if value == int(value) and abs(value) < 1e7:
        return f"{value:,.0f}"
    if not 1e-3 <= abs(value) < 1e7:
        return _scientific(value, 4)
    return f"{value:,.{max(3 - floor(log10(abs(value))), 0)}f}"


def _scientific(value: float, digits: int) -> str:
    if not value:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def count(value: float) -> str:
    """A step or another whole number: 12,000."""
    return f"{value:,.0f}"
