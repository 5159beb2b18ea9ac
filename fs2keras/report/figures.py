"""Numbers and times as a report writes them."""

from datetime import UTC, datetime

_LARGEST = 1e30  # what is more is a broken cell, and no picture can be drawn of it


def figure(value: float | None, digits: int = 4) -> str:
    """A number in a table; "" for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.{digits}g}"


def when(unix: float) -> str:
    """Unix seconds as a date and a time."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")


def is_number(value: object) -> bool:
    """Whether a cell of a CSV, or a value of a JSON file, can be calculated with."""
    return isinstance(value, (int, float)) and abs(value) < _LARGEST
