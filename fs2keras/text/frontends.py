"""The frontends by name: the same one serves training and speaking."""

from fs2keras.errors import CallError
from fs2keras.text.words import Word, symbols_of

__all__ = ["NAMES", "Word", "build", "symbols_of"]

NAMES = ("espeak", "arpabet")


def build(name: str, language: str = "en-us", lexicon: dict | None = None):
    """A frontend: `.name`, `.language`, `.words(text) -> list[Word]`, `.symbols() -> list[str] | None`.

    name: "espeak" (IPA, any language of espeak-ng) or "arpabet" (English, corpora aligned by MFA).
    lexicon: for "arpabet" only, {"words": {word: [phones]}, "pauses": {mark: share}} gathered in training.
    Raises CallError for another name or a language the frontend does not have.
    """
    if name == "espeak":
        from fs2keras.text.espeak import EspeakFrontend

        return EspeakFrontend(language)
    if name == "arpabet":
        from fs2keras.text.arpabet import ArpabetFrontend

        return ArpabetFrontend(lexicon, language)
    raise CallError(f"text.frontend is one of {', '.join(NAMES)}, got {name!r}")
