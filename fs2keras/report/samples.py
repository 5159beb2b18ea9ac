"""What the model spoke or drew while it trained, to listen to and to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from fs2keras.report.canvas import Area
from fs2keras.report.document import Chart, Sound, Sounds
from fs2keras.report.facts import Run
from fs2keras.rundir.layout import step_of

MOST_BYTES = 30_000_000  # of sound in a page, as base64 has it
STEPS = 8  # of which the first sentence can be heard
PRINTED = 4  # pictures of each kind on paper
PICTURE_WIDTH, _PICTURE_HEIGHT, _TALLEST = 4.6, 1.75, 8.0  # inches


@dataclass(frozen=True)
class Sample:
    """What lies in RUN/samples/step-NNNNNNN under one name; None where there is no such file."""

    step: int
    name: str
    sentence: str
    wav: Path | None
    png: Path | None


class Budget:
    """How much sound a page may still take."""

    def __init__(self, bytes: int):
        self.left, self.refused = bytes, 0

    def take(self, data: bytes) -> bool:
        """Whether there is room for it in the page."""
        encoded = -(-len(data) // 3) * 4
        fits = encoded <= self.left
        self.left -= encoded if fits else 0
        self.refused += not fits
        return fits


def list_samples(run: Run) -> dict[int, list[Sample]]:
    """Step -> its samples by name, earliest step first."""
    sentences = run.recipe("samples").get("sentences")
    sentences = sentences if isinstance(sentences, list) else []
    found = {}
    for folder in run.rundir.samples.iterdir() if run.rundir.samples.is_dir() else ():
        try:
            step = step_of(folder)
        except ValueError:
            continue
        files = {path.name: path for path in folder.iterdir() if path.suffix in (".wav", ".png")}
        names = sorted({path.stem for path in files.values()})
        samples = [
            Sample(step, name, _sentence(name, sentences), files.get(f"{name}.wav"), files.get(f"{name}.png"))
            for name in names
            if not name.startswith(".")  # being written
        ]
        if samples:
            found[step] = samples
    return dict(sorted(found.items()))


def blocks(runs: Sequence[Run], budget: Budget) -> list[Sounds]:
    """The last samples of each run, and of a single one its first sentence over the steps."""
    if len(runs) > 1:
        return _beside_each_other(runs, budget)
    (run,) = runs
    found = list_samples(run)
    if not found:
        return []
    last = max(found)
    spoken = [
        _sound(run, sample, budget, sample.sentence or sample.name, i < PRINTED) for i, sample in enumerate(found[last])
    ]
    result = [Sounds(f"The last samples, at step {last:,}", spoken)]
    first = found[last][0].name
    over = [sample for samples in found.values() for sample in samples if sample.name == first]
    over = [over[i] for i in np.unique(np.linspace(0, len(over) - 1, min(len(over), STEPS)).astype(int))]
    if len(over) > 1:
        printed = set(np.linspace(0, len(over) - 1, min(len(over), PRINTED)).astype(int))
        heard = [
            _sound(run, replace(sample, sentence=""), budget, f"step {sample.step:,}", i in printed, "over-")
            for i, sample in enumerate(over)
        ]
        result.append(Sounds(f"Over the steps: {over[0].sentence or first}", heard))
    return result


def _beside_each_other(runs: Sequence[Run], budget: Budget) -> list[Sounds]:
    """Sentence by sentence, what each run last made of it."""
    lasts = []
    for run in runs:
        found = list_samples(run)
        lasts.append({sample.sentence or sample.name: sample for sample in found[max(found)]} if found else {})
    result = []
    for title in dict.fromkeys(title for last in lasts for title in last):
        pairs = [(run, last[title]) for run, last in zip(runs, lasts, strict=True) if title in last]
        printed = len(result) < PRINTED
        heard = [
            _sound(run, replace(sample, sentence=""), budget, f"{run.label}, step {sample.step:,}", printed, f"{i}-")
            for i, (run, sample) in enumerate(pairs)
        ]
        result.append(Sounds(title, heard))
    return result


def _sound(run: Run, sample: Sample, budget: Budget, title: str, printed: bool, prefix: str = "") -> Sound:
    flac, problem = b"", ""
    if sample.wav:
        flac, problem = _flac(sample.wav)
        if flac and not budget.take(flac):
            flac, problem = b"", f"Left out, it would be too much for one page: {sample.wav}"
    name = f"sample-{prefix}{sample.step}-{sample.name}"
    picture, wrong = _picture(run, sample, name) if sample.png else (None, "")
    return Sound(title, sample.sentence, flac, " ".join(filter(None, (problem, wrong))), picture, printed)


def _sentence(name: str, sentences: Sequence[object]) -> str:
    """The recipe's sentence with the number that a file has as its name; "" when it is named otherwise."""
    known = name.isdecimal() and 0 < int(name) <= len(sentences)
    return str(sentences[int(name) - 1]) if known else ""


def _flac(wav: Path) -> tuple[bytes, str]:
    """The sound as 16-bit FLAC, without loss where it has 16 bits; or nothing, and why."""
    flac = BytesIO()
    try:
        # Read as floats: soundfile does not scale the samples of a float file when asked for integers.
        samples, rate = soundfile.read(wav, dtype="float64")
        whole = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
        soundfile.write(flac, whole, rate, format="FLAC", subtype="PCM_16")
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as error:
        return b"", f"{wav.name} cannot be played: {error}"
    return flac.getvalue(), ""


def _picture(run: Run, sample: Sample, name: str) -> tuple[Chart | None, str]:
    """The spectrogram cut out of the png of a sample that can be heard, on axes of ours; any other picture whole."""
    try:
        with Image.open(sample.png) as image:
            box, seconds = _where(image)
            whole = box is None or sample.wav is None
            pixels = np.asarray(image.convert("RGB") if whole else image.convert("RGB").crop(box))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return None, f"{sample.png.name} cannot be shown: {error}"
    words = sample.sentence or sample.name
    if whole:
        height, width = pixels.shape[:2]
        size = min(_TALLEST, PICTURE_WIDTH * height / width)
        return Chart(name, "", f"Picture of {words}", "", size, lambda area: _draw_whole(area, pixels)), ""
    mels = run.positive(run.recipe("audio"), "mels") or 80
    alt = f"Log-mel spectrogram of {words}, {seconds:.1f} s"
    return Chart(name, "", alt, "", _PICTURE_HEIGHT, lambda area: _draw(area, pixels, seconds, mels)), ""


def _where(image: Image.Image) -> tuple[tuple[int, ...] | None, float]:
    """Where in a png of audio.picture the spectrogram stands, and how long it is; None in any other png."""
    text = getattr(image, "text", {})
    try:
        box, seconds = tuple(map(int, text["spectrogram"].split())), float(text["seconds"])
    except (KeyError, ValueError):
        return None, 0.0
    inside = len(box) == 4 and 0 <= box[0] < box[2] <= image.width and 0 <= box[1] < box[3] <= image.height
    return (box, seconds) if inside and seconds > 0 else (None, 0.0)


def _draw(area: Area, pixels: np.ndarray, seconds: float, mels: int) -> None:
    axes = area.axes(0.5, 0.06, area.width - 0.6, area.height - 0.5)
    axes.imshow(pixels, extent=(0.0, seconds, 0.0, mels), aspect="auto", interpolation="none")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("mel band")
    axes.grid(False)


def _draw_whole(area: Area, pixels: np.ndarray) -> None:
    axes = area.axes(0.0, 0.0, area.width, area.height)
    axes.imshow(pixels, aspect="equal", interpolation="none")
    axes.set_axis_off()
