"""Times as the run's files hold them: ISO 8601, UTC, milliseconds."""

import time
from datetime import UTC, datetime


def unix() -> float:
    """The time now in Unix seconds. The only place that asks the system: a test that replaces it sets the clock."""
    return time.time()


def now() -> str:
    """The time now, for example 2026-11-22T13:39:20.123Z."""
    return datetime.fromtimestamp(unix(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_unix(time: str) -> float | None:
    """Unix seconds of such a time, None when it is not one."""
    try:
        then = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return None
    return then.timestamp() if then.tzinfo else None


def seconds_since(time: str) -> float | None:
    """Seconds from such a time until now, None when it is not one."""
    then = to_unix(time)
    return None if then is None else unix() - then
