"""A corpus becomes a store: read, measured in parallel, aligned, checked, written whole or not at all."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fs2keras.corpus import fingerprint
from fs2keras.corpus.align import Aligned
from fs2keras.corpus.alignment_file import alignment_path, collect, write_alignment
from fs2keras.corpus.measure import Measured, measure_all
from fs2keras.corpus.quarantine import Quarantine
from fs2keras.corpus.splits import split
from fs2keras.corpus.statistics import CorpusStatistics
from fs2keras.corpus.store import Prepared, StoreError
from fs2keras.corpus.store_file import STORE_NAME, StoreFile, StoreWriter, writing_store
from fs2keras.corpus.utterance import Utterance
from fs2keras.errors import CallError, UserError
from fs2keras.progress import Progress, spoken_time
from fs2keras.recipe import Recipe
from fs2keras.text import arpabet
from fs2keras.text.symbols import SymbolTable

Report = Callable[[str], None]


def prepare(recipe: Recipe, report: Report = print) -> Path:
    """Prepare the recipe's corpus, or say that it is prepared already; returns the store's folder.

    With alignment.source = "learned" the store is all there is afterwards: aligning it is another step.

    Args:
        recipe: what to read, measure and align.
        report: takes one line of text at a time: progress, and the summary at the end.

    Raises:
        UserError: the corpus or the store cannot be used; the message says why and what to do.
    """
    folder = store_folder(recipe)
    if is_prepared(recipe):
        report(f"{folder} is prepared already, from the same corpus and settings.")
        return folder
    with _alone(folder):
        # Another process may have finished since: look again, now that nobody else writes.
        if not is_prepared(recipe):
            _Preparation(recipe, folder, report).run()
    return folder


def ensure(recipe: Recipe, report: Report = print) -> Prepared:
    """The recipe's corpus with its alignment, prepared first when there is no store yet.

    Raises as `prepare` does, and StoreError when the alignment is still to be learned.
    """
    if not is_prepared(recipe):
        prepare(recipe, report)
    if not is_aligned(recipe):
        raise StoreError(f"{store_folder(recipe)} is not aligned yet. Run `fs2keras align` with the same recipe.")
    return Prepared.open(store_folder(recipe), recipe.alignment.source, splits_of(recipe))


def open_store(recipe: Recipe, report: Report = print) -> StoreFile:
    """The recipe's store, aligned or not, prepared first when there is none yet. Raises as `prepare` does."""
    if not is_prepared(recipe):
        prepare(recipe, report)
    return StoreFile(store_folder(recipe))


def is_aligned(recipe: Recipe) -> bool:
    """Whether the alignment that the recipe asks for lies beside its store. Raises as `prepare` for another's store."""
    return is_prepared(recipe) and alignment_path(store_folder(recipe), recipe.alignment.source).exists()


def splits_of(recipe: Recipe) -> dict[str, list[str]]:
    """The ids of each split, of a prepared corpus: features do not depend on the splits, so the recipe decides anew."""
    store = StoreFile(store_folder(recipe))
    store.close()
    return split(store.ids, recipe.corpus.validation, recipe.corpus.test, recipe.run.seed, recipe.corpus.path)


def store_folder(recipe: Recipe) -> Path:
    """Where the recipe's store lies."""
    return Path(recipe.corpus.store or f"stores/{recipe.run.name}")


def is_prepared(recipe: Recipe) -> bool:
    """Whether there is a store of this very recipe. Raises StoreError for the store of another one."""
    folder = store_folder(recipe)
    if not (folder / STORE_NAME).exists():
        return False
    store = StoreFile(folder)
    differing = _differences(store, recipe)
    store.close()
    if differing:
        raise StoreError(
            f"{folder} was prepared from something else:\n" + "\n".join(f"  {line}" for line in differing) + "\n"
            "Give this recipe a store of its own, --set corpus.store=stores/<name>, or delete that folder and run "
            "`fs2keras prepare` again."
        )
    return True


