"""How the monitor looks on this terminal: with Unicode or in ASCII, and which colour means what."""

import locale
import os
from dataclasses import dataclass, field

# Told apart by people with any kind of colour vision (Okabe and Ito 2008), in an order that keeps neighbours apart.
SERIES = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#999999")
STATE_COLOURS = {
    "training": "$success",
    "validating": "$success",
    "saving": "$success",
    "starting": "$warning",
    "interrupted": "$warning",
    "stalled": "$error",
    "crashed": "$error",
    "nan": "$error",
    "finished": "$primary",
}


@dataclass(frozen=True)
class Look:
    """Glyphs for one kind of terminal. `unicode` off leaves nothing but ASCII."""

    unicode: bool = True
    series: tuple[str, ...] = field(default=SERIES)

    @property
    def blocks(self) -> str:
        """Bars from empty to full, for sparklines."""
        return " ▁▂▃▄▅▆▇█" if self.unicode else " .:-=+*#@"

    @property
    def full(self) -> str:
        return "█" if self.unicode else "#"

    @property
    def empty(self) -> str:
        return "░" if self.unicode else "."

    @property
    def dot(self) -> str:
        """Stands before a state or a run."""
        return "●" if self.unicode else "*"

    @property
    def star(self) -> str:
        """Marks the best."""
        return "★" if self.unicode else "*"

    @property
    def warning(self) -> str:
        return "▲" if self.unicode else "!"

    @property
    def separator(self) -> str:
        return " · " if self.unicode else " | "

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."

    @property
    def arrow(self) -> str:
        return "→" if self.unicode else "->"

    @property
    def plus_minus(self) -> str:
        return "±" if self.unicode else "+-"

    def run_colour(self, index: int) -> str:
        return self.series[index % len(self.series)]


def detect(ascii_only: bool = False) -> Look:
    """The look for this terminal: ASCII when asked for, on a dumb terminal, or where the locale has no UTF-8."""
    encoding = locale.getpreferredencoding(False).lower().replace("-", "")
    plain = ascii_only or os.environ.get("TERM") in ("dumb", "linux") or encoding != "utf8"
    return Look(unicode=not plain)
