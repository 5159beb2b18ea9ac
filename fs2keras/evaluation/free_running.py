"""What a voice makes of the text alone, heard beside the recording."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fs2keras.corpus.readers import wav_path
from fs2keras.corpus.store import Prepared
from fs2keras.corpus.workers import on_all_cores
from fs2keras.errors import UserError
from fs2keras.evaluation.judging import Spoken, Uttered, Wanted, judge, judges_of, rates
from fs2keras.evaluation.references import Excerpt, Recording, cache_file, cache_folder, cache_of_opinions
from fs2keras.voice import Voice

_CHUNK = 16  # utterances that are spoken before they are vocoded and measured, on all cores
_WORTHWHILE = 4  # utterances for which worker processes are worth their start


def check(
    voice: Voice, prepared: Prepared, ids: Sequence[str], corpus: Path, wanted: Wanted, report: Callable[[str], None]
) -> None:
    """What `measure` will need and is not there: better known before anything is measured.

    Raises UserError when a recording is gone that was never heard, or a recogniser is not there.
    """
    judges = judges_of(wanted, voice.language)
    folder = cache_folder(prepared.folder, prepared.fingerprint_of_alignment, voice.audio)

    def is_kept(id: str) -> bool:
        cache = cache_file(folder, id)
        return cache.exists() and all(cache_of_opinions(cache, judge).exists() for judge in judges)

    unheard = [id for id in ids if not is_kept(id)]
    gone = [path for id in unheard if not (path := wav_path(corpus, id)).exists()]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise UserError(
            f"{gone[0]}: no such file{more}. Where the recordings lie elsewhere: --set corpus.path=FOLDER; without "
            "them: fs2keras evaluate --teacher-forced."
        )
    if unheard and not _is_writable(folder):
        report(f"Note: {folder} cannot be written: what is heard in recordings is not kept there for the next time.")


def _is_writable(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return os.access(there, os.W_OK)


def measure(
    voice: Voice, prepared: Prepared, ids: Sequence[str], corpus: Path, wanted: Wanted, wavs: Path | None, jobs: int
) -> Iterator[tuple[str, Spoken]]:
    """Each utterance in order. `corpus` is its folder; the voice's wavs are kept in `wavs`, where one is named.

    Raises UserError when a recording cannot be read, or a recogniser is not there.
    """
    folder = cache_folder(prepared.folder, prepared.fingerprint_of_alignment, voice.audio)
    for start in range(0, len(ids), _CHUNK):
        chunk, calls = ids[start : start + _CHUNK], []
        for id in chunk:
            example = prepared.example(id)
            excerpt = Excerpt(wav_path(corpus, id), *prepared.span(id))
            recording = Recording(excerpt, example["mel"], cache_file(folder, id))
            own = wavs / f"{id}.wav" if wavs else None
            symbols = [prepared.symbols[k] for k in example["symbols"]]
            calls.append(
                (
                    _utter(voice, prepared.text(id)),
                    recording,
                    rates(symbols, example["durations"], voice.audio),
                    voice.language,
                    voice.audio,
                    wanted,
                    own,
                )
            )
        yield from zip(chunk, on_all_cores(judge, calls, jobs, worthwhile=_WORTHWHILE), strict=True)


def _utter(voice: Voice, text: str) -> Uttered:
    """The text as the voice speaks it, or why it cannot."""
    try:
        sentences = voice.sentences(text)
    except UserError as error:
        return Uttered(text, failed=str(error))
    symbols = [symbol for sentence in sentences for symbol in sentence.symbols]
    durations = [frames for sentence in sentences for frames in sentence.durations]
    return Uttered(text, [sentence.mel for sentence in sentences], symbols, durations)
