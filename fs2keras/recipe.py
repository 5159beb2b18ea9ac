"""A recipe: TOML in, a frozen, strict, typed value out. Every key, its default and its meaning stand here;
[model] is the family's own (`fs2keras.<kind>.config.Model`)."""

import dataclasses
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fs2keras.errors import CallError
from fs2keras.recipe_check import read_sections
from fs2keras.recipe_text import Source, find, parse, parse_overrides, quoted


def _key(default: Any, doc: str, **limits: Any) -> Any:
    """A key with its documentation, and perhaps limits: minimum, above, maximum, below, choices.

    safe: a run may go on with another value, its results stay the same. path: a leading ~ is the home folder; relative
    paths start where the command runs.
    """
    return dataclasses.field(default=default, metadata={"doc": doc, **limits})


@dataclass(frozen=True)
class Run:
    name: str = _key("", "the run's folder in run.dir; the recipe file's name when empty", safe=True)
    dir: str = _key("runs", "folder of all runs", safe=True, path=True)
    seed: int = _key(
        1, "the only source of randomness: splits, initial weights, order, dropout", minimum=0, below=2**31
    )
    backend: str = _key("jax", "what Keras computes with, unless KERAS_BACKEND is set", choices=("jax", "tensorflow"))


@dataclass(frozen=True)
class Corpus:
    reader: str = _key(
        "ljspeech", "layout of the corpus folder; demo makes its own corpus", choices=("ljspeech", "demo")
    )
    path: str = _key("", "folder of the corpus; required", safe=True, path=True)
    validation: str = _key("0.02", "validation split: a file of ids, or a share by seeded hash of the id", path=True)
    test: str = _key("", "test split: likewise, or empty for none", path=True)
    store: str = _key("", "folder of the prepared files; stores/<run.name> when empty", safe=True, path=True)
    sentences: int = _key(300, "sentences of the demo corpus", minimum=10)
    max_quarantined: float = _key(
        0.05, "preparation fails when a larger share is unusable", minimum=0.0, maximum=1.0, safe=True
    )
    jobs: int = _key(0, "processes that prepare; 0 for all cores", minimum=0, safe=True)

    def check(self) -> str | None:
        """What is wrong with the values taken together, as a sentence, or None."""
        shares = {name: _share(getattr(self, name)) for name in ("validation", "test")}
        for name, share in shares.items():
            if share is not None and not 0 < share < 1:
                return (
                    f"corpus.{name} = {quoted(getattr(self, name))} must be a share between 0 and 1, a file, or empty"
                )
        if sum(share or 0 for share in shares.values()) >= 1:
            return "corpus.validation and corpus.test together leave nothing to train on"
        return None


@dataclass(frozen=True)
class Text:
    frontend: str = _key(
        "espeak", "text to symbols: IPA, or ARPAbet for MFA's TextGrids", choices=("espeak", "arpabet")
    )
    language: str = _key("en-us", "espeak's name of the language")


@dataclass(frozen=True)
class Audio:
    sample_rate: int = _key(22050, "Hz; recordings of another rate are refused", minimum=1000)
    fft: int = _key(1024, "samples of the Fourier transform", minimum=16)
    window: int = _key(1024, "samples of the Hann window", minimum=16)
    hop: int = _key(256, "samples from one frame to the next", minimum=1)
    mels: int = _key(80, "mel bands (Slaney)", minimum=1)
    fmin: float = _key(0.0, "lower edge of the mel bands, Hz", minimum=0.0)
    fmax: float = _key(8000.0, "upper edge of the mel bands, Hz", above=0.0)
    pitch_floor: float = _key(71.0, "lowest pitch that is looked for, Hz", above=0.0)
    pitch_ceiling: float = _key(800.0, "highest pitch; lower it for a deep voice with octave errors", above=0.0)
    peak: float = _key(
        1.0, "every recording is scaled to this peak; 0 leaves the level alone", minimum=0.0, maximum=1.0
    )

    def check(self) -> str | None:
        """What is wrong with the values taken together, as a sentence, or None."""
        if self.hop > self.window:
            return f"audio.hop = {self.hop} is more than audio.window = {self.window}: samples would be skipped"
        if self.window > self.fft:
            return f"audio.window = {self.window} is more than audio.fft = {self.fft}"
        if self.fmax > self.sample_rate / 2:
            return f"audio.fmax = {self.fmax} Hz is more than half of audio.sample_rate = {self.sample_rate} Hz"
        if self.fmin >= self.fmax:
            return f"audio.fmin = {self.fmin} is not below audio.fmax = {self.fmax}"
        if not self.pitch_floor < self.pitch_ceiling < self.sample_rate / 2:
            return f"audio.pitch_floor = {self.pitch_floor} must be below audio.pitch_ceiling = {self.pitch_ceiling} Hz"
        return None


