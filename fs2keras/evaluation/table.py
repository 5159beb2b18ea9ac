"""An evaluation as a table for people."""

from textwrap import wrap

from fs2keras.evaluation.catalogue import BY_NAME, METRICS, Metric
from fs2keras.evaluation.results import Evaluation
from fs2keras.evaluation.uncertainty import Interval

_HINTS = {
    "teacher-forced": "given the durations, pitch and energy of the recording",
    "free-running": "given the text alone",
}
_RANKED = ("mcd_espnet", "mel_postnet")  # by the first that was measured, the worst utterances are named
_WIDTH = 120  # of the list of them


def render(evaluation: Evaluation) -> str:
    """Each metric with its mean over the split, 95 % interval, and floor: what copy-synthesis of the recording through
    the same vocoder gets, or the recording's own value."""
    head, utterances = evaluation.head, evaluation.utterances
    place = f"at step {head['step']:,}" if head["step"] is not None else f"({head['checkpoint']})"
    lines = [f"{head['run']} {place} on {len(utterances):,} utterances of {head['split']}, through {head['vocoder']}"]
    rows = [(metric, evaluation.interval("voice", metric)) for metric in METRICS]
    rows = [(metric, interval) for metric, interval in rows if interval]
    width = max((len(metric.label) for metric, _ in rows), default=0)
    for mode, hint in _HINTS.items():
        mine = [(metric, interval) for metric, interval in rows if metric.mode == mode]
        if not mine:
            continue
        lines += ["", f"{mode}: {hint}", _line("", "", "mean", "95 % interval", "floor", "recording", "", "", width)]
        lines += [_row(evaluation, metric, interval, width) for metric, interval in mine]
    lines += _notes(evaluation)
    return "\n".join(lines)


def _row(evaluation: Evaluation, metric: Metric, interval: Interval, width: int) -> str:
    def number(value: float) -> str:
        return f"{value:.{metric.digits}f}"

    others = [evaluation.interval(side, metric) for side in ("floor", "recording")]
    spread = f"{number(interval.low)} to {number(interval.high)}"
    sides = [number(other.mean) if other else "" for other in others]
    better = f"{metric.better} is better" if metric.better else "near the recording's is better"
    return _line(metric.name, metric.label, number(interval.mean), spread, *sides, metric.unit, better, width)


def _line(name, label, mean, spread, floor, recording, unit, better, width) -> str:
    line = f"  {name:<20} {label:<{width}} {mean:>8}  {spread:<18} {floor:>7} {recording:>9}  {unit:<6} {better}"
    return line.rstrip()


def _notes(evaluation: Evaluation) -> list[str]:
    lines = []
    ranked = next((pair for name in _RANKED if (pair := (name, evaluation.worst(BY_NAME[name])))[1]), None)
    if ranked:
        named = f"worst by {ranked[0]}: {', '.join(f'{id} {value:.2f}' for id, value in ranked[1])}"
        lines += ["", *wrap(named, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)]
    failed = {id: u["failed"] for id, u in evaluation.utterances.items() if u.get("failed")}
    if failed:
        first = next(iter(failed))
        lines += ["", f"not spoken: {len(failed)} of {len(evaluation.utterances)}; {first}: {failed[first]}"]
    return lines
