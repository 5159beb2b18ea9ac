"""Times as the run's files hold them: ISO 8601, UTC, milliseconds."""

from datetime import UTC, datetime


def now() -> str:
    """The time now, for example 2026-11-22T13:39:20.123Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_since(time: str) -> float | None:
    """Seconds from such a time until now, None when it is not one."""
    try:
        then = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return None
    return (datetime.now(UTC) - then).total_seconds() if then.tzinfo else None
