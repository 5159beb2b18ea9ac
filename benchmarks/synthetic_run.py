"""A made-up run directory of any length: python benchmarks/synthetic_run.py FOLDER [--rows 200000] [--status finished].

Same arguments, same files (`--status training` ends now, the others at a given moment). Prints one line of JSON. The
losses fall as those of the published 200,000-step run did, with noise, spikes and a validation loss that lags behind;
the time has validations, saves, samples and one resume in it. Checkpoints and resume states are as large as real ones
and take no room on the disk.
"""

import argparse
import array
import json
import math
import random
import struct
import sys
import time
import wave
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parents[1])]

from fs2keras.rundir import process, record  # noqa: E402
from fs2keras.rundir.columns import (  # noqa: E402
    EVENT_COLUMNS,
    PROCESS_COLUMNS,
    Column,
    as_json,
    names,
    step_columns,
    validation_columns,
)
from fs2keras.rundir.layout import RunDir  # noqa: E402
from fs2keras.rundir.statistics import duration  # noqa: E402

STATUSES = ("finished", "training", "crashed")
LOSSES = (
    Column("loss", "loss", "", "loss", "lower"),
    Column("mel", "mel", "L1, log magnitude", "loss", "lower"),
    Column("mel_postnet", "mel after postnet", "L1, log magnitude", "loss", "lower"),
    Column("pitch", "pitch", "squared, normalised", "loss", "lower"),
    Column("energy", "energy", "squared, normalised", "loss", "lower"),
    Column("duration", "duration", "squared, log(frames + 1)", "loss", "lower"),
    Column("alignment", "alignment", "nats a frame", "loss", "lower"),
)
# Share of the steps -> mel loss after the postnet (the project's reference run), and what the other parts come to in
# units of it at the beginning and at the end.
PROGRESS = ((0.0, 6.0), (0.02, 3.0), (0.125, 1.6), (0.25, 1.2), (0.375, 0.95), (0.5, 0.8), (0.75, 0.68), (1.0, 0.63))
PARTS = {"mel": (1.0, 1.01), "mel_postnet": (1.0, 1.0), "pitch": (0.27, 0.3), "energy": (0.45, 0.12)} | {
    "duration": (0.88, 0.06),
    "alignment": (0.6, 0.2),
}
VALIDATE_EVERY, CHECKPOINT_EVERY, SAMPLE_EVERY, BEAT_S = 1000, 5000, 5000, 10
CHECKPOINT_BYTES, RESUME_BYTES, WARMUP = 33_795_508, 100_254_178, 4000
STEP_S, VALIDATION_S, SAVE_S, SAMPLE_S, COMPILE_S, DOWN_S = 2.0, 12.0, 1.0, 6.0, 240.0, 3600.0
FINISHED = datetime(2026, 11, 22, 16, 0, tzinfo=UTC).timestamp()
DEAD_PID = 2**22 + 1  # one more than Linux gives
SENTENCES = ("The station was empty.", "She waited for nearly an hour.", "Was the answer so simple?")


class Pause(NamedTuple):
    """Work between two steps: what, after which step, from which second of training time on, for how long."""

    event: str
    step: int
    begin: float
    seconds: float


