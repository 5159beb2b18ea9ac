"""The facts of one run, for `fs2keras status` and the monitor: one source, so they never disagree."""

from collections.abc import Mapping
from typing import Any

from fs2keras.rundir import record
from fs2keras.rundir.columns import STEP_HEAD, STEP_TAIL, names
from fs2keras.rundir.eta import ROWS, Eta, eta
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.statistics import duration, state
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows, read_last_rows, read_rows

_EXIT_CODES = {"stalled": 1, "crashed": 1, "nan": 4, "interrupted": 130}
_EVERY_RUN = names((*STEP_HEAD, *STEP_TAIL))


def summarise(rundir: RunDir) -> dict[str, Any]:
    """The facts of a run, None where there is none yet.

    `losses` and `validation` hold the last row of their file, `best` the validation row with the lowest loss, `columns`
    what run.json says about them; times are seconds, sizes bytes. From `eta_low_s` to `eta_high_s` is an 80 % interval.
    """
    fields, now = record.read(rundir), state(rundir)
    rows = read_last_rows(rundir.steps_csv, ROWS)
    beats, events = read_last_rows(rundir.process_csv, 1), read_rows(rundir.events_csv)
    last = rows[-1] if rows else {}
    step = max(last.get("step") or 0, (beats[-1]["step"] or 0) if beats else 0)
    total = fields.get("total_steps")
    return {
        "path": str(rundir.path),
        "name": rundir.name,
        "kind": fields.get("kind"),
        "state": now.name,
        "reason": now.reason,
        "step": step,
        "total_steps": total,
        "epoch": last.get("epoch"),
        "elapsed_s": last.get("elapsed_s"),
        **_eta(None if now.name == "finished" else remaining(Table.from_rows(rows), total)),
        "steps_per_s": last.get("steps_per_s"),
        "losses": _losses(last),
        **_validation(read_rows(rundir.validation_csv)),
        **_checkpoints(rundir, step, fields),
        "columns": fields.get("columns", {}),
        "resumed": sum(row["event"] == "resumed" for row in events),
        "last_event": events[-1] if events else None,
        **{key: fields.get(key) for key in ("backend", "versions", "devices", "parameters", "host", "pid")},
        "process": beats[-1] if beats else None,
        "skipped_rows": rows.skipped + events.skipped,
    }


def exit_code(summary: Mapping[str, Any]) -> int:
    """0 fine or done, 1 failed, stalled or crashed, 4 NaN, 130 interrupted after a clean save."""
    return _EXIT_CODES.get(summary["state"], 0)


def render(summary: Mapping[str, Any]) -> str:
    """The facts as plain text, a line each."""
    lines = [
        ("run", f"{summary['path']}" + (f"  ({summary['kind']})" if summary["kind"] else "")),
        ("state", f"{summary['state']}: {summary['reason']}"),
        ("step", _progress(summary)),
        ("time", _times(summary)),
        ("train", _values(summary["losses"], summary["columns"])),
        ("validation", _at_step(summary["validation"], summary["columns"])),
        ("best", _at_step(summary["best"], summary["columns"], only=("loss",))),
        ("checkpoints", _checkpoint_line(summary)),
        ("machine", _machine(summary)),
        ("resumed", f"{summary['resumed']} times" if summary["resumed"] else None),
        ("broken", f"{summary['skipped_rows']} unreadable CSV rows" if summary["skipped_rows"] else None),
    ]
    return "\n".join(f"{label:<12} {text}" for label, text in lines if text)


def remaining(steps: Table, total: int | None) -> Eta | None:
    """Training time left until step `total`, from the last rows of steps.csv; None when they do not tell."""
    if not total or "elapsed_s" not in steps:
        return None
    return eta(steps["step"][-ROWS:], steps["elapsed_s"][-ROWS:], total)


def _eta(left: Eta | None) -> dict[str, float | None]:
    return dict(zip(("eta_s", "eta_low_s", "eta_high_s"), left or (None, None, None), strict=True))


