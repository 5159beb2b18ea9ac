"""SHA256SUMS: what an archive holds. sha256sum reads it too, so an archive can be checked without fs2keras."""

import hashlib
import json
import re
from dataclasses import dataclass, field

from fs2keras.errors import UserError

NAME = "SHA256SUMS"
INCOMING = ".incoming"  # in a folder archive, what is being written
FORMAT = 1
_MARK = "fs2keras archive, format "
FIRST_LINE = f"# {_MARK}{FORMAT}. Without fs2keras: sha256sum -c {NAME}"
_FIRST = re.compile(rf"# {_MARK}(\d+)\b.*")
_STATUS = re.compile(r"# (\d+) bytes, changed at (-?\d+) ns")
_SUM = re.compile(r"(\\?)([0-9a-f]{64})  (.+)")
_LAST = re.compile(rb"# SHA-256 of the lines above: ([0-9a-f]{64})\n")
_ESCAPES = {"\\": r"\\", "\n": r"\n", "\r": r"\r"}  # as sha256sum writes such names


class Damaged(UserError):  # noqa: N818
    """What an archive holds is not what was put into it."""


@dataclass(frozen=True)
class Identity:
    """Which run it is: its name, the fingerprint of its store, and when it began; None where the run does not say."""

    run: str
    fingerprint: str | None = None
    begun: str | None = None

    def differs_from(self, other: "Identity") -> str:
        """In which way this run is not `other`, in words; "" when nothing says so."""
        if self.run != other.run:
            return f"its name is {self.run}, not {other.run}"
        if None not in (self.begun, other.begun) and self.begun != other.begun:
            return f"it began at {self.begun}, this one at {other.begun}"
        if None not in (self.fingerprint, other.fingerprint) and self.fingerprint != other.fingerprint:
            return f"it learned from another store ({self.fingerprint[:8]}, not {other.fingerprint[:8]})"
        return ""


@dataclass(frozen=True)
class Entry:
    """One file: its path in the run with / between the parts, bytes, time of change (Unix ns), SHA-256 (hex)."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Whose files an archive holds, which ones by path and in which order, and when it was last changed."""

    identity: Identity
    entries: dict[str, Entry] = field(default_factory=dict)
    made: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries.values())

    def render(self) -> bytes:
        """The content of SHA256SUMS. Its last line says whether the others are whole."""
        about = {**vars(self.identity), "made": self.made}
        lines = [FIRST_LINE, f"# {json.dumps(about)}"]
        for entry in self.entries.values():
            name = "".join(_ESCAPES.get(character, character) for character in entry.path)
            lines.append(f"# {entry.size} bytes, changed at {entry.mtime_ns} ns")
            lines.append(f"{'' if name == entry.path else chr(92)}{entry.sha256}  {name}")
        body = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        return body + f"# SHA-256 of the lines above: {hashlib.sha256(body).hexdigest()}\n".encode()


def parse(data: bytes, where: str) -> Manifest:
    """The manifest in the content of a SHA256SUMS; `where` names it in errors.

    Raises:
        Damaged: it is not as it was written, or leads out of the archive.
        UserError: it is no manifest of ours, or one of a newer format.
    """
    check_format(data.partition(b"\n")[0].decode("utf-8", "replace"), where)
    end = data.rfind(b"\n", 0, len(data) - 1) + 1
    last = _LAST.fullmatch(data, end)
    if not last or hashlib.sha256(data[:end]).hexdigest().encode() != last[1]:
        raise Damaged(f"{where} is damaged: its own checksum does not agree. Take another copy, or archive anew.")
    try:
        about, *lines = data[:end].decode("utf-8", "surrogateescape").split("\n")[1:-1]
        entries = [_entry(*pair) for pair in zip(lines[::2], lines[1::2], strict=True)]
        fields = json.loads(about.removeprefix("# "))
        made, identity = fields.pop("made"), Identity(**fields)
        if not _is_inside(identity.run) or "/" in identity.run:
            raise ValueError(f"a run cannot be named {identity.run!r}")
        return Manifest(identity, {entry.path: entry for entry in entries}, made)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{where} is not as fs2keras writes it ({error}). Do not trust this archive.") from error


def check_format(first: str, where: str) -> None:
    """UserError unless the words with which a manifest begins are those of a format that is known here."""
    match = _FIRST.fullmatch(first)
    if not match:
        raise UserError(f"{where} was not written by fs2keras archive. Expected a folder or .tar.zst that was.")
    if int(match[1]) > FORMAT:
        raise UserError(
            f"{where} has format {match[1]}, this fs2keras knows {FORMAT}. Upgrade: pip install -U fs2keras"
        )


def _entry(status: str, line: str) -> Entry:
    facts, words = _STATUS.fullmatch(status), _SUM.fullmatch(line)
    if not facts or not words:
        raise ValueError(f"a line reads {(line if facts else status)[:80]!r}")
    unescaped = {escape: character for character, escape in _ESCAPES.items()}
    path = re.sub(r"\\.", lambda escape: unescaped[escape[0]], words[3]) if words[1] else words[3]
    if not _is_inside(path):
        raise ValueError(f"{path!r} leads out of the archive")
    return Entry(path, int(facts[1]), int(facts[2]), words[2])


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return not {"", ".", ".."} & set(parts) and "\0" not in path and parts[0] not in (NAME, INCOMING)