def write_run(
    folder: str | Path,
    rows: int = 200_000,
    *,
    status: str = "finished",
    pid: int | None = None,
    total_steps: int | None = None,
    end: float | None = None,
    seed: int = 1,
) -> RunDir:
    """Write a run of `rows` steps, one row of steps.csv each, into `folder`, which must not exist.

    status: "finished"; "training", by the living process `pid`; or "crashed", by a process that is gone.
    total_steps: rows when finished, else a quarter more.
    end: Unix time of its last sign of life; now when training.
    """
    run = RunDir(folder)
    run.path.mkdir(parents=True)
    end = end or (time.time() if status == "training" else FINISHED)
    noise = Noise(seed)
    finished = status == "finished"
    total = total_steps or (rows if finished else rows * 5 // 4)
    elapsed, pauses = timeline(rows, noise, finished)
    resumed = max(1, rows * 2 // 5)  # the process was started again after this step
    begin = end - DOWN_S - max([elapsed[-1], *(pause.begin + pause.seconds for pause in pauses[-3:])])

    def at(seconds: float) -> float:
        """Unix time of a second of training time."""
        return begin + seconds + (DOWN_S if seconds > elapsed[resumed - 1] else 0.0)

    validation = write_tables(run, total, elapsed, [p.step for p in pauses if p.event == "validation"], noise)
    write_events(run, pauses, at, (resumed, elapsed[resumed - 1]), rows if finished else None, end)
    write_process(run, elapsed, pauses, at, (begin, at(elapsed[resumed - 1]), end), noise)
    write_log(run, pauses, at, validation, rows, total, elapsed)
    write_results(run, [p.step for p in pauses if p.event == "checkpoint"], rows)
    write_owner(run, status, pid, total, begin)
    return run


class Noise:
    """Normal numbers from a seed, quickly: one list of them, from another place each time."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self._values = [self._random.gauss(0, 1) for _ in range(1 << 15)]

    def __call__(self, scale: float = 1.0) -> Iterator[float]:
        begin = self._random.randrange(len(self._values))
        return (scale * value for value in islice(cycle(self._values), begin, None))


def timeline(rows: int, noise: Noise, finished: bool) -> tuple[array.array, list[Pause]]:
    """Seconds of training time at each step, and the pauses in it."""
    elapsed, pauses, now, jitter = array.array("d"), [], COMPILE_S, noise(0.08)
    for step in range(1, rows + 1):
        now += STEP_S * (1 + max(-0.5, next(jitter)))
        elapsed.append(now)
        for event, every, seconds in (
            ("validation", VALIDATE_EVERY, VALIDATION_S),
            ("checkpoint", CHECKPOINT_EVERY, SAVE_S),
            ("sample", SAMPLE_EVERY, SAMPLE_S),
        ):
            if step % every == 0 or (finished and step == rows and event != "sample"):
                pauses.append(Pause(event, step, now, seconds))
                now += seconds
    return elapsed, pauses


def guide(share: float) -> float:
    """The mel loss at a share of the training, between the points of PROGRESS along straight lines of its logarithm."""
    (x0, y0), (x1, y1) = next(pair for pair in zip(PROGRESS, PROGRESS[1:], strict=False) if share <= pair[1][0])
    return math.exp(math.log(y0) + (math.log(y1) - math.log(y0)) * (share - x0) / (x1 - x0))


def losses(share: float, lag: float, noises: Sequence[Iterator[float]]) -> list[float]:
    """The total and its parts, as float32 numbers print."""
    mel = guide(share) * lag
    fallen = (6.0 - mel) / 5.37
    parts = [
        mel * (first + (last - first) * fallen) * math.exp(next(noise))
        for (first, last), noise in zip(PARTS.values(), noises, strict=True)
    ]
    parts = list(struct.unpack(f"{len(parts)}f", struct.pack(f"{len(parts)}f", *parts)))
    return [sum(parts), *parts]


def write_tables(
    run: RunDir, total: int, elapsed: Sequence[float], validated: Sequence[int], noise: Noise
) -> dict[int, list[float]]:
    """steps.csv and validation.csv; the rows of the latter by step."""
    noises, jitter, before = [noise(0.06) for _ in PARTS], noise(), COMPILE_S
    single = struct.Struct("f")
    with open(run.steps_csv, "w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(names(step_columns(LOSSES))) + "\n")
        for step, now in enumerate(elapsed, 1):
            spike = 6.0 if step % 7919 == 0 else 1.0
            values = losses(step / total, spike, noises)
            rate = 128**-0.5 * min(step**-0.5, step * WARMUP**-1.5)
            gradient = spike * (0.8 + 40 * math.exp(-step / 300)) * math.exp(0.4 * next(jitter))
            values += single.unpack(single.pack(rate)) + single.unpack(single.pack(gradient))
            speed, before = 1 / (now - before), now
            values += (round(speed, 4), round(speed * 8900, 1), round(abs(next(jitter)) * 4e-4, 4))
            file.write(f"{step},{(step - 1) // 390},{round(now, 3)!r},{','.join(map(repr, values))}\n")
    noises, validation = [noise(0.004) for _ in PARTS], {}
    for step in validated:
        lag = 1.03 + 0.12 * max(0.0, step / total - 0.8)  # a little over-fitting at the end
        validation[step] = losses(step / total, lag, noises)
    lines = [f"{step},{','.join(map(repr, values))}" for step, values in validation.items()]
    write_csv(run.validation_csv, names(validation_columns(LOSSES)), lines)
    return validation


def write_events(
    run: RunDir,
    pauses: Sequence[Pause],
    at: Callable[[float], float],
    resumed: tuple[int, float],
    finished: int | None,
    end: float,
) -> None:
    """events.csv; `resumed`: after which step and second of training time, `finished`: after which step, if it is."""
    lines = [f"{iso(at(0.0))},0,started,,0,0.0"]
    again = [(at(resumed[1]) + DOWN_S, f"{iso(at(resumed[1]) + DOWN_S)},{resumed[0]},resumed,,0,0.0")]
    for event, step, begin, seconds in pauses:
        detail, size = "", 0
        if event == "checkpoint":
            detail, size = run.checkpoint(step).name, CHECKPOINT_BYTES
        elif event == "sample":
            detail, size = run.sample_folder(step).name, 850_000
        if again and begin > resumed[1]:
            lines.append(again.pop()[1])
        lines.append(f"{iso(at(begin) + seconds)},{step},{event},{detail},{size},{seconds}")
    if finished:
        lines.append(f"{iso(end)},{finished},finished,,0,0.0")
    write_csv(run.events_csv, names(EVENT_COLUMNS), lines)


def write_process(
    run: RunDir,
    elapsed: Sequence[float],
    pauses: Sequence[Pause],
    at: Callable[[float], float],
    times: tuple[float, float, float],
    noise: Noise,
) -> None:
    """process.csv: a heartbeat every ten seconds, none while the process was down; `times`: begin, kill, end."""
    begin, killed, end = times
    starts, jitter, lines = [pause.begin for pause in pauses], noise(), []
    activities = {"validation": "validating", "checkpoint": "saving", "sample": "sampling"}
    now = begin
    while now <= end:
        if killed < now < killed + DOWN_S:
            now = killed + DOWN_S
        seconds = now - begin - (DOWN_S if now > killed else 0.0)
        pause = pauses[bisect_right(starts, seconds) - 1] if pauses and seconds >= starts[0] else None
        activity = "compiling" if seconds < COMPILE_S else "training"
        if pause and seconds < pause.begin + pause.seconds:
            activity = activities[pause.event]
        memory = int(2.9e9 + 2e7 * next(jitter))
        usage = f"{170 + 10 * next(jitter):.1f},{memory},{65_000_000 + int(now - begin)},{int((now - begin) * 45_000)}"
        lines.append(f"{iso(now)},{bisect_right(elapsed, seconds)},{activity},{usage},,")
        now += BEAT_S
    write_csv(run.process_csv, names(PROCESS_COLUMNS), lines)


def write_log(
    run: RunDir,
    pauses: Sequence[Pause],
    at: Callable[[float], float],
    validation: dict[int, list[float]],
    rows: int,
    total: int,
    elapsed: Sequence[float],
) -> None:
    """log.txt: every tenth step and every pause."""
    lines = [(0.0, f"runs/{run.name}: fastspeech2 on jax (cpu:0), 8,347,747 parameters. Ctrl-C stops and saves.")]
    for pause in pauses:
        if pause.event == "validation":
            words = ", ".join(f"{c.name} {value:.3f}" for c, value in zip(LOSSES, validation[pause.step], strict=True))
            text = f"validation at step {pause.step:,}: {words}"
        elif pause.event == "checkpoint":
            text = f"checkpoint {run.checkpoint(pause.step)} ({CHECKPOINT_BYTES / 1e6:.1f} MB)"
        else:
            text = f"samples {run.sample_folder(pause.step)}"
        lines.append((pause.begin + pause.seconds, text))
    for step in range(10, rows + 1, 10):
        left = duration((total - step) * STEP_S)
        upcoming = min((step // CHECKPOINT_EVERY + 1) * CHECKPOINT_EVERY, total)
        text = f"step {step:,}/{total:,}  loss {3.3 * guide(step / total):.3f}  {1 / STEP_S:.2f} steps/s  "
        lines.append((elapsed[step - 1], f"{text}done in {left}  next checkpoint {upcoming:,}"))
    lines.sort(key=lambda line: line[0])
    text = "".join(f"{iso(at(seconds))[:19]}+00:00  {line}\n" for seconds, line in lines)
    run.log_txt.write_text(text, encoding="utf-8")


def write_results(run: RunDir, checkpoints: Sequence[int], rows: int) -> None:
    """Checkpoints and resume states without content, samples that can be heard and seen."""
    for folder in (run.checkpoints, run.resume, run.samples):
        folder.mkdir()
    for step in checkpoints:
        sparse(run.checkpoint(step), CHECKPOINT_BYTES)
    for step in {max(1, rows - 500), rows}:
        sparse(run.resume / f"step-{step:07d}.npz", RESUME_BYTES)
    steps = range(SAMPLE_EVERY, rows + 1, SAMPLE_EVERY)
    sounds = [tone(110.0 * (2 + number)) for number in range(len(SENTENCES))]
    pictures = [spectrogram(1 + number) for number in range(len(SENTENCES))]
    for step in steps:
        folder = run.sample_folder(step)
        folder.mkdir()
        clearer = 0.4 + 0.6 * step / rows
        for number, (sound, picture) in enumerate(zip(sounds, pictures, strict=True), 1):
            with wave.open(str(folder / f"{number:02d}.wav"), "wb") as file:
                file.setparams((1, 2, 22050, 0, "NONE", ""))
                file.writeframes(sound)
            shades = bytes(int(value * clearer) for value in range(256))
            (folder / f"{number:02d}.png").write_bytes(png([row.translate(shades) for row in picture]))


def write_owner(run: RunDir, status: str, pid: int | None, total: int, begin: float) -> None:
    """recipe.toml, run.json and run.lock."""
    run.recipe.write_text(recipe(run.name, total), encoding="utf-8")
    host = process.identity()["host"]
    owner = {"pid": DEAD_PID, "process_start_time": "1", "host": host}
    if status == "training":
        if pid is None or (started := process.process_start_time(pid)) is None:
            raise ValueError(f"pid is {pid}, expected that of a living process")
        owner = {"pid": pid, "process_start_time": started, "host": host}
    record.write(
        run,
        kind="fastspeech2",
        status="finished" if status == "finished" else "training",  # a killed process cannot say so
        **owner,
        backend="jax",
        versions={"keras": "3.15.1", "jax": "0.10.2"},
        devices=["cpu:0"],
        total_steps=total,
        checkpoint_every=CHECKPOINT_EVERY,
        parameters=8_347_747,
        fingerprint="0" * 64,
        columns=as_json(step_columns(LOSSES)),
    )
    run.lock_file.write_text("" if status == "finished" else json.dumps({**owner, "since": iso(begin)}))


def recipe(name: str, total: int) -> str:
    return f"""kind = "fastspeech2"

[run]
name = {json.dumps(name)}  # the run's folder in run.dir
seed = 1  # the only source of randomness

[corpus]
reader = "ljspeech"  # layout of the corpus folder

[train]
steps = {total}  # optimiser updates in all; raise it to go on
batch_size = 16  # utterances in a batch, on average
log_every = 1  # steps from one row of steps.csv to the next
validate_every = {VALIDATE_EVERY}  # steps from one validation to the next
checkpoint_every = {CHECKPOINT_EVERY}  # steps from one checkpoint to the next
keep_last = 0  # checkpoints kept, the newest ones; 0 keeps all
backup_every = 500  # steps that a kill can cost at most
sample_every = {SAMPLE_EVERY}  # steps from one set of spoken samples to the next
warmup = {WARMUP}  # steps of rising learning rate

[samples]
sentences = {json.dumps(SENTENCES)}  # sentences spoken every train.sample_every steps
"""


def tone(pitch: float, seconds: float = 0.5, rate: int = 22050) -> bytes:
    """16-bit samples of a sound with ten harmonics that fades."""
    period = [sum(math.sin(2 * math.pi * h * i / 200) / h for h in range(1, 11)) for i in range(200)]
    count = int(seconds * rate)
    samples = (int(9000 * period[int(i * pitch * 200 / rate) % 200] * (1 - i / count)) for i in range(count))
    return array.array("h", samples).tobytes()


def spectrogram(number: int, width: int = 240, height: int = 80) -> list[bytes]:
    """Rows of grey pixels: harmonics that bend, in syllables."""
    rows = []
    for y in range(height):
        band = (height - y) / 9
        rows.append(
            bytes(
                int(255 * abs(math.sin(number * x / 30)) * (0.5 + 0.5 * math.cos(6.28 * (band + math.sin(x / 40)))))
                for x in range(width)
            )
        )
    return rows


def png(rows: Sequence[bytes]) -> bytes:
    """A grey picture as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def sparse(path: Path, size: int) -> None:
    with open(path, "wb") as file:
        file.truncate(size)


def write_csv(path: Path, columns: Sequence[str], lines: Sequence[str]) -> None:
    path.write_text("\n".join((",".join(columns), *lines)) + "\n", encoding="utf-8")


def iso(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--status", choices=STATUSES, default="finished")
    parser.add_argument("--pid", type=int, help="the living process that trains, with --status training")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begin = time.perf_counter()
    run = write_run(options.folder, options.rows, status=options.status, pid=options.pid, seed=options.seed)
    sizes = {path.name: path.stat().st_size for path in sorted(run.path.iterdir()) if path.is_file()}
    seconds = round(time.perf_counter() - begin, 2)
    print(json.dumps({"run": str(run.path), "rows": options.rows, "seconds": seconds, "bytes": sizes}))


if __name__ == "__main__":
    main()
