"""How far the boundaries of a learned alignment lie from a reference: TextGrids, or the times that a corpus brings.

    python benchmarks/alignment.py RECIPE [--set SECTION.KEY=VALUE ...] [--textgrids FOLDER] [--learn] [--name NAME]

The recipe's corpus must have been aligned (`fs2keras align` with the same recipe and options); --learn does that first,
also for a corpus that brings an alignment, whose phonemes are then the text (TextGrids: ARPAbet). Without --textgrids
the reference is phones.tsv of the corpus, as the demo's. Words are compared where both write the same; phonemes where
all of a recording's are the same on both sides. Errors are in milliseconds, positive where ours is later. Prints JSON;
with --name also writes it to results/alignment-NAME.json.
"""

import argparse
import json
import os
import platform
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from fs2keras.aligner.output import Aligned
from fs2keras.corpus.readers import read_phones
from fs2keras.corpus.textgrid import read_textgrid, transcript_words
from fs2keras.corpus.utterance import Segment
from fs2keras.recipe import load

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    options = _options()
    recipe = load(options.recipe, options.overrides)
    if options.learn:
        from fs2keras.alignment import align

        align(recipe)
    aligned = Aligned(recipe)
    given = {} if options.textgrids else read_phones(Path(recipe.corpus.path) / "phones.tsv")
    errors = {"words": [], "phonemes": []}
    kept = [id for id, is_kept in zip(aligned.alignment.ids, aligned.alignment.kept, strict=True) if is_kept]
    for id in kept:
        duration = aligned.duration(id)
        reference = read_textgrid(options.textgrids / f"{id}.TextGrid") if options.textgrids else given.get(id, ())
        ours = aligned.segments(id, duration)
        errors["words"].append(word_errors(ours, reference))
        errors["phonemes"].append(phoneme_errors(ours, reference))
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "recipe": options.recipe,
        "overrides": [pair for pair in options.overrides if "/" not in pair],
        "utterances": len(aligned.store.ids),
        "kept": len(kept),
        **{name: summary(np.concatenate(parts)) for name, parts in errors.items()},
    }
    print(json.dumps(result, indent=2))
    if options.name:
        (RESULTS / f"alignment-{options.name}.json").write_text(json.dumps(result, indent=2) + "\n")


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--textgrids", type=Path)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--name")
    return parser.parse_args()


def word_errors(ours: tuple[Segment, ...], reference: tuple[Segment, ...]) -> np.ndarray:
    """Starts and ends in ms of the words that both know. Words that ours runs together ("in the") count as one."""
    our_words, their_words = _words(ours), _words(reference)
    our_tokens = [(token, n) for n, (text, _, _) in enumerate(our_words) for token in transcript_words(text)]
    their_tokens = [(token, n) for n, (text, _, _) in enumerate(their_words) for token in transcript_words(text)]
    matcher = SequenceMatcher(None, [t for t, _ in our_tokens], [t for t, _ in their_tokens], autojunk=False)
    place = {a + i: b + i for a, b, size in matcher.get_matching_blocks() for i in range(size)}
    errors = []
    for position, (_, n) in enumerate(our_tokens):
        if position not in place:
            continue
        theirs = their_words[their_tokens[place[position]][1]]
        if position == 0 or our_tokens[position - 1][1] != n:
            errors.append(our_words[n][1] - theirs[1])
        if position == len(our_tokens) - 1 or our_tokens[position + 1][1] != n:
            errors.append(our_words[n][2] - theirs[2])
    return 1000 * np.array(errors)


def phoneme_errors(ours: tuple[Segment, ...], reference: tuple[Segment, ...]) -> np.ndarray:
    """Starts and ends in ms of the phonemes, none unless all are the same on both sides."""
    a, b = ([s for s in segments if _is_spoken(s)] for segments in (ours, reference))
    if [s.symbol for s in a] != [s.symbol for s in b]:
        return np.zeros(0)
    return 1000 * np.array([e for x, y in zip(a, b, strict=True) for e in (x.start - y.start, x.end - y.end)])


def summary(errors: np.ndarray) -> dict[str, float]:
    """Of absolute errors: median, mean, shares within 25 and 50 ms; and the median of the signed ones."""
    if not len(errors):
        return {"boundaries": 0}
    size = np.abs(errors)
    return {
        "boundaries": len(errors),
        "median_ms": round(float(np.median(size)), 1),
        "mean_ms": round(float(size.mean()), 1),
        "within_25_ms": round(float((size <= 25).mean()), 3),
        "within_50_ms": round(float((size <= 50).mean()), 3),
        "lateness_ms": round(float(np.median(errors)), 1),
    }


def _words(segments: tuple[Segment, ...]) -> list[tuple[str, float, float]]:
    words, before = [], None
    for segment in segments:
        if _is_spoken(segment):
            if before is None or segment.starts_word or segment.word != before.word:
                words.append((segment.word, segment.start, segment.end))
            words[-1] = (segment.word, words[-1][1], segment.end)
        before = segment if _is_spoken(segment) else None
    return words


def _is_spoken(segment: Segment) -> bool:
    return any(map(str.isalnum, segment.word))


if __name__ == "__main__":
    main()
