"""Who trains, and what it uses: from the living process, or from what the run itself has logged."""

import socket
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from os import cpu_count
from statistics import median
from typing import Any

from fs2_tui.gauges import Gauge
from fs2_tui.schedule import is_running
from fs2_tui.words import age, clock_time
from fs2keras.rundir import clock
from fs2keras.rundir.sizes import file_size
from fs2keras.rundir.statistics import duration
from fs2keras.rundir.watch import Snapshot

RATE_ROWS = 6  # heartbeats, one minute, over which the disk's rates are taken
WAIT_ROWS = 50  # rows of steps.csv over which the share of waiting is taken
STEP_ROWS = 400  # rows of steps.csv whose speed is drawn
MUCH_WAIT = 0.1  # of the time: training that waits more for data is worth looking at

Fact = tuple[str, str, str]  # label, text, style


def who(snapshot: Snapshot) -> list[Fact]:
    """The process and what it runs on, a label and a sentence each."""
    fields = snapshot.record
    versions = ", ".join(f"{name} {version}" for name, version in (fields.get("versions") or {}).items())
    backend = fields.get("backend") or ""
    devices = ", ".join(str(device) for device in fields.get("devices") or ())
    parameters = f"{fields['parameters']:,} parameters" if fields.get("parameters") else ""
    model = ", ".join(part for part in (str(fields.get("kind") or ""), parameters) if part)
    host = str(fields.get("host") or "")
    facts = [
        ("process", *_life(snapshot)),
        ("heartbeat", _heartbeat(snapshot), ""),
        ("command", (snapshot.process.command or "") if snapshot.process else "", ""),
        ("host", f"{host}, this machine" if host and snapshot.here else host, ""),
        ("backend", f"{backend} on {devices}" if devices else backend, ""),
        ("versions", versions, ""),
        ("model", model, ""),
    ]
    return [fact for fact in facts if fact[1]]


def _life(snapshot: Snapshot) -> tuple[str, str]:
    """Whether the process lives, as far as that can be known from here, and a style."""
    fields, summary = snapshot.record, snapshot.summary
    pid = fields.get("pid")
    if pid is None:
        return (snapshot.problem if not snapshot.summary else "") or "none yet: there is no run.json", "dim"
    if snapshot.process:
        up, threads = snapshot.process.uptime_s, snapshot.process.threads
        lives = f"{pid} lives" + (f" for {duration(up)}" if up is not None else "")
        lives += f" with {threads} thread{'s' if threads > 1 else ''}" if threads else ""
        return f"{lives}; its start time is that of run.json", "$success"
    if not snapshot.here:
        return (
            f"{pid} on {fields.get('host')}, another machine than this one ({socket.gethostname()}): it cannot be "
            "seen from here. What follows is what the run itself logged in process.csv",
            "bold $warning",
        )
    how = {"finished": "ended: all steps are done", "interrupted": "ended: it was asked to stop"}
    if (state := summary.get("state")) in how:
        return f"{pid} {how[state]}", ""
    return f"{pid} is gone", "bold $error"


def _heartbeat(snapshot: Snapshot) -> str:
    """When the last one was, and what it said."""
    if not snapshot.beats:
        return "none yet" if is_running(snapshot) else ""
    last = snapshot.beats[-1]
    at = clock.to_unix(last.get("time"))
    when = age(last.get("time"))
    if at is not None and not snapshot.process:
        when = f"{clock_time(at, snapshot.time)}, {when}"
    step = f" at step {last['step']:,}" if isinstance(last.get("step"), int) else ""
    return f"{when}: {last.get('activity') or 'something'}{step}"


def gauges(snapshot: Snapshot) -> list[Gauge]:
    """What it uses now, with the last hour; of a process that cannot be seen, as it was at its last heartbeat."""
    beats = snapshot.beats
    found = [_cpu(snapshot), _memory(snapshot), *_disk(beats), *_gpu(snapshot), *_training(snapshot)]
    return [gauge for gauge in found if gauge.value]


def _cpu(snapshot: Snapshot) -> Gauge:
    now = _now(snapshot, "cpu_percent", "cpu_percent")
    cores = cpu_count() if snapshot.here else None
    detail = f"{now / 100:.1f} of {cores} cores" if now is not None and cores else ""
    return Gauge("cpu", _percent(now), detail, column(snapshot.beats, "cpu_percent"), _percent, dips=True)


