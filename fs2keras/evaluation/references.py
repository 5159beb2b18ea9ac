"""What a voice is compared with: the recordings, and what the vocoder alone makes of them.

A recording never changes, so what was heard in it is kept beside the store: a file for each utterance, and one for each
recogniser or other judge that was asked about it.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from fs2keras.audio import wav
from fs2keras.audio.vocode import VOCODER, vocode
from fs2keras.errors import UserError
from fs2keras.evaluation.catalogue import VERSION
from fs2keras.evaluation.hearing import Heard, compare, hear
from fs2keras.rundir.atomic import replacing

_HEARD = ("cepstrum", "mfcc", "f0")


@dataclass(frozen=True)
class Excerpt:
    """The part of a recording that counts: `path` of its wav; from frame `first` to `last`, as its alignment says."""

    path: Path
    first: int
    last: int

    def samples(self, audio: Mapping[str, Any]) -> np.ndarray:
        """Samples (S,) at the level at which features were measured. Raises AudioError when unreadable."""
        whole = wav.scale_peak(wav.read(self.path, audio["sample_rate"]), audio["peak"])
        return whole[self.first * audio["hop"] : self.last * audio["hop"]]


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording to compare with: what of it counts, its log-mel (T, M), and the file that keeps what was heard."""

    excerpt: Excerpt
    mel: np.ndarray
    cache: Path

    def samples(self, audio: Mapping[str, Any]) -> np.ndarray:
        """As `Excerpt.samples`."""
        return self.excerpt.samples(audio)

    def copy(self, audio: Mapping[str, Any]) -> np.ndarray:
        """Copy-synthesis: its spectrogram through the vocoder, the best that a model with this vocoder can do."""
        return vocode([self.mel], audio)


def cache_folder(store: Path, alignment: str, audio: dict[str, Any]) -> Path:
    """The folder for a store with this alignment (its digest) and these settings, beside the store."""
    key = json.dumps([VERSION, VOCODER, alignment, sorted(audio.items())])
    return store / "references" / hashlib.sha256(key.encode()).hexdigest()[:16]


def cache_file(folder: Path, id: str) -> Path:
    return folder / f"{quote(id, safe='')}.npz"


def cache_of_opinions(cache: Path, judge: str) -> Path:
    return cache.with_suffix(f".{quote(judge, safe='')}.json")


def _keep(path: Path, write: Callable[[Path], None]) -> None:
    """Several evaluations may write it at once, and it only saves time: a store that cannot be written is no error."""
    with suppress(UserError), replacing(path, is_shared=True) as temporary:
        write(temporary)


def reference(recording: Recording, audio: dict[str, Any]) -> tuple[Heard, dict[str, float]]:
    """What is heard in the recording, and the metrics of its copy-synthesis against it.

    Raises AudioError when the recording cannot be read and nothing is kept of it.
    """
    if kept := _read(recording.cache):
        return kept
    heard = hear(recording.samples(audio), audio["sample_rate"])
    floor = compare(hear(recording.copy(audio), audio["sample_rate"]), heard)
    features = {name: getattr(heard, name) for name in _HEARD}
    _keep(recording.cache, lambda path: np.savez(path, floor=json.dumps(floor), **features))
    return heard, floor


def opinions(
    recording: Recording, audio: dict[str, Any], judge: str, ask: Callable[[np.ndarray, int], str | float]
) -> dict[str, str | float]:
    """What the judge of that name, which no other version of it has, says of the recording and of its copy-synthesis,
    as "floor"."""
    path = cache_of_opinions(recording.cache, judge)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass  # none yet, or damaged: asked anew
    sounds = {"recording": recording.samples(audio), "floor": recording.copy(audio)}
    found = {side: ask(samples, audio["sample_rate"]) for side, samples in sounds.items()}
    _keep(path, lambda path: path.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8"))
    return found


def _read(path: Path) -> tuple[Heard, dict[str, float]] | None:
    try:
        with np.load(path) as kept:
            return Heard(*(kept[name] for name in _HEARD)), json.loads(str(kept["floor"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # none yet, or damaged: heard anew
        return None
