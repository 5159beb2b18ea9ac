"""espeak's en-us units (IPA) as ARPAbet phones, the way the CMU dictionary and MFA write them.

The tables were compared with the MFA pronunciations of the shared LJSpeech clips; comments say where IPA and
ARPAbet disagree and what was chosen.
"""

import re
from collections.abc import Sequence

from fs2keras.errors import UserError

CONSONANTS = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "f": "F", "v": "V", "θ": "TH", "ð": "DH",
    "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "tʃ": "CH", "dʒ": "JH", "m": "M", "n": "N", "ŋ": "NG",
    "l": "L", "ɫ": "L", "ɹ": "R", "r": "R", "j": "Y", "w": "W", "ʍ": "W", "ʔ": "T",
    "ɾ": "T",  # en-us flaps only what is written with t: 99 of 100
    # Sounds of borrowed words, by the English sound nearest to them.
    "x": "K", "ç": "HH", "ɬ": "L", "ʎ": "L", "ɲ": "N", "β": "B", "ɣ": "G", "ʁ": "R", "ts": "T S", "pf": "P F",
}  # fmt: skip

# "*" takes the unit's stress; a vowel without it is always weak. Longest match first.
VOWELS = {
    "iː": "IY*", "i": "IY*", "ɪ": "IH*", "ᵻ": "IH*", "eɪ": "EY*", "eː": "EY*", "e": "EH*", "ɛ": "EH*", "ɛː": "EH*",
    "æ": "AE*", "ææ": "AE*", "aː": "AA*", "a": "AE*", "ɑː": "AA*", "ɑ": "AA*", "ɒ": "AA*", "ɔː": "AO*", "ɔ": "AO*",
    "oː": "AO*", "o": "OW*", "oʊ": "OW*", "əʊ": "OW*", "ʊ": "UH*", "uː": "UW*", "u": "UW*", "ʌ": "AH*", "ə": "AH*",
    "ɐ": "AH*", "ɜː": "ER*", "ɜ": "ER*", "ɚ": "ER*", "ɝ": "ER*", "əɹ": "ER*", "aɪ": "AY*", "aʊ": "AW*", "ɔɪ": "OY*",
    "ɪə": "IH* AH0", "iə": "IY* AH0", "eə": "EH* AH0", "ʊə": "UH* AH0", "uːə": "UW* AH0", "aɪə": "AY* AH0",
    "aʊə": "AW* AH0", "aɪɚ": "AY* ER0", "aʊɚ": "AW* ER0", "y": "UW*", "yː": "UW*", "ø": "ER*", "øː": "ER*", "œ": "ER*",
    "əl": "AH* L", "n̩": "AH* N", "l̩": "AH* L", "m̩": "AH* M", "ɑ̃": "AA* N", "ɔ̃": "AO* N", "ɛ̃": "AE* N", "œ̃": "AH* N",
}  # fmt: skip

_STRESS = {"ˈ": "1", "ˌ": "2"}
_ALL = {**CONSONANTS, **VOWELS}
_LONGEST = max(map(len, _ALL))
# Tie bars, linking dots, secondary articulations: marks that change no ARPAbet phone.
_IGNORED = re.compile("[\u0361\u035c‿ʲʰˠːˑ.\\-~\u032f\u0325\u032a\u0303;'\"^*!?]")


_VOWEL = "[AEIOU][A-Z][012]"

# Where espeak's accent and the dictionary's differ as a rule; each counted on the words of the shared clips.
_RULES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(A[WY][012]) ER0 R (?=[AEIOU])", r"\1 R "),  # desiring
        (r"\b(ER[012]) R (?=[AEIOU])", r"\1 "),  # arrest: AH R or ER, never both
        (r"\bR R\b", "R"),  # assurance
        (rf"\bIH0 (?={_VOWEL})", "IY0 "),  # associate
        (r"^EH0 ", "IH0 "),  # employ, example
        (r"^(IH[02]) NG (?=[KG]\b)", r"\1 N "),  # include, engrave
        (r"\bAE([012]) R (?=[AEIOU])", r"EH\1 R "),  # character: marry like merry
        (r"\bY UH0\b", "Y AH0"),  # regular
        (r"\bIH0 S T$", "AH0 S T"),  # largest
    )
]


def convert(units: Sequence[str]) -> list[str]:
    """ARPAbet phones of the espeak units of one word.

    Raises UserError when a unit holds a sound that has no ARPAbet phone.
    """
    phones = " ".join(phone for unit in units for phone in convert_unit(unit))
    for pattern, replacement in _RULES:
        phones = pattern.sub(replacement, phones)
    return phones.split()


def convert_unit(unit: str) -> list[str]:
    """ARPAbet phones of one unit: "ˈɑːɹ" -> AA1 R, "əl" -> AH0 L."""
    stress = "0"
    phones: list[str] = []
    at = 0
    while at < len(unit):
        if unit[at] in _STRESS:
            stress, at = _STRESS[unit[at]], at + 1
            continue
        length = next((n for n in range(_LONGEST, 0, -1) if unit[at : at + n] in _ALL), 0)
        if length:
            phones += _ALL[unit[at : at + length]].replace("*", stress).split(" ")
            at += length
        elif _IGNORED.match(unit[at]):
            at += 1
        else:
            raise UserError(
                f'the sound {unit!r} of espeak has no ARPAbet phone. Respell the word, or use text.frontend = "espeak".'
            )
    return phones
