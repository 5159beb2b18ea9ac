"""The table of symbols: phoneme names on one side, the model's integers on the other."""

from collections.abc import Iterable, Sequence

from fs2keras.errors import UserError

PAD = "_"
PAUSE = "sp"  # a pause without a mark


def is_pause(symbol: str) -> bool:
    """Whether a symbol stands for no speech sound: a pause, or a mark, which is spoken as one."""
    return symbol == PAUSE or not any(map(str.isalnum, symbol))


class SymbolError(UserError):
    """A symbol that the table does not hold."""


class SymbolTable:
    """Symbols in a fixed order; the index is the id, and id 0 is padding.

    Raises ValueError when the first symbol is not PAD or a symbol comes twice.
    """

    def __init__(self, symbols: Sequence[str]):
        self._symbols = tuple(symbols)
        self._ids = {symbol: index for index, symbol in enumerate(self._symbols)}
        if not self._symbols or self._symbols[0] != PAD:
            raise ValueError(f"the first symbol of a table is the padding {PAD!r}, got {list(self._symbols[:1])}")
        if len(self._ids) != len(self._symbols):
            twice = sorted({symbol for symbol in self._symbols if self._symbols.count(symbol) > 1})
            raise ValueError(f"symbols that come twice in the table: {twice}")

    @classmethod
    def of(cls, symbols: Iterable[str]) -> "SymbolTable":
        """The table of a corpus: padding, then the distinct symbols in code-point order."""
        return cls([PAD, *sorted(set(symbols) - {PAD})])

    def __len__(self) -> int:
        return len(self._symbols)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymbolTable) and self._symbols == other._symbols

    def __hash__(self) -> int:
        return hash(self._symbols)

    def encode(self, symbols: Sequence[str], *, words: Sequence[str] | None = None, utterance: str = "") -> list[int]:
        """Ids (P,) of the symbols (P,). `words` (P,) and `utterance` only serve the error's message.

        Raises SymbolError at the first symbol outside the table, or at padding inside a text.
        """
        ids = []
        for position, symbol in enumerate(symbols):
            if symbol == PAD or symbol not in self._ids:
                word = words[position] if words is not None else ""
                raise SymbolError(self._complaint(symbol, word, utterance))
            ids.append(self._ids[symbol])
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Symbols of the ids, padding left out."""
        return [self._symbols[index] for index in map(int, ids) if index != 0]

    def to_list(self) -> list[str]:
        return list(self._symbols)

    def _complaint(self, symbol: str, word: str, utterance: str) -> str:
        where = (f" of the word {word!r}" if word else "") + (f" in utterance {utterance}" if utterance else "")
        known = " ".join(self._symbols[1:13]) + (" ..." if len(self) > 13 else "")
        return (
            f"the phoneme {symbol!r}{where} is not among the {len(self) - 1} symbols of this voice ({known}). "
            "Spell or choose the word differently, or train with a corpus in which the phoneme occurs."
        )
