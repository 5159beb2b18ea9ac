"""Text as written becomes text as said: plain words, apostrophes, hyphens and the marks , . ; : ? !"""

import re
import unicodedata

from fs2keras.errors import UserError
from fs2keras.text.sentences import split_sentences
from fs2keras.text.words import MARKS

__all__ = ["normalize", "split_sentences"]

# What is written out can uncover more ("0.D", "zero.D", "zero dot D"); ordinary text needs one pass and a check.
_PASSES = 6
# Strongest first: of several marks in a row this one is kept.
_STRENGTH = "?!.;:,"
_TRANSLATION = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ", "'"), **dict.fromkeys("“”„‟″«»「」『』", '"'), **dict.fromkeys("‐‑‒⁃−", "-"),
        "–": "-", "—": ", ", "―": ", ", "…": "...", "。": ". ", "、": ", ", "，": ", ", "！": "! ", "？": "? ",
        "：": ": ", "；": "; ", "؟": "? ", "،": ", ", "؛": "; ", "।": ". ", "⁄": "/", "\u00ad": "", "\u200b": "",
        "²": " squared ", "³": " cubed ", "№": "No. ", "™": " ", "®": " ", "©": " ",
    }
)  # fmt: skip
_VULGAR = re.compile("([\u00bc-\u00be\u2150-\u215e])")
_ENGLISH_SIGNS = {
    "&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "×": " times ", "÷": " divided by ", "#": " ",
    "±": " plus or minus ", "%": " percent ", "°": " degrees ", "$": " dollars ", "£": " pounds ", "€": " euros ",
    "¥": " yen ", "/": " slash ", "<": " less than ", ">": " greater than ",
}  # fmt: skip
_ROMAN = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "XI": 11, "XII": 12, "XIII": 13, "XIV": 14}
_ROMAN |= {"XV": 15, "XVI": 16, "XVII": 17, "XVIII": 18, "XIX": 19, "XX": 20}
_COUNTED = "Chapter|Part|Volume|Book|Act|Scene|Section|War|Title|Phase|Type|Class|Article|Appendix|Henry|Louis"
_SECTION_NUMERAL = re.compile(rf"\b({_COUNTED.removesuffix('|Henry|Louis')}) (I|V|X|{'|'.join(_ROMAN)})\b")
_REGNAL_NUMERAL = re.compile(rf"\b([A-Z][a-z]+) ({'|'.join(_ROMAN)})\b")


def normalize(text: str, language: str = "en-us") -> str:
    """Normalised text. Applying it twice changes nothing more.

    English: numbers, money, dates, times, units and common abbreviations are written out. Every language: quotes,
    dashes and ellipses become plain marks, what cannot be spoken (emoji, control characters) goes.
    Raises UserError when nothing to speak is left, or for English when letters of another script are in it.
    """
    plain = text
    for _ in range(_PASSES):
        before = plain
        plain = _plain_unicode(plain)
        if language.lower().split("-")[0] == "en":
            plain = _english(plain, text)
        plain = _tidy(_speakable(plain))
        if plain == before:
            break
    if not any(character.isalnum() for character in plain):
        raise UserError(f"there is nothing to speak in the text {text!r}. Give a text with words or numbers in it.")
    return plain


def _plain_unicode(text: str) -> str:
    text = _VULGAR.sub(r" \1", text).translate(_TRANSLATION)
    text = unicodedata.normalize("NFKC", text).translate(_TRANSLATION)
    text = "".join(
        str(unicodedata.digit(character)) if unicodedata.category(character) == "Nd" else character
        for character in text
    )
    return re.sub(r"\s+-{1,3}\s+|-{2,}", ", ", re.sub(r"\s+", " ", text))


def _english(text: str, original: str) -> str:
    from fs2keras.text import abbreviations, numbers

    letters = re.sub(r"[^\w\s]", "", text)
    if (
        letters.isupper() and len(letters.split()) > 2 and max(map(len, letters.split())) > 3
    ):  # a shouted sentence is no row of initials
        text = text.lower()
    text = _greek(text, original)
    text = abbreviations.expand(text)
    text = _SECTION_NUMERAL.sub(lambda match: f"{match[1]} {_roman(match[2])}", text)
    text = _REGNAL_NUMERAL.sub(lambda match: f"{match[1]} the {numbers.ordinal(_ROMAN[match[2]])}", text)
    text = re.sub(r"\.{2,}(?=\s*[a-z])", ", ", text)
    text = numbers.spell_out(text)
    text = re.sub(r"(?<=\w)'n'(?=\s)|(?<=\s)'n'?(?=\s)", "and", text)
    text = re.sub(r"(?<=[A-Za-z]{2})\.(?=[A-Z][a-z])", ". ", text)  # a forgotten space
    text = re.sub(r"(?<=[A-Za-z])\.(?=[A-Za-z])", " dot ", text)
    for sign, words in _ENGLISH_SIGNS.items():
        text = text.replace(sign, words)
    return text


def _roman(numeral: str) -> str:
    from fs2keras.text.numbers import cardinal

    return cardinal({"I": 1, "V": 5, "X": 10, **_ROMAN}[numeral])


def _greek(text: str, original: str) -> str:
    """Greek letters by their names; another script is an error, never dropped."""
    spoken = []
    for character in text:
        name = unicodedata.name(character, "")
        if not unicodedata.category(character).startswith("L") or name.startswith("LATIN"):
            spoken.append(character)
        elif name.startswith("GREEK") and " LETTER " in name:
            spoken.append(f" {name.split(' LETTER ')[1].split(' ')[0].removeprefix('FINAL').lower()} ")
        else:
            raise UserError(
                f"{character!r} ({name or 'unnamed character'}) cannot be spoken in English, in the text {original!r}. "
                "Write it in Latin letters, or choose another text.language."
            )
    return "".join(spoken)


def _speakable(text: str) -> str:
    """Parentheses become commas, quotes go, and so does every character that no voice can say."""
    text = re.sub(r"\s*[(){}]+\s*", ", ", text)
    kept = []
    for character in text:
        if character.isascii():
            kept.append(character if character.isalnum() or character in MARKS + "'-%&+$@/#=" else " ")
        elif unicodedata.category(character)[0] in "LMN" or character in "°€£¥":
            kept.append(
                "" if unicodedata.category(character) == "Me" or "\ufe00" <= character <= "\ufe0f" else character
            )
        else:
            kept.append(" ")
    return "".join(kept)


def _tidy(text: str) -> str:
    marks = re.escape(MARKS)
    text = re.sub(r"(?<!\w)['-]+|['-]+(?!\w)", lambda match: _edge(match), text)
    text = re.sub(
        rf"[{marks}](?:\s*[{marks}])+", lambda match: min(match[0].replace(" ", ""), key=_STRENGTH.index) + " ", text
    )
    text = re.sub(rf"\s+(?=[{marks}])", "", text)
    text = re.sub(r"(?<=[^\W\d])([,;:?!])(?=[^\W\d])", r"\1 ", text)
    return re.sub(r"\s+", " ", text.lstrip(MARKS + " ")).strip()


def _edge(match: re.Match) -> str:
    """A plural's apostrophe stays ("the dogs' bowls"); other loose quotes and hyphens go."""
    before = match.string[: match.start()]
    return "'" if match[0] == "'" and before.endswith("s") else " "
