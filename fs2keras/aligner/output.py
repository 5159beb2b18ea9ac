"""A learned alignment for people and other programs: TextGrids, and a page to hear and see it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from fs2keras.aligner.verdicts import SOURCE, TABLE, read_table
from fs2keras.corpus.alignment_file import Alignment, read_alignment
from fs2keras.corpus.pauses import PAUSE, is_mark
from fs2keras.corpus.prepare import store_folder
from fs2keras.corpus.store_file import StoreFile
from fs2keras.corpus.utterance import Segment
from fs2keras.errors import UserError
from fs2keras.progress import Progress
from fs2keras.recipe import Recipe

WORST, OTHERS = 30, 10  # utterances on the page


class Aligned:
    """The alignment of a recipe's corpus, as segments in seconds."""

    def __init__(self, recipe: Recipe):
        folder = store_folder(recipe)
        self.store, self.alignment = StoreFile(folder), read_alignment(folder, SOURCE)
        self._recipe = recipe
        self._place = {id: n for n, id in enumerate(self.store.ids)}
        self._row = {id: n for n, id in enumerate(self.alignment.ids)}

    def __contains__(self, id: str) -> bool:
        return id in self._row

    def place(self, id: str) -> int:
        """The utterance's number in the store."""
        return self._place[id]

    def wav(self, id: str) -> Path:
        return Path(self._recipe.corpus.path) / "wavs" / f"{id}.wav"

    def duration(self, id: str) -> float:
        """Seconds of the recording. Raises UserError where it is not there any more."""
        try:
            return soundfile.info(self.wav(id)).duration
        except (soundfile.SoundFileError, OSError) as error:
            raise UserError(
                f"{self.wav(id)}: cannot be read ({error}). Point corpus.path at the recordings."
            ) from error

    def segments(self, id: str, duration: float) -> tuple[Segment, ...]:
        """Contiguous from 0 to `duration`, with a pause at either end.

        Frame t is the sound around t hops; what begins with it begins half a hop before.
        """
        row, alignment, audio = self._row[id], self.alignment, self._recipe.audio
        mine = slice(alignment.offsets[row], alignment.offsets[row + 1])
        symbols = [self.store.symbols[k] for k in alignment.symbols[mine]]
        frames = alignment.first[row] + np.concatenate([[0], np.cumsum(alignment.durations[mine])])
        edges = np.clip((frames - 0.5) * audio.hop / audio.sample_rate, 0.0, duration).tolist()
        inner = _with_words(symbols, self.store.words(self._place[id]), edges)
        ends = (Segment(PAUSE, 0.0, edges[0]), Segment(PAUSE, edges[-1], duration))
        return tuple(segment for segment in (ends[0], *inner, ends[1]) if segment.end > segment.start)


def _with_words(
    symbols: Sequence[str], words: Sequence[tuple[str, Sequence[str]]], edges: Sequence[float]
) -> list[Segment]:
    """The aligned symbols with their words; pauses without a mark have none."""
    written = [(word, symbol, k == 0) for word, pronounced in words for k, symbol in enumerate(pronounced)]
    position, segments = 0, []
    for symbol, start, end in zip(symbols, edges, edges[1:], strict=False):
        while position < len(written) and is_mark(written[position][0]) and written[position][1] != symbol:
            position += 1  # a mark that got no place
        if position < len(written) and written[position][1] == symbol:
            word, _, is_first = written[position]
            segments.append(Segment(symbol, start, end, word, starts_word=is_first))
            position += 1
        else:
            segments.append(Segment(symbol, start, end))
    return segments


def write_textgrids(recipe: Recipe, folder: Path, report: Callable[[str], None]) -> None:
    """A TextGrid of each utterance that is kept, <id>.TextGrid, as the Montreal Forced Aligner would write it."""
    from fs2keras.corpus.textgrid_writer import write_textgrid

    aligned = Aligned(recipe)
    ids = _kept(aligned.alignment)
    with Progress("TextGrids", len(ids), report) as progress:
        for id in ids:
            duration = aligned.duration(id)
            write_textgrid(folder / f"{id}.TextGrid", aligned.segments(id, duration), duration)
            progress.advance()
    report(f"{len(ids):,} TextGrids in {folder}")


def _kept(alignment: Alignment) -> list[str]:
    return [id for id, kept in zip(alignment.ids, alignment.kept, strict=True) if kept]


def write_page(recipe: Recipe, path: Path | None, report: Callable[[str], None]) -> None:
    """An HTML page of the worst utterances and some others, with sound, by default beside the store."""
    from fs2keras.aligner.report import Entry, write_report

    aligned, folder = Aligned(recipe), store_folder(recipe)
    verdicts = read_table(folder / TABLE)
    others = verdicts[WORST:]
    chosen = verdicts[:WORST] + others[:: max(1, -(-len(others) // OTHERS))]
    entries = []
    for verdict in chosen:
        duration = aligned.duration(verdict.id)
        n = aligned.place(verdict.id)
        entries.append(
            Entry(
                id=verdict.id,
                text=aligned.store.texts[n],
                wav=aligned.wav(verdict.id),
                segments=aligned.segments(verdict.id, duration) if verdict.id in aligned else (),
                confidence=verdict.confidence,
                reason=verdict.reason,
                mel=aligned.store.mel(n),
                worst=verdict.worst,
            )
        )
    path = path or folder / f"alignment-{SOURCE}.html"
    write_report(path, entries, _summary(recipe, aligned, verdicts, len(entries)))
    report(f"{path}: {len(entries)} of {len(verdicts):,} utterances to hear and see, the worst first")


def _summary(recipe: Recipe, aligned: Aligned, verdicts, shown: int) -> list[tuple[str, str]]:
    confidences = [verdict.confidence for verdict in verdicts]
    aside = sum(bool(verdict.reason) for verdict in verdicts)
    return [
        ("corpus", recipe.corpus.path),
        ("language", f"{recipe.text.language}, {recipe.text.frontend}"),
        ("utterances", f"{len(verdicts):,}, of which {aside:,} set aside"),
        ("confidence", f"{np.median(confidences):.2f} in the middle, {min(confidences):.2f} to {max(confidences):.2f}"),
        ("shown", f"the {min(WORST, shown)} least certain ones, then {max(0, shown - WORST)} from all over the rest"),
    ]