def _losses(row: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in a row of steps.csv besides the columns that every run has."""
    return {name: value for name, value in row.items() if name not in _EVERY_RUN}


def _validation(rows: Rows) -> dict[str, Any]:
    scored = [row for row in rows if isinstance(row.get("loss"), (int, float)) and row["loss"] == row["loss"]]
    best = min(scored, key=lambda row: row["loss"]) if scored else None
    return {"validation": rows[-1] if rows else None, "best": best}


def _checkpoints(rundir: RunDir, step: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    checkpoints, every = rundir.list_checkpoints(), fields.get("checkpoint_every")
    total = fields.get("total_steps")
    upcoming = (step // every + 1) * every if every else None
    return {
        "checkpoints": len(checkpoints),
        "checkpoint_bytes": sum(path.stat().st_size for _, path in checkpoints),
        "last_checkpoint": str(checkpoints[-1][1]) if checkpoints else None,
        "next_checkpoint": upcoming if upcoming and total and upcoming <= total else None,
    }


def _progress(summary: Mapping[str, Any]) -> str:
    step, total = summary["step"], summary["total_steps"]
    text = f"{step:,} of {total:,} ({100 * step / total:.1f} %)" if total else f"{step:,}"
    return text + (f", epoch {summary['epoch']}" if summary["epoch"] is not None else "")


def _times(summary: Mapping[str, Any]) -> str | None:
    if summary["elapsed_s"] is None:
        return None
    parts = [f"{duration(summary['elapsed_s'])} trained"]
    if summary["steps_per_s"]:
        parts.append(f"{summary['steps_per_s']:.3g} steps/s")
    if summary["eta_s"]:
        left, low, high = (duration(summary[key]) for key in ("eta_s", "eta_low_s", "eta_high_s"))
        parts.append(f"{left} to go" + (f" ({low} to {high})" if low != high else ""))
    return ", ".join(parts)


def _values(row: Mapping[str, Any] | None, columns: Mapping[str, Any], only: tuple[str, ...] = ()) -> str | None:
    parts = []
    for name, value in (row or {}).items():
        if name == "step" or not isinstance(value, (int, float)) or (only and name not in only):
            continue
        parts.append(f"{columns.get(name, {}).get('label', name)} {value:.4g}")  # units stand in run.json
    return ", ".join(parts) or None


def _at_step(row: Mapping[str, Any] | None, columns: Mapping[str, Any], only: tuple[str, ...] = ()) -> str | None:
    return f"step {row['step']:,}: {_values(row, columns, only)}" if row else None


def _checkpoint_line(summary: Mapping[str, Any]) -> str:
    if not summary["checkpoints"]:
        text = "none yet"
    else:
        text = f"{summary['checkpoints']} ({_size(summary['checkpoint_bytes'])}), last {summary['last_checkpoint']}"
    return text + (f", next at step {summary['next_checkpoint']:,}" if summary["next_checkpoint"] else "")


def _machine(summary: Mapping[str, Any]) -> str | None:
    beat, devices = summary["process"] or {}, summary["devices"]
    devices = ", ".join(devices) if isinstance(devices, (list, tuple)) else devices
    parts = [f"{summary['backend']} on {devices or 'unknown devices'}"] if summary["backend"] else []
    parts += [f"host {summary['host']}"] if summary["host"] else []
    parts += [f"cpu {beat['cpu_percent']:.0f} %"] if beat.get("cpu_percent") is not None else []
    parts += [f"memory {_size(beat['rss_bytes'])}"] if beat.get("rss_bytes") else []
    parts += [f"gpu {beat['gpu_percent']:.0f} %"] if beat.get("gpu_percent") is not None else []
    parts += [f"gpu memory {_size(beat['gpu_memory_bytes'])}"] if beat.get("gpu_memory_bytes") else []
    return ", ".join(parts) or None


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
