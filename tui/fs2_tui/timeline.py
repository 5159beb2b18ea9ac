"""events.csv as lines: what happened when, how long it took, and how large it was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from fs2_tui.lines import Line
from fs2_tui.look import Look
from fs2_tui.words import number
from fs2keras.rundir import clock
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration

# event: glyph, ASCII, colour. Text-style glyphs only: emoji are two cells wide on some terminals.
_KINDS = {
    "started": ("►", ">", "$primary"),
    "resumed": ("↻", ">", "$primary"),
    "validation": ("◇", "v", "dim"),
    "checkpoint": ("■", "c", "$accent"),
    "sample": ("♪", "s", "$primary"),
    "removed": ("-", "-", "dim"),
    "no sample": ("▲", "!", "$warning"),
    "stopped": ("‖", "=", "$warning"),
    "nan": ("✗", "X", "$error"),
    "crashed": ("✗", "X", "$error"),
    "failed": ("✗", "X", "$error"),
    "finished": ("✓", "+", "$success"),
}
_ROUTINE = frozenset({"validation", "checkpoint", "sample", "removed"})
_LATEST = 3  # routine events at the end that are never folded
_FOLDED = 4  # so many in a row are worth folding
_EVENT, _TOOK, _SIZE = 10, 8, 8  # widths


class Scores(NamedTuple):
    """Validation loss by step, and the step of the lowest."""

    losses: Mapping[int, float]
    best: int | None


def timeline(
    events: Sequence[Mapping[str, Any]], scores: Scores, look: Look, *, newest_first: bool = True, folded: bool = False
) -> list[Line]:
    """A line for each event, and one for each day; `folded` makes one line of a long run of routine events."""
    width = _step_width(events)
    groups = fold(events) if folded else [[event] for event in events]
    dated = [(_day(group[0]), group) for group in groups]
    lines: list[Line] = []
    days = [(day, [group for _, group in same]) for day, same in groupby(dated, key=lambda pair: pair[0])]
    for day, of_day in reversed(days) if newest_first else days:
        lines.append(Line(Content.assemble((day, "bold dim"))))
        for group in reversed(of_day) if newest_first else of_day:
            line = _event(group[0], scores, look, width) if len(group) == 1 else _run_of(group, look)
            lines.append(line)
    return lines


def head(events: Sequence[Mapping[str, Any]]) -> Content:
    """The titles of the columns."""
    step = f"{'step':>{_step_width(events)}}"
    text = f"  {'time':<8}  {'event':<{_EVENT}}  {step}  {'took':>{_TOOK}}  {'size':>{_SIZE}}  detail"
    return Content.styled(text, "dim")


def fold(events: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Runs of routine events together, all others alone; the latest few routine events stay alone."""
    groups = []
    for routine, same in groupby(events, key=lambda event: event.get("event") in _ROUTINE):
        run = list(same)
        at_end = run[-1] is events[-1]
        cut = max(0, len(run) - _LATEST) if at_end else len(run)
        if routine and cut >= _FOLDED:
            groups.append(run[:cut])
            run = run[cut:]
        groups += [[event] for event in run]
    return groups


def _event(event: Mapping[str, Any], scores: Scores, look: Look, width: int) -> Line:
    kind, step = str(event.get("event", "")), event.get("step")
    bytes = _positive(event.get("bytes"))
    glyph, plain, colour = _KINDS.get(kind, ("·", ".", ""))
    told = "" if kind in _ROUTINE else f"bold {colour}"  # what is rare is told in colour
    start = [
        (f"{glyph if look.unicode else plain} ", colour),
        (f"{_time_of_day(event):<8}  ", "dim"),
        (f"{kind:<{_EVENT}}  ", told),
        (f"{f'{step:,}' if isinstance(step, int) else '':>{width}}  ", ""),
        (f"{_took(_positive(event.get('seconds'))):>{_TOOK}}  ", "dim"),
        (f"{file_size(bytes) if bytes else '':>{_SIZE}}  ", "dim"),
    ]
    indent = sum(cell_len(text) for text, _ in start)
    return Line(Content.assemble(*start, *_detail(event, scores, look)), indent)


def _detail(event: Mapping[str, Any], scores: Scores, look: Look) -> list[tuple[str, str]]:
    parts = [(str(event["detail"]), "")] if event.get("detail") else []
    if event.get("event") == "validation" and (loss := scores.losses.get(event.get("step"))) is not None:
        parts.append((f"loss {number(loss)}", ""))
        if event["step"] == scores.best:
            parts.append((f"  {look.star} lowest", "$success"))
    return parts


def _run_of(group: Sequence[Mapping[str, Any]], look: Look) -> Line:
    counts = Counter(event["event"] for event in group)
    what = ", ".join(_several(count, kind) for kind, count in counts.items())
    steps = [event["step"] for event in group if isinstance(event.get("step"), int)]
    dash = "–" if look.unicode else "-"
    size = sum(_positive(event.get("bytes")) for event in group)
    seconds = sum(_positive(event.get("seconds")) for event in group)
    facts = [f"steps {min(steps):,}{dash}{max(steps):,}"] if steps else []
    facts += [_took(seconds)] if seconds else []
    facts += [file_size(size)] if size else []
    one_day = _day(group[0]) == _day(group[-1])
    first, last = (_time_of_day(event, with_day=not one_day) for event in (group[0], group[-1]))
    times = f"{first} {dash} {last}"
    mark = "≡ " if look.unicode else ": "
    text = [(mark, "dim"), (f"{times}  ", "dim"), (what, ""), (f"  {', '.join(facts)}", "dim")]
    return Line(Content.assemble(*text), 12)


def _several(count: int, kind: str) -> str:
    return f"{count:,} {kind}" if count == 1 or kind == "removed" else f"{count:,} {kind}s"


def _step_width(events: Sequence[Mapping[str, Any]]) -> int:
    return max([4, *(len(f"{event['step']:,}") for event in events if isinstance(event.get("step"), int))])


def _positive(value: object) -> float:
    """A cell that should be a number: 0 when it is something else."""
    return value if isinstance(value, (int, float)) and 0 < value < float("inf") else 0


def _took(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{seconds:.1f} s" if seconds < 9.95 else duration(seconds)


def _local(event: Mapping[str, Any]) -> datetime | None:
    unix = clock.to_unix(event.get("time", ""))
    return None if unix is None else datetime.fromtimestamp(unix)


def _time_of_day(event: Mapping[str, Any], with_day: bool = False) -> str:
    local = _local(event)
    return local.strftime("%a %H:%M:%S" if with_day else "%H:%M:%S") if local else ""


def _day(event: Mapping[str, Any]) -> str:
    local = _local(event)
    return f"{local:%A} {local.day} {local:%B %Y}" if local else "at an unknown time"