@dataclass(frozen=True)
class Alignment:
    source: str = _key(
        "learned",
        "where the phonemes are: learned from the corpus, in TextGrids, or given by it",
        choices=("given", "textgrid", "learned"),
    )
    textgrids: str = _key("", "folder of the TextGrids; required when source is textgrid", safe=True, path=True)
    steps: int = _key(500, "learned: optimiser updates of the aligner", minimum=1, safe=True)
    shortest_pause: float = _key(
        0.05, "learned: a shorter gap between two words is no pause, seconds", minimum=0.0, safe=True
    )
    least_confidence: float = _key(
        0.6,
        "learned: utterances are set aside below this share of the middle one's confidence",
        minimum=0.0,
        maximum=1.0,
        safe=True,
    )


@dataclass(frozen=True)
class Train:
    steps: int = _key(200000, "optimiser updates in all; raise it to go on", minimum=1, safe=True)
    batch_size: int = _key(32, "utterances in a batch, on average", minimum=1)
    max_shapes: int = _key(8, "batch shapes, each compiled once", minimum=1)
    accumulate: int = _key(1, "batches whose gradients make one step", minimum=1)
    precision: str = _key("float32", "what the layers compute in", choices=("float32", "mixed_bfloat16"))
    log_every: int = _key(100, "steps from one row of steps.csv to the next", minimum=1, safe=True)
    validate_every: int = _key(1000, "steps from one validation to the next", minimum=1, safe=True)
    checkpoint_every: int = _key(5000, "steps from one checkpoint to the next", minimum=1, safe=True)
    keep_last: int = _key(0, "checkpoints kept, the newest ones; 0 keeps all", minimum=0, safe=True)
    keep_every: int = _key(0, "with keep_last: checkpoints at multiples of this are kept as well", minimum=0, safe=True)
    backup_every: int = _key(500, "steps that a kill can cost at most", minimum=1, safe=True)
    sample_every: int = _key(5000, "steps from one set of spoken samples to the next", minimum=1, safe=True)
    learning_rate_scale: float = _key(1.0, "factor on the Noam schedule", above=0.0)
    warmup: int = _key(4000, "steps of rising learning rate", minimum=1)
    anneal_steps: tuple[int, ...] = _key((300000, 400000, 500000), "steps after which the learning rate is lowered")
    anneal_rate: float = _key(0.3, "factor of each lowering", above=0.0, maximum=1.0)
    clip: float = _key(1.0, "largest global gradient norm", above=0.0)

    def check(self) -> str | None:
        """What is wrong with the values taken together, as a sentence, or None."""
        if list(self.anneal_steps) != sorted(set(self.anneal_steps)) or any(step < 1 for step in self.anneal_steps):
            return f"train.anneal_steps = {list(self.anneal_steps)} must be positive and rising"
        return None


@dataclass(frozen=True)
class Samples:
    sentences: tuple[str, ...] = _key((), "sentences spoken every train.sample_every steps", safe=True)

    def check(self) -> str | None:
        """What is wrong with the values taken together, as a sentence, or None."""
        return None if all(text.strip() for text in self.sentences) else "samples.sentences has an empty sentence"


