"""A store of random features with given lengths, for tests and benchmarks that need no sound."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fs2keras.corpus.align import align
from fs2keras.corpus.alignment_file import collect, write_alignment
from fs2keras.corpus.features import Features
from fs2keras.corpus.statistics import CorpusStatistics
from fs2keras.corpus.store import Prepared
from fs2keras.corpus.store_file import writing_store
from fs2keras.text.symbols import PAD

SYMBOLS = [PAD, *"abcdefghij", "sp"]


def make_store(
    folder: Path,
    phonemes: Sequence[int],
    frames: Sequence[int],
    *,
    mels: int = 8,
    validation: int = 0,
    speakers: Sequence[str] = ("",),
    lead: int = 3,
    fingerprint: str = "synthetic",
) -> Prepared:
    """Utterances u0000, u0001, ... of these numbers of phonemes and frames; `lead` frames of silence before each, the
    first `validation` of them in the validation split."""
    rng = np.random.default_rng(0)
    ids, rows, statistics = [], [], CorpusStatistics()
    with writing_store(folder, mels) as writer:
        for n, (count, length) in enumerate(zip(phonemes, frames, strict=True)):
            features = Features(
                rng.normal(-5, 2, (length + lead, mels)).astype(np.float16),
                rng.uniform(1, 90, length + lead).astype(np.float32),
                (rng.uniform(80, 300, length + lead) * (rng.random(length + lead) < 0.9) + 1e-3).astype(np.float32),
            )
            symbols = list(rng.choice(SYMBOLS[1:], count))
            aligned = align(symbols, rng.multinomial(length, np.full(count, 1 / count)), lead, features)
            ids.append(f"u{n:04d}")
            writer.add(ids[-1], f"text {n}", speakers[n % len(speakers)], symbols, features)
            statistics.update(aligned, features)
            rows.append(aligned)
        write_alignment(folder, collect("given", fingerprint, ids, rows, SYMBOLS, statistics.result()))
        splits = {"train": ids[validation:], "validation": ids[:validation], "test": []}
        writer.finish(SYMBOLS, {}, splits, {"audio.mels": mels}, "files", fingerprint)
    return Prepared.open(folder, "given")
