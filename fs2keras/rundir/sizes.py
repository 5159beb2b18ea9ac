"""Sizes as people say them."""

_UNITS = ("kB", "MB", "GB", "TB")


def file_size(bytes: float | None) -> str:
    """A number of bytes in decimal units: 512 B, 1.5 kB, 33.8 MB, 338 MB, 1.2 TB; "unknown" for None."""
    if bytes is None:
        return "unknown"
    if round(bytes) < 1000:
        return f"{bytes:.0f} B"
    for unit in _UNITS:
        bytes /= 1000
        if bytes < 99.95:
            return f"{bytes:.1f} {unit}"
        if bytes < 999.5 or unit == _UNITS[-1]:
            return f"{bytes:.0f} {unit}"
    raise AssertionError("the last unit takes any size")
