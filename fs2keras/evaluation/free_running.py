"""What a voice makes of the text alone, heard beside the recording."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fs2keras.corpus.readers import wav_path
from fs2keras.corpus.store import Prepared
from fs2keras.corpus.workers import on_all_cores
from fs2keras.errors import UserError
from fs2keras.evaluation import recognisers
from fs2keras.evaluation.judging import Spoken, Uttered, Wanted, judge, rates
from fs2keras.evaluation.references import Excerpt, Recording, cache_file, cache_folder
from fs2keras.voice import Voice

_CHUNK = 16  # utterances that are spoken before they are vocoded and measured, on all cores
_WORTHWHILE = 4  # utterances for which worker processes are worth their start


def measure(
    voice: Voice, prepared: Prepared, ids: Sequence[str], corpus: Path, wanted: Wanted, wavs: Path | None, jobs: int
) -> Iterator[tuple[str, Spoken]]:
    """Each utterance in order. `corpus` is its folder; the voice's wavs are kept in `wavs`, where one is named.

    Raises UserError when a recording cannot be read, or a recogniser is not there.
    """
    if wanted.recogniser:
        recognisers.recogniser(wanted.recogniser, voice.language)  # not there: better known before anything is spoken
    if wanted.dnsmos:
        recognisers.dnsmos()
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
