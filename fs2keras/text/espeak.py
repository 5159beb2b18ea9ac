"""IPA phonemes from the espeak-ng library, through phonemizer (both GPL-3, called at run time for text only)."""

import logging
import re
import threading
from functools import lru_cache

from fs2keras.errors import UserError
from fs2keras.text.normalize import normalize
from fs2keras.text.words import Word, split_clauses

_SPEAKABLE = re.compile(r"\w")


@lru_cache(maxsize=8)
def _backend(language: str):
    """One phonemizer backend for a language and process: starting one copies and loads the library (0.1 s)."""
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    # phonemizer warns about every line whose word count changes; espeak runs words together all the time.
    logger = logging.getLogger("fs2keras.espeak")
    logger.setLevel(logging.ERROR)
    try:
        return EspeakBackend(language, with_stress=True, language_switch="remove-flags", logger=logger)
    except RuntimeError as error:
        raise UserError(
            f"espeak cannot speak text.language = {language!r} ({error}). "
            "Use a code of espeak-ng such as en-us, en-gb, de or fr-fr."
        ) from error


# The library keeps its state in globals, so calls from several threads take turns.
_LOCK = threading.Lock()


def phonemize(clauses: list[str], language: str) -> list[list[tuple[str, ...]]]:
    """For each clause (no punctuation) its groups of IPA units, stress inside the vowel's unit ("ˈɑːɹ").

    A group is what espeak pronounces in one go: mostly one word, at times two ("in the").
    """
    from phonemizer.separator import Separator

    with _LOCK:
        lines = _backend(language).phonemize(clauses, separator=Separator(phone="_", word=" "), strip=True)
    return [[units for group in line.split(" ") if (units := tuple(filter(None, group.split("_"))))] for line in lines]


class EspeakFrontend:
    """Text to IPA units; punctuation marks are words of their own and keep their own symbols.

    The symbols depend on the language, so `symbols()` is None: the table comes from the corpus.
    """

    name = "espeak"

    def __init__(self, language: str = "en-us"):
        self.language = language

    def symbols(self) -> list[str] | None:
        return None

    def words(self, text: str) -> list[Word]:
        """Words of a text, which is normalised first. UserError when nothing in it can be spoken."""
        pairs = split_clauses(normalize(text, self.language))
        clauses = iter(phonemize([clause for clause, _ in pairs if _SPEAKABLE.search(clause)], self.language))
        words = []
        for clause, mark in pairs:
            if _SPEAKABLE.search(clause):
                words += assign(clause.split(), next(clauses))
            if mark and words and not words[-1].punctuation:
                words.append(Word(mark, (mark,), punctuation=True))
        if not any(not word.punctuation for word in words):
            raise UserError(f"espeak has no pronunciation for the text {text!r}. Give a text with words in it.")
        return words


def assign(tokens: list[str], groups: list[tuple[str, ...]]) -> list[Word]:
    """Give each group of units the tokens it pronounces.

    One to one where the counts agree. Where espeak ran words together, the split of the tokens into as many
    runs whose letters fit the units best; where it took a word apart ("AT&T"), the clause is one word.
    """
    if len(groups) == len(tokens):
        return [Word(token, group) for token, group in zip(tokens, groups, strict=True)]
    if not groups:
        return []
    if len(groups) > len(tokens):
        return [Word(" ".join(tokens), tuple(unit for group in groups for unit in group))]
    ends = _best_runs([len(token) for token in tokens], [len(group) for group in groups])
    starts = [0, *ends[:-1]]
    return [Word(" ".join(tokens[start:end]), group) for start, end, group in zip(starts, ends, groups, strict=True)]


def _best_runs(letters: list[int], units: list[int]) -> list[int]:
    """Ends of consecutive non-empty runs of `letters`, one for each of `units`, least squared difference."""
    rate = sum(units) / sum(letters)
    best = {0: (0.0, [])}
    for count in units:
        step: dict[int, tuple[float, list[int]]] = {}
        for start, (cost, ends) in best.items():
            run = 0
            for end in range(start + 1, len(letters) + 1):
                run += letters[end - 1]
                total = cost + (run * rate - count) ** 2
                if end not in step or total < step[end][0]:
                    step[end] = (total, [*ends, end])
        best = step
    return best[len(letters)][1]