def _differences(store: StoreFile, recipe: Recipe) -> list[str]:
    wanted = fingerprint.settings(recipe)
    lines = [
        f"{key}: the store has {store.settings.get(key)!r}, the recipe {wanted.get(key)!r}"
        for key in sorted({*wanted, *store.settings})
        if store.settings.get(key) != wanted.get(key)
    ]
    # A store trains without its corpus, on another machine for instance; where the corpus is, it must be the same.
    if not lines and _corpus_is_here(recipe) and fingerprint.corpus_files(recipe) != store.files:
        lines.append(f"the files of the corpus {recipe.corpus.path} are not the ones that were prepared")
    return lines


def _corpus_is_here(recipe: Recipe) -> bool:
    folders = [recipe.corpus.path] + [recipe.alignment.textgrids] * (recipe.alignment.source == "textgrid")
    return all(folder and Path(folder).is_dir() for folder in folders)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process prepares a store at a time; the lock goes with the process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "prepare.lock").open("w")
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror}). Name another with corpus.store.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"{folder} is being prepared by another process. Wait for it, then run this again."
            ) from error
        yield


@dataclass
class _Kept:
    """What stays in memory of the utterances that are kept."""

    utterances: list[Utterance] = field(default_factory=list)
    rows: list[Aligned] = field(default_factory=list)
    symbols: set[str] = field(default_factory=set)
    frames: int = 0
    statistics: CorpusStatistics = field(default_factory=CorpusStatistics)


