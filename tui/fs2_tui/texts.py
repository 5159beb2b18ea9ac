"""The recipe and the log as lines, coloured for reading."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from textual.content import Content

from fs2_tui.lines import Line
from fs2keras.rundir import clock

# A key, its value (in which a # may stand in quotes), a comment.
_PAIR = re.compile(r"""(\s*)([\w.\-"]+)(\s*=\s*)((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^#"'])*)(\#.*)?""")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)\s+(.*)", re.DOTALL)
_TROUBLE = re.compile(r"\b(error|traceback|nan|inf|failed|crashed|cannot|no room)\b", re.IGNORECASE)


def recipe_lines(text: str) -> list[Line]:
    """A TOML text: sections, keys and values told apart, comments dimmed."""
    return [_recipe_line(line) for line in text.splitlines()]


def _recipe_line(line: str) -> Line:
    if line.lstrip().startswith("["):
        return Line(Content.styled(line, "bold $primary"))
    if line.lstrip().startswith("#"):
        return Line(Content.styled(line, "dim"), 2)
    match = _PAIR.fullmatch(line)
    if not match:
        return Line(Content(line))
    blank, key, equals, value, comment = match.groups(default="")
    parts = [blank, (key, "bold"), (equals, "dim"), (value, "$accent"), (comment, "dim")]
    return Line(Content.assemble(*parts), len(blank + key + equals))


def log_lines(log: Iterable[str]) -> list[Line]:
    """The log with times of day of this place, and a line for each day; lines without a time belong to those before."""
    lines: list[Line] = []
    today = ""
    for day, line in map(_log_line, log):
        if day and day != today:
            lines.append(Line(Content.styled(day, "bold dim")))
            today = day
        lines.append(line)
    return lines


@lru_cache(maxsize=1024)
def _log_line(text: str) -> tuple[str, Line]:
    """Its day, and the line."""
    match = _STAMP.fullmatch(text)
    unix = clock.to_unix(match[1]) if match else None
    if unix is None:
        return "", Line(Content.styled(text, _tone(text)))
    local = datetime.fromtimestamp(unix)
    parts = [(f"{local:%H:%M:%S}  ", "dim"), (match[2], _tone(match[2]))]
    return f"{local:%A} {local.day} {local:%B %Y}", Line(Content.assemble(*parts), 10)


def _tone(message: str) -> str:
    if _TROUBLE.search(message):
        return "$error"
    return "$primary" if message.startswith(("checkpoint ", "samples ", "validation ")) else ""
