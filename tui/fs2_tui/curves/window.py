"""Which part of the x axis is shown: zoom, pan and following the newest row."""

from dataclasses import dataclass, replace

CLOSE = 1e-9


@dataclass(frozen=True)
class Window:
    """A part of an x axis that grows at its end; `low` and `high` None mean all of it.

    With `follow` it moves along so that its end is the axis's end. `first` and `last` are the bounds of the whole axis
    wherever they are asked for.
    """

    low: float | None = None
    high: float | None = None
    follow: bool = True

    @property
    def everything(self) -> bool:
        return self.low is None or self.high is None

    def bounds(self, first: float, last: float) -> tuple[float, float]:
        """The x values at the window's left and right edge; everything when nothing of it is within the axis any
        more, as after a run that began anew."""
        if self.everything or (not self.follow and not (self.low < last and self.high > first)):
            return first, last
        if self.follow:
            return max(last - (self.high - self.low), first), last
        return self.low, self.high

    def zoomed(self, factor: float, around: float, first: float, last: float, least: float) -> "Window":
        """Shown `factor` times as wide (< 1 shows less) about the x value `around`, which stays where it is; no less
        than `least` is shown, and no more than everything."""
        low, high = self.bounds(first, last)
        around = min(max(around, low), high)
        span = max((high - low) * factor, min(least, last - first))
        if span >= (last - first) * (1 - CLOSE):
            return Window(follow=True)
        share = (around - low) / (high - low)
        return self._within(around - share * span, span, first, last)

    def panned(self, share: float, first: float, last: float) -> "Window":
        """Moved by this share of its width, to the right when above 0, up to the ends of the axis."""
        if self.everything:
            return self
        low, high = self.bounds(first, last)
        return self._within(low + share * (high - low), high - low, first, last)

    def _within(self, low: float, span: float, first: float, last: float) -> "Window":
        low = max(min(low, last - span), first)
        return Window(low, low + span, follow=low + span >= last - CLOSE * span)

    def following(self, follow: bool, first: float, last: float) -> "Window":
        """The same width, from now on with the newest row or without moving."""
        if not follow:
            return Window(*self.bounds(first, last), follow=False)
        return replace(self, follow=True)