def _memory(snapshot: Snapshot) -> Gauge:
    now, history = _now(snapshot, "rss_bytes", "rss_bytes"), column(snapshot.beats, "rss_bytes")
    logged = max((value for value in history if isfinite(value)), default=None)
    peak = (snapshot.process and snapshot.process.peak_bytes) or logged
    detail = f"peak {file_size(peak)}" if peak else ""
    return Gauge("memory", file_size(now) if now else "", detail, history, file_size, from_zero=False)


def _disk(beats: Sequence[Mapping[str, Any]]) -> list[Gauge]:
    found = []
    for name, label in (("read_bytes", "disk read"), ("written_bytes", "disk written")):
        history, total = rates(beats, name), _number(beats[-1].get(name)) if beats else nan
        recent = [value for value in history[-RATE_ROWS:] if isfinite(value)]
        if isfinite(total):
            rate = sum(recent) / len(recent) if recent else 0.0
            detail = f"{file_size(total)} in all"
            found.append(Gauge(label, _per_second(rate), detail, history, _per_second))
    return found


def _gpu(snapshot: Snapshot) -> list[Gauge]:
    use, memory = _now(snapshot, "gpu_percent", "gpu_percent"), _now(snapshot, "gpu_memory_bytes", "gpu_memory_bytes")
    found = []
    if use is not None:
        found.append(Gauge("gpu", _percent(use), "", column(snapshot.beats, "gpu_percent"), _percent, dips=True))
    if memory is not None:
        history = column(snapshot.beats, "gpu_memory_bytes")
        found.append(Gauge("gpu memory", file_size(memory), "", history, file_size, from_zero=False))
    return found


def _training(snapshot: Snapshot) -> list[Gauge]:
    """From steps.csv: how much of the time it waits for data, and its speed."""
    steps, found = snapshot.steps, []
    if "data_wait_share" in steps and (last := steps.last("data_wait_share")) is not None:
        history = steps["data_wait_share"][-STEP_ROWS:]
        usual = median([share for share in history[-WAIT_ROWS:] if isfinite(share)] or [last])
        style = "bold $warning" if usual > MUCH_WAIT else "bold"
        found.append(Gauge("data wait", _share(last), f"median {_share(usual)}", history, _share, style=style))
    if "steps_per_s" in steps and (last := steps.last("steps_per_s")) is not None:
        elapsed, step = snapshot.summary.get("elapsed_s"), snapshot.summary.get("step")
        overall = f"{step / elapsed:.3g} over the run" if elapsed and step else ""
        found.append(Gauge("steps/s", f"{last:.3g}", overall, steps["steps_per_s"][-STEP_ROWS:], dips=True))
    return found


def span(snapshot: Snapshot) -> str:
    """How far back the heartbeats and the rows that are drawn go."""
    parts = []
    times = [clock.to_unix(beat["time"]) for beat in (snapshot.beats[:1] + snapshot.beats[-1:]) if beat.get("time")]
    if len(times) == 2 and None not in times and times[1] > times[0]:
        parts.append(f"heartbeats of {duration(times[1] - times[0])}")
    if len(snapshot.steps) > 1:
        parts.append(f"data wait and steps/s of {min(STEP_ROWS, len(snapshot.steps)):,} rows")
    return ", ".join(parts)


def column(beats: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """A column of process.csv; NaN where nothing was measured."""
    return [_number(beat.get(name)) for beat in beats]


def rates(beats: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Per second from one heartbeat to the next; NaN where that cannot be told, as where another process began."""
    times = [clock.to_unix(beat.get("time")) for beat in beats]
    counts = column(beats, name)
    found = []
    for i in range(1, len(beats)):
        known = times[i] is not None and times[i - 1] is not None and times[i] > times[i - 1]
        rate = (counts[i] - counts[i - 1]) / (times[i] - times[i - 1]) if known else nan
        found.append(rate if rate >= 0 else nan)
    return found


def _now(snapshot: Snapshot, attribute: str, name: str) -> float | None:
    """Of the living process, or else of its last heartbeat."""
    value = getattr(snapshot.process, attribute) if snapshot.process else None
    if value is None and snapshot.beats:
        value = snapshot.beats[-1].get(name)
    return value if isinstance(value, (int, float)) else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else nan


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _per_second(value: float) -> str:
    return f"{file_size(value)}/s"
