"""Long text cut into sentences, so that each can be spoken on its own."""

import re

from fs2keras.text.abbreviations import NEVER_FINAL

_PARAGRAPH = re.compile(r"\n\s*\n")
# Marks, closing quotes or brackets, then a space; full-width marks need no space.
_END = re.compile(r"(?:[.?!]+[\"'”’)\]]*(?=\s)|[。！？]+[”」』）]*)\s*")
_LAST_WORD = re.compile(r"([\w.]+)\.[\"'”’)\]]*\s*$")


def split_sentences(text: str) -> list[str]:
    """Sentences of a text, in order, nothing lost but the white space between them. A blank line ends one too.

    A point ends no sentence after a title ("Dr.") or an initial ("J."), nor before a small letter.
    """
    sentences = []
    for paragraph in _PARAGRAPH.split(text):
        paragraph = " ".join(paragraph.split())
        start = 0
        for match in _END.finditer(paragraph):
            if _ends(paragraph[start : match.end()], paragraph[match.end() :]):
                sentences.append(paragraph[start : match.end()].strip())
                start = match.end()
        sentences.append(paragraph[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _ends(sentence: str, rest: str) -> bool:
    following = rest.lstrip("\"'“‘([")[:1]
    if following.islower():
        return False
    match = _LAST_WORD.search(sentence)
    if not match:
        return True
    word = match[1]
    if word in NEVER_FINAL:
        return False
    # An initial: "J. Smith", but not the pronoun of "So did I."; "U.S. Army" goes on, as does "a.m." less surely.
    if re.fullmatch(r"(?:[A-HJ-Z]|(?:[A-Z]\.)+[A-Z])", word):
        return not following.isupper()
    return True
