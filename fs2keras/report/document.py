"""What a report consists of, whether it becomes a page or paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fs2keras.report.canvas import Area


@dataclass(frozen=True)
class Text:
    """A paragraph. `warns` where it speaks of something that should be looked at."""

    text: str
    warns: bool = False


@dataclass(frozen=True)
class Heading:
    """Above the sentences that follow."""

    title: str


@dataclass(frozen=True)
class Table:
    """Rows of text below heads. `numbers` are the columns to be set flush right; `folded`: shown when asked for; on
    paper left out. Where a row has a single cell it is a heading among the rows."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True)
class Chart:
    """A drawing. `alt` says in words what is to be seen, `caption` how to read it; `height` in inches where it is 10
    inches wide; `title` may be empty."""

    name: str
    title: str
    alt: str
    caption: str
    height: float
    draw: Callable[[Area], None]


@dataclass(frozen=True)
class Sound:
    """A sample: what was said, the FLAC and the picture of it, or in their place a sentence. `picture` is drawn by the
    chart; `printed`: on paper too."""

    title: str
    sentence: str
    flac: bytes
    problem: str
    picture: Chart | None
    printed: bool = True


@dataclass(frozen=True)
class Sounds:
    """Samples to listen to one after the other."""

    title: str
    sounds: Sequence[Sound]


@dataclass(frozen=True)
class Listing:
    """A text as it stands in a file; on paper in columns, without comments."""

    title: str
    text: str


Block = Text | Heading | Table | Chart | Sounds | Listing


@dataclass(frozen=True)
class Section:
    """A chapter of the report."""

    name: str
    title: str
    blocks: Sequence[Block]
