"""English numbers written out: cardinals, ordinals, years, money, dates, times, units, fractions."""

import re

from num2words import num2words

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTH = "|".join(_MONTH_NAMES)
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "", ""), "₹": ("rupee", "rupees", "paisa", "paise"),
}  # fmt: skip
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
_UNITS = {
    "km/h": "kilometer per hour", "mph": "mile per hour", "km": "kilometer", "cm": "centimeter", "mm": "millimeter",
    "m": "meter", "kg": "kilogram", "mg": "milligram", "g": "gram", "lbs": "pound", "lb": "pound", "oz": "ounce",
    "ft": "foot", "in": "inch", "mi": "mile", "hrs": "hour", "hr": "hour", "min": "minute", "mins": "minute",
    "sec": "second", "secs": "second", "ms": "millisecond", "s": "second", "kHz": "kilohertz", "MHz": "megahertz",
    "GHz": "gigahertz", "Hz": "hertz", "dB": "decibel", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "kW": "kilowatt", "W": "watt", "V": "volt", "°C": "degree Celsius",
    "°F": "degree Fahrenheit", "°": "degree", "l": "liter", "ml": "milliliter", "mL": "milliliter", "L": "liter",
}  # fmt: skip
_UNIT_NAMES = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_IRREGULAR = {"foot": "feet", "inch": "inches", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz"}
_IRREGULAR |= {"gigahertz": "gigahertz"}
# Longer runs of digits are codes, not amounts.
_LONGEST_AMOUNT = 15


def spell_out(text: str) -> str:
    """Replace every number of an English text by words. Order matters: the most specific patterns come first."""
    for pattern, reading in _PATTERNS:
        text = pattern.sub(reading, text)
    return text


def cardinal(number: int) -> str:
    return num2words(number).replace(",", "")


def ordinal(number: int) -> str:
    return num2words(number, to="ordinal").replace(",", "")


def digits(text: str) -> str:
    """One by one: "007" -> "zero zero seven"."""
    return " ".join(cardinal(int(digit)) for digit in text if digit.isdigit())


def year(number: int) -> str:
    """Years as they are said: 1905 "nineteen oh five", 2005 "two thousand five", 2024 "twenty twenty-four"."""
    century, rest = divmod(number, 100)
    if number % 1000 < 10 or not 1000 <= number <= 9999:
        return cardinal(number).replace(" and ", " ")
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def amount(text: str) -> str:
    """A plain number in words: "1,234.05" -> "one thousand two hundred and thirty-four point zero five"."""
    whole, _, fraction = text.replace(",", "").partition(".")
    if len(whole) > _LONGEST_AMOUNT or (len(whole) > 1 and whole[0] == "0"):
        words = digits(whole)
    else:
        words = cardinal(int(whole)) if whole else ""
    return f"{words} point {digits(fraction)}".strip() if fraction else words


def plural(noun: str) -> str:
    first, *rest = noun.split(" ", 1)
    return " ".join([_IRREGULAR.get(first, first + "s"), *rest])


def _money(match: re.Match) -> str:
    sign, symbol, number, scale = match.groups()
    one, many, cent, cents = _CURRENCIES[symbol]
    sign = "minus " if sign else ""
    if scale:
        return f"{sign}{amount(number)} {_SCALES.get(scale.lower(), scale.lower())} {many}"
    whole, _, fraction = number.replace(",", "").partition(".")
    if len(fraction) != 2 or not cent:
        return f"{sign}{amount(number)} {one if number == '1' else many}"
    parts = []
    if int(whole or 0) or not int(fraction):
        parts.append(f"{amount(whole)} {one if int(whole) == 1 else many}")
    if int(fraction):
        parts.append(f"{cardinal(int(fraction))} {cent if int(fraction) == 1 else cents}")
    return sign + " and ".join(parts)


def _money_range(match: re.Match) -> str:
    return f"{amount(match[2])} to {amount(match[3])} {_CURRENCIES[match[1]][1]}"


def _in_year(match: re.Match) -> str:
    return match[1] + year(int(match[2]))


def _cents(match: re.Match) -> str:
    return f"{amount(match[1])} {'cent' if match[1] == '1' else 'cents'}"


def _day(month: int, day: int, number: str) -> str:
    return f"{_MONTH_NAMES[month - 1]} {ordinal(day)}" + (f", {year(int(number))}" if number else "")


def _iso_date(match: re.Match) -> str:
    number, month, day = match[1], int(match[2]), int(match[3])
    return _day(month, day, number) if 1 <= month <= 12 and 1 <= day <= 31 else digits(match[0])


def _slash_date(match: re.Match) -> str:
    """Month first, as in the United States; day first where only that is possible."""
    month, day = int(match[1]), int(match[2])
    if month > 12:
        month, day = day, month
    return _day(month, day, match[3]) if 1 <= month <= 12 and 1 <= day <= 31 else match[0].replace("/", " ")


def _month_day(match: re.Match) -> str:
    return f"{match[1]} {ordinal(int(match[2]))}" + (f", {year(int(match[3]))}" if match[3] else "")


def _day_month(match: re.Match) -> str:
    return f"the {ordinal(int(match[1]))} of {match[2]}" + (f" {year(int(match[3]))}" if match[3] else "")


def _time(match: re.Match) -> str:
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    words = cardinal(hour)
    if minute or second:
        words += f" {'oh ' if 0 < minute < 10 else ''}{cardinal(minute)}"
    elif not re.match(r"\s*[AP]-M", match.string[match.end() :]):
        words += " o'clock" if 1 <= hour <= 12 else " hundred"
    return f"{words} and {cardinal(int(second))} seconds" if second else words


def _range(match: re.Match) -> str:
    return f"{_integer(match[1])} to {_integer(match[2])}"


def _integer(text: str) -> str:
    """Four digits without a comma from 1100 to 2099 are said like a year, also "1500 people"."""
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", text):
        return year(int(text))
    return amount(text)


def _decade(match: re.Match) -> str:
    words = year(int(match[1])) if len(match[1]) == 4 else cardinal(int(match[1]))
    if len(match[1]) == 4 and match[1].endswith("00"):
        return words + "s"
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _unit(match: re.Match) -> str:
    noun = _UNITS[match[2]]
    return f"{_integer(match[1])} {noun if match[1] == '1' else plural(noun)}"


def _fraction(match: re.Match) -> str:
    whole, top, bottom = match[1], int(match[2]), int(match[3])
    if not 0 < top < bottom <= 100:
        return f"{whole or ''}{amount(match[2])} {amount(match[3])}"
    part = {2: "half", 4: "quarter"}.get(bottom, ordinal(bottom))
    many = {"half": "halves"}.get(part, part + "s")
    if whole:
        count = "a" if top == 1 else cardinal(top)
        return f"{amount(whole.strip())} and {count} {part if top == 1 else many}"
    return f"{cardinal(top)} {part if top == 1 else many}"


_YEAR_OR_NOTHING = r"(?:,?\s+(\d{4})\b(?!,\d))?"
_PATTERNS = [
    (re.compile(pattern), reading)
    for pattern, reading in (
        (rf"([{''.join(_CURRENCIES)}])({_PLAIN})-[{''.join(_CURRENCIES)}]?({_PLAIN})\b", _money_range),
        (
            rf"(-)?([{''.join(_CURRENCIES)}])\s?({_PLAIN})(?:\s?(thousand|million|billion|trillion|[kKmMbB]n?)\b)?",
            _money,
        ),
        (rf"({_PLAIN})\s?¢", _cents),
        (r"\b((?:[Ii]n|[Yy]ear|[Ss]ince|[Uu]ntil|[Bb]efore|[Aa]fter|[Ff]rom|[Bb]y) )(1[01]\d\d)\b(?![,.]\d)", _in_year),
        (r"\b(\d{4})-(\d\d)-(\d\d)\b", _iso_date),
        (r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b", _slash_date),
        (rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d){_YEAR_OR_NOTHING}", _month_day),
        (rf"\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of )?({_MONTH})\b{_YEAR_OR_NOTHING}", _day_month),
        (r"\b([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?!\d)", _time),
        (r"\b(\d+):(\d+)\b", _range),
        (r"(?:\+?\b1[ -])?\(?\b\d{3}\)?[ -]\d{3}-\d{4}\b|\b\d{3}-\d{4}\b", lambda match: digits(match[0])),
        (r"(\d+)'\s?(\d+)\"", lambda match: f"{cardinal(int(match[1]))} feet {cardinal(int(match[2]))} inches"),
        (r"'?\b(\d{3}0|\d0)'?s\b", _decade),
        (r"\b(\d+)(?:st|nd|rd|th)\b", lambda match: ordinal(int(match[1]))),
        (r"(?<=\d)(?:\.\d+){2,}", lambda match: " point ".join(["", *map(amount, match[0].split(".")[1:])]) + " "),
        (r"(\b\d+\s+)?\b(\d+)/(\d+)\b(?!/)", _fraction),
        (rf"(?<![\w.-])-(?={_PLAIN})", "minus "),
        (rf"\b({_PLAIN})\s?-\s?(?={_PLAIN})", lambda match: f"{_integer(match[1])} to "),
        (rf"({_PLAIN})\s?%", lambda match: f"{amount(match[1])} percent"),
        (rf"({_PLAIN})\s?({_UNIT_NAMES})(?![\w'-])(?:\.(?=\s+[a-z]))?", _unit),
        (r"#\s?(?=\d)", "number "),
        (_PLAIN, lambda match: f" {_integer(match[0])} "),
    )
]