@dataclass(frozen=True)
class Validate:
    """Bounds of `fs2keras validate`; 0 leaves a criterion out."""

    mel_postnet: float = _key(0.0, "highest loss of the mel after the postnet", minimum=0.0, safe=True)
    duration_mae: float = _key(0.0, "highest error of durations, frames", minimum=0.0, safe=True)
    pitch_rmse: float = _key(0.0, "highest error of pitch, Hz", minimum=0.0, safe=True)
    mcd_espnet: float = _key(0.0, "highest mel-cepstral distortion, dB", minimum=0.0, safe=True)
    mcd_fairseq: float = _key(0.0, "highest MFCC distortion", minimum=0.0, safe=True)
    log_f0_rmse: float = _key(0.0, "highest error of log F0", minimum=0.0, safe=True)
    vuv_error: float = _key(0.0, "highest share of frames voiced in one only", minimum=0.0, maximum=1.0, safe=True)
    stable_over: int = _key(5, "last validations whose loss must not rise; 0 leaves it out", minimum=0, safe=True)
    stable_within: float = _key(0.05, "rise of the loss over them that is allowed, as a share", minimum=0.0, safe=True)
    overfitting: bool = _key(True, "whether over-fitting is looked for", safe=True)
    shortest_phoneme: float = _key(0.03, "least seconds a phoneme, of anything spoken", minimum=0.0, safe=True)
    longest_phoneme: float = _key(0.25, "most seconds a phoneme, of anything spoken", above=0.0, safe=True)
    sentences: tuple[str, ...] = _key(
        (), "spoken besides the edge cases that are made from the corpus, such as names it must know", safe=True
    )


@dataclass(frozen=True)
class Recipe:
    kind: str
    run: Run
    corpus: Corpus
    text: Text
    audio: Audio
    alignment: Alignment
    model: Any  # fs2keras.<kind>.config.Model
    train: Train
    samples: Samples
    validate: Validate = Validate()


SECTIONS = {cls.__name__.lower(): cls for cls in (Run, Corpus, Text, Audio, Alignment, Train, Samples, Validate)}


class Difference(NamedTuple):
    """A key whose value differs between two recipes; `safe` when a run may go on with the new one."""

    key: str
    old: Any
    new: Any
    safe: bool

    def __str__(self) -> str:
        return f"{self.key}: {quoted(self.old)} -> {quoted(self.new)}"