class _Preparation:
    """One preparation, from the corpus folder to the opened store."""

    def __init__(self, recipe: Recipe, folder: Path, report: Report):
        self._recipe, self._folder, self._report = recipe, folder, report
        self._quarantine, self._kept = Quarantine(), _Kept()
        self._table = SymbolTable(arpabet.SYMBOLS) if recipe.text.frontend == "arpabet" else None

    def run(self) -> None:
        start, recipe = time.monotonic(), self._recipe
        _check_frontend(recipe)
        utterances = self._read()
        settings, files = fingerprint.settings(recipe), fingerprint.corpus_files(recipe)
        name = fingerprint.fingerprint(settings, files)
        with writing_store(self._folder, recipe.audio.mels) as writer:
            self._measure(utterances, writer)
            path = self._quarantine.write(self._folder)
            self._quarantine.check(len(utterances), recipe.corpus.max_quarantined, path)
            kept = self._kept
            ids = [utterance.id for utterance in kept.utterances]
            symbols = self._symbols()
            splits = split(ids, recipe.corpus.validation, recipe.corpus.test, recipe.run.seed, recipe.corpus.path)
            # The alignment first: the store's name appears last, and with it the store is complete.
            if kept.rows:
                write_alignment(
                    self._folder,
                    collect(recipe.alignment.source, name, ids, kept.rows, symbols, kept.statistics.result()),
                )
            writer.finish(symbols, self._lexicon(), splits, settings, files, name)
        self._summarise(splits, len(symbols), time.monotonic() - start)

    def _read(self) -> list[Utterance]:
        from fs2keras.corpus.readers import read_ljspeech

        recipe = self._recipe
        if recipe.corpus.reader == "demo":
            from fs2keras.corpus.demo import write_demo

            self._report(f"Speaking {recipe.corpus.sentences} sentences of the demo corpus into {recipe.corpus.path}")
            write_demo(recipe.corpus.path, recipe.corpus.sentences, recipe.text.language, recipe.run.seed)
        utterances = list(read_ljspeech(recipe.corpus.path))
        if not utterances:
            raise UserError(f"{recipe.corpus.path}: metadata.csv lists no utterance. Is it the right folder?")
        return utterances

    def _measure(self, utterances: list[Utterance], writer: StoreWriter) -> None:
        with Progress("utterances", len(utterances), self._report) as progress:
            for utterance, result in measure_all(utterances, self._recipe):
                reason = result if isinstance(result, str) else self._foreign_symbol(result)
                if reason:
                    self._quarantine.add(utterance.id, reason)
                else:
                    self._keep(result, writer)
                progress.advance()

    def _foreign_symbol(self, measured: Measured) -> str:
        """The reason to leave out an utterance with a symbol that the frontend does not know, or ""."""
        for word, symbols in measured.words:
            for symbol in symbols:
                if self._table is not None and symbol not in self._table:
                    return f"the symbol {symbol!r} of the word {word!r} is not one of text.frontend = arpabet"
        return ""

    def _keep(self, measured: Measured, writer: StoreWriter) -> None:
        utterance, aligned = measured.utterance, measured.aligned
        writer.add(utterance.id, utterance.text, utterance.speaker, measured.words, measured.features)
        kept = self._kept
        kept.utterances.append(utterance)
        kept.symbols.update(symbol for _, symbols in measured.words for symbol in symbols)
        if aligned is None:
            kept.frames += len(measured.features.f0)
            return
        kept.symbols.update(aligned.symbols)
        kept.frames += aligned.last - aligned.first
        kept.rows.append(aligned)
        kept.statistics.update(aligned, measured.features)

    def _symbols(self) -> list[str]:
        """The frontend's own table where it has one, else the symbols that the kept corpus shows. An alignment that is
        still to be learned may find pauses wherever a word ends."""
        pause = {arpabet.PAUSE} if self._recipe.alignment.source == "learned" else set()
        table = self._table or SymbolTable.of(self._kept.symbols | pause)
        return table.to_list()

    def _lexicon(self) -> dict:
        if self._recipe.alignment.source != "textgrid":
            return {}
        from fs2keras.corpus.textgrid import gather_lexicon

        return gather_lexicon(self._kept.utterances)

    def _summarise(self, splits: dict[str, list[str]], symbols: int, seconds: float) -> None:
        kept, hop = self._kept, self._recipe.audio.hop
        hours = kept.frames * hop / self._recipe.audio.sample_rate / 3600
        size = sum(path.stat().st_size for path in self._folder.glob("*.h5"))
        left_out = len(self._quarantine.reasons)
        counts = ", ".join(f"{len(ids):,} {name}" for name, ids in splits.items())
        self._report(f"Prepared {self._folder} in {spoken_time(seconds)}, {size / 1e6:,.0f} MB")
        self._report(f"  utterances   {len(kept.utterances):,} ({counts}), {hours:.2f} hours used")
        self._report(f"  quarantined  {left_out:,}" + (f", see {self._folder / 'quarantine.tsv'}" if left_out else ""))
        self._report(f"  symbols      {symbols}, the padding included")
        for line in describe(kept.statistics.result()) if kept.rows else ["  alignment    still to be learned"]:
            self._report(line)


def describe(statistics: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """Pitch and energy of a corpus, a line each."""
    lines = []
    for name, unit in (("pitch", " Hz"), ("energy", "")):
        phoneme = statistics[name]["phoneme"]
        lines.append(
            f"  {name:<12} mean {phoneme['mean']:.2f}{unit}, deviation {phoneme['std']:.2f}{unit}, "
            f"normalised {phoneme['min']:.3f} to {phoneme['max']:.3f}"
        )
    return lines


def _check_frontend(recipe: Recipe) -> None:
    source, frontend = recipe.alignment.source, recipe.text.frontend
    if source == "textgrid" and frontend != "arpabet":
        raise CallError(
            f'alignment.source = "textgrid" brings ARPAbet phones, but text.frontend = "{frontend}" would speak with '
            'others. Set text.frontend = "arpabet" in the recipe.'
        )
    if source == "textgrid" and not Path(recipe.alignment.textgrids or "/nowhere").is_dir():
        raise UserError(
            f"alignment.textgrids = {recipe.alignment.textgrids!r} is not a folder. Point it at the TextGrids that the "
            "Montreal Forced Aligner made of this corpus, with --set alignment.textgrids=<folder>."
        )
