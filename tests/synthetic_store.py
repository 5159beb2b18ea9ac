"""A store of random features with given lengths, for tests and benchmarks that need no sound."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from fs2keras.corpus.align import align
from fs2keras.corpus.alignment_file import collect, write_alignment
from fs2keras.corpus.features import Features
from fs2keras.corpus.pauses import PAUSE
from fs2keras.corpus.statistics import CorpusStatistics
from fs2keras.corpus.store import Prepared
from fs2keras.corpus.store_file import writing_store
from fs2keras.text.symbols import PAD

PHONEMES, MARK = [*"abcdefghij"], ","
SYMBOLS = [PAD, *PHONEMES, MARK, PAUSE]


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
    set_aside: Collection[int] = (),
    left_out: Collection[int] = (),
) -> Prepared:
    """Utterances u0000, u0001, ... of these numbers of symbols and frames; `lead` frames of silence before each, the
    first `validation` of them in the validation split. The alignment does not keep those whose numbers are in
    `set_aside`, and does not know those in `left_out`."""
    rng = np.random.default_rng(0)
    ids, rows, statistics = [f"u{n:04d}" for n in range(len(phonemes))], {}, CorpusStatistics()
    with writing_store(folder, mels) as writer:
        for n, (count, length) in enumerate(zip(phonemes, frames, strict=True)):
            features = Features(
                rng.normal(-5, 2, (length + lead, mels)).astype(np.float16),
                rng.uniform(1, 90, length + lead).astype(np.float32),
                (rng.uniform(80, 300, length + lead) * (rng.random(length + lead) < 0.9) + 1e-3).astype(np.float32),
            )
            symbols = [rng.choice(PHONEMES), *rng.choice(SYMBOLS[1:], count - 1)]
            aligned = align(symbols, rng.multinomial(length, np.full(count, 1 / count)), lead, features)
            writer.add(ids[n], f"text {n}", speakers[n % len(speakers)], words_of(symbols), features)
            if n not in left_out:
                rows[n] = aligned
            if n not in left_out and n not in set_aside:
                statistics.update(aligned, features)
        alignment = collect(
            "given",
            fingerprint,
            [ids[n] for n in rows],
            list(rows.values()),
            SYMBOLS,
            statistics.result(),
            confidence=[1 / (1 + n) for n in rows],
            kept=[n not in set_aside for n in rows],
            settings={"steps": 7},
        )
        write_alignment(folder, alignment)
        splits = {"train": ids[validation:], "validation": ids[:validation], "test": []}
        writer.finish(SYMBOLS, {}, splits, {"audio.mels": mels}, "files", fingerprint)
    return Prepared.open(folder, "given")


def words_of(symbols: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Aligned symbols as the words of a text: up to three phonemes are a word, a mark is one too, a pause parts words
    and is not written."""
    words, is_open = [], False
    for symbol in symbols:
        if symbol == MARK:
            words.append((MARK, (MARK,)))
        elif symbol != PAUSE and is_open and len(words[-1][1]) < 3:
            words[-1] = (words[-1][0] + symbol, (*words[-1][1], symbol))
        elif symbol != PAUSE:
            words.append((symbol, (symbol,)))
        is_open = symbol not in (MARK, PAUSE)
    return words
