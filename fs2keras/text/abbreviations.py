"""English abbreviations: what they stand for, and which of them never end a sentence."""

import re

# Written before a name or number, so their point never ends a sentence.
TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Messrs": "Messers", "Mme": "Madame", "Dr": "Doctor",
    "Prof": "Professor", "Rev": "Reverend", "Hon": "Honorable", "Gen": "General", "Col": "Colonel", "Maj": "Major",
    "Capt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant", "Cpl": "Corporal", "Adm": "Admiral", "Cmdr": "Commander",
    "Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Pres": "President", "Supt": "Superintendent",
    "Fr": "Father", "Mt": "Mount", "Ft": "Fort",
}  # fmt: skip

# May stand anywhere; at the end of the text the point is also the full stop.
WORDS = {
    "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire", "vs": "versus", "etc": "et cetera", "approx": "approximately",
    "dept": "department", "Dept": "Department", "est": "established", "govt": "government", "Inc": "Incorporated",
    "Ltd": "Limited", "Corp": "Corporation", "Co": "Company", "Bros": "Brothers", "Assn": "Association",
    "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday",
    "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday",
    "ca": "circa", "al": "al", "misc": "miscellaneous",
}  # fmt: skip

MONTHS = {
    "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "Jun": "June", "Jul": "July", "Aug": "August",
    "Sep": "September", "Sept": "September", "Oct": "October", "Nov": "November", "Dec": "December",
}  # fmt: skip

# Only before a number: "No. 5", "pp. 3-9".
BEFORE_NUMBERS = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "p": "page", "pp": "pages", "vol": "volume",
    "Vol": "Volume", "ch": "chapter", "Ch": "Chapter", "Fig": "Figure", "fig": "figure", "sec": "section",
    "art": "article", "Art": "Article", "c": "circa",
}  # fmt: skip

NEVER_FINAL = frozenset({*TITLES, "St", "vs", "No", "Nos", "approx", "Fig", "fig", "pp", "Vol", "vol"})


def _any(words: dict[str, str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_TITLE = re.compile(rf"\b({_any(TITLES)})(?:\.\s*(?=\S)|\.?\s+(?=[A-Z]))")
_SAINT = re.compile(r"\bSt\.?(?=\s+[A-Z])")
_STREET = re.compile(r"(?<=\w )St\b\.?")
_WORD = re.compile(rf"\b({_any(WORDS)})\.(\s*$)?")
_MONTH = re.compile(rf"\b({_any(MONTHS)})\b\.?(?=\s*\d)")
_NUMBERED = re.compile(rf"\b({_any(BEFORE_NUMBERS)})\.\s*(?=\d)")
_DEGREES = {
    "Ph.D.": "P-H-D",
    "Ph.D": "P-H-D",
    "e.g.": "for example",
    "i.e.": "that is",
    "c/o": "care of",
    "w/o": "without",
}
_DEGREE = re.compile(rf"(?<!\w)({_any(_DEGREES)})(?!\w)")
_INITIALS = re.compile(r"\b((?:[A-Z]\.\s?)+[A-Z]|(?:[a-z]\.)+[a-z])\.(\s*$)?")
_INITIAL = re.compile(r"\b([A-HJ-Z])\.(?=\s+[A-Z])")
_HALF_DAY = re.compile(r"(?<=\d)\s*([aApP])\.?\s?[mM]\b(\.(?=\s*$))?\.?")


def expand(text: str) -> str:
    """Write abbreviations out: "Dr. Lee" -> "Doctor Lee", "Elm St." -> "Elm Street", "U.S." -> "U-S"."""
    text = _HALF_DAY.sub(lambda match: f" {match[1].upper()}-M{match[2] or ''}", text)
    text = _DEGREE.sub(lambda match: _DEGREES[match[1]], text)
    text = _TITLE.sub(lambda match: TITLES[match[1]] + " ", text)
    text = _STREET.sub(_street_or_saint, text)
    text = _SAINT.sub("Saint", text)
    text = _MONTH.sub(lambda match: MONTHS[match[1]], text)
    text = _NUMBERED.sub(lambda match: BEFORE_NUMBERS[match[1]] + " ", text)
    text = _WORD.sub(lambda match: WORDS[match[1]] + ("." if match[2] is not None else ""), text)
    text = _INITIALS.sub(_initials, text)
    return _INITIAL.sub(r"\1", text)


def _street_or_saint(match: re.Match) -> str:
    """After a capitalised word or an ordinal and not before a capitalised one it is a street: "Elm St."."""
    before = match.string[: match.start()].split()[-1]
    after = match.string[match.end() :]
    if not (before[0].isupper() or before[0].isdigit()) or re.match(r"\s+[A-Z]", after):
        return match[0]
    return "Street." if match[0].endswith(".") and not after.strip() else "Street"


def _initials(match: re.Match) -> str:
    """Spell "U.S.A." as "U-S-A": hyphens keep espeak from reading the letter A as the article."""
    letters = re.findall(r"[A-Za-z]", match[1])
    return "-".join(letter.upper() for letter in letters) + ("." if match[2] is not None else "")