def load(path_or_name: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a file, or the one of that name that comes with fs2keras, with `section.key=value` overrides.

    Raises CallError that lists everything wrong with it: file, line, key, what was expected, the nearest valid name.
    """
    path = find(str(path_or_name))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CallError(f"{path}: this recipe cannot be read: {error}") from error
    tables = parse(text, str(path))
    source = Source(str(path), text, parse_overrides(overrides))
    for key, override in source.overrides.items():
        section, _, name = key.rpartition(".")
        table = tables.setdefault(section, {}) if section else tables
        if isinstance(table, dict):
            table[name] = override.value
    kind = tables.pop("kind", None)
    if kind not in families():
        got = "is missing" if kind is None else f"= {quoted(kind)} is unknown"
        raise CallError(f"{source.where('kind')}: kind {got}. Expected: {' or '.join(map(quoted, families()))}.")
    classes = _sections(importlib.import_module(f".{kind}.config", __package__).Model)
    values, problems = read_sections(tables, classes, source)
    if problems:
        raise CallError("\n".join(problems))
    recipe = _resolve(Recipe(kind=kind, **values), path.stem)
    if sentences := _impossible(recipe):
        raise CallError("\n".join(f"{source.where_first(sentence, classes)}: {sentence}." for sentence in sentences))
    return recipe


def to_toml(recipe: Recipe) -> str:
    """The recipe with every default written out and explained; loading it gives an equal recipe."""
    lines = [f"kind = {quoted(recipe.kind)}"]
    for section in _sections(type(recipe.model)):
        values = getattr(recipe, section)
        lines += ["", f"[{section}]"]
        for field in dataclasses.fields(values):
            line = f"{field.name} = {quoted(getattr(values, field.name))}"
            doc = field.metadata.get("doc")
            lines.append(f"{line}  # {doc}" if doc else line)
    return "\n".join(lines) + "\n"


def differences(old: Recipe, new: Recipe) -> list[Difference]:
    """The keys whose values differ, in the order of the recipe."""
    if old.kind != new.kind:  # then nothing else can be compared
        return [Difference("kind", old.kind, new.kind, safe=False)]
    found = []
    for section in _sections(type(old.model)):
        before, after = getattr(old, section), getattr(new, section)
        for field in dataclasses.fields(before):
            pair = getattr(before, field.name), getattr(after, field.name)
            if pair[0] != pair[1]:
                found.append(Difference(f"{section}.{field.name}", *pair, field.metadata.get("safe", False)))
    return found


def families() -> list[str]:
    """The kinds of model that a recipe can ask for."""
    return sorted(config.parent.name for config in Path(__file__).parent.glob("*/config.py"))


def _sections(model: type) -> dict[str, type]:
    """All sections in the order of Recipe's fields."""
    known = SECTIONS | {"model": model}
    return {field.name: known[field.name] for field in dataclasses.fields(Recipe) if field.name in known}


def _resolve(recipe: Recipe, stem: str) -> Recipe:
    """Fill in the defaults that depend on other values: the run's name, and its store."""
    run = dataclasses.replace(recipe.run, name=recipe.run.name or stem)
    corpus = dataclasses.replace(recipe.corpus, store=recipe.corpus.store or f"stores/{run.name}")
    return dataclasses.replace(recipe, run=run, corpus=corpus)


def _share(text: str) -> float | None:
    """The number in a split's value, None when it is a file's name or empty."""
    try:
        return float(text)
    except ValueError:
        return None


def _impossible(recipe: Recipe) -> list[str]:
    """What is wrong with values that are valid one by one, a sentence each."""
    sections = [getattr(recipe, section) for section in _sections(type(recipe.model))]
    found = [sentence for values in sections if hasattr(values, "check") and (sentence := values.check())]
    corpus, text, alignment, name = recipe.corpus, recipe.text, recipe.alignment, recipe.run.name
    if name != name.strip() or name in (".", "..") or set(name) & set('/\\:*?"<>|\n'):
        found.append(f"run.name = {quoted(name)} must do as a folder's name")
    if text.frontend == "arpabet" and text.language != "en-us":
        found.append(f'text.frontend = "arpabet" speaks only en-us, not text.language = {quoted(text.language)}')
    if corpus.reader == "demo" and (alignment.source == "textgrid" or text.frontend != "espeak"):
        found.append(
            'corpus.reader = "demo" needs text.frontend = "espeak", and alignment.source = "given" or "learned"'
        )
    elif alignment.source == "textgrid" and text.frontend != "arpabet":
        found.append('alignment.source = "textgrid" needs text.frontend = "arpabet", the phones that MFA writes')
    if missing := _missing_folders(recipe):
        options = " ".join(f"--set {key}=FOLDER" for key in missing)
        found.append(f"{' and '.join(missing)} must be given, here or with {options}. {'. '.join(missing.values())}")
    return found


def _missing_folders(recipe: Recipe) -> dict[str, str]:
    missing = {}
    if not recipe.corpus.path:
        missing["corpus.path"] = "The corpus is a folder with metadata.csv and wavs/, as LJSpeech has"
    if recipe.alignment.source == "textgrid" and not recipe.alignment.textgrids:
        missing["alignment.textgrids"] = (
            "The TextGrids, one for each recording, are what the Montreal Forced Aligner writes; "
            'alignment.source = "learned" does without them'
        )
    return missing
