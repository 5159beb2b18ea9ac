"""Sentences to be spoken, from a file."""

from pathlib import Path

from fs2keras.errors import CallError


def read_sentences(path: Path) -> dict[str, str]:
    """id -> text of a UTF-8 file with a sentence a line, as `id|text` or the text alone, whose id is then its number.

    Raises CallError, with file and line, when it cannot be read, is empty, or an id comes twice or is no file name.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise CallError(f"{path}: cannot be read ({why}). Expected UTF-8 text, a sentence a line.") from error
    sentences: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        id, mark, text = line.partition("|")
        if not mark:
            id, text = f"{number:03d}", line
        if not text.strip() or not id.strip() or "/" in id:
            raise CallError(f"{path}:{number}: expected a sentence, or id|sentence with an id that can name a file.")
        if id.strip() in sentences:
            raise CallError(f"{path}:{number}: the id {id.strip()!r} is there twice.")
        sentences[id.strip()] = text.strip()
    if not sentences:
        raise CallError(f"{path}: holds no sentence. Expected a sentence a line.")
    return sentences
