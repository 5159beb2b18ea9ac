"""The text side of recipes: finding the file, reading TOML and `--set`, saying where a key stands, writing TOML."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fs2keras.errors import CallError

_SECTION = re.compile(r"""\s*\[\s*["']?([\w.-]+)["']?\s*\]\s*(#.*)?""")


@dataclass(frozen=True)
class Override:
    """One `--set key=value`; `value` is TOML's, `raw` is what was typed."""

    key: str
    value: Any
    raw: str


@dataclass(frozen=True)
class Source:
    """Where the values of one recipe came from, so that every complaint can name the file and line, or the `--set`."""

    name: str
    text: str
    overrides: Mapping[str, Override]

    def where(self, key: str) -> str:
        if override := self.overrides.get(key):
            return f"--set {key}={override.raw}"
        line = find_line(self.text, key)
        return f"{self.name}, line {line}" if line else self.name

    def where_first(self, sentence: str, sections: Iterable[str]) -> str:
        """Where the first key that a sentence speaks of and that somebody set stands."""
        keys = re.findall(rf"\b(?:{'|'.join(sections)})\.\w+", sentence)
        places = [self.where(key) for key in keys]
        return next((place for place in places if place != self.name), self.name)


def shipped() -> dict[str, Path]:
    """The recipes that come with fs2keras, by name: in the wheel inside the package, in a clone beside it."""
    inside = Path(__file__).with_name("recipes")
    folder = inside if inside.is_dir() else Path(__file__).parent.with_name("recipes")
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find(path_or_name: str) -> Path:
    """The file of a recipe given by its path or its name; CallError with the nearest name when there is none."""
    path, known = Path(path_or_name).expanduser(), shipped()
    if path.is_file():
        return path
    if path_or_name in known:
        return known[path_or_name]
    if (path / "recipe.toml").is_file():
        raise CallError(f"{path} is a folder. Its recipe is {path / 'recipe.toml'}.")
    if path.stem in known:
        raise CallError(f"{path}: no such file. The recipe that comes with fs2keras is called by its name: {path.stem}")
    raise CallError(f"{path}: no such recipe, neither a file nor a name.{nearest(path.stem, list(known))}")


def parse(text: str, name: str) -> dict[str, Any]:
    """TOML text -> its tables. CallError naming file and line where it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        if found := re.search(r" \(at line (\d+), column (\d+)\)", message):
            place, message = f"{name}, line {found[1]}, column {found[2]}", message.replace(found[0], "")
        else:
            place = f"{name}, at the end"
        hint = ' Text needs quotes: key = "value".' if message == "Invalid value" else ""
        raise CallError(f"{place}: this is not TOML: {message}.{hint}") from error


def parse_overrides(settings: Sequence[str]) -> dict[str, Override]:
    """`["train.steps=20"]` -> overrides by key; the last one wins. A bare word is text."""
    overrides = {}
    for setting in settings:
        key, equals, raw = setting.partition("=")
        key = key.strip()
        if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)?", key):
            raise CallError(f"--set {setting}: expected section.key=value, for example --set train.steps=20")
        overrides[key] = Override(key, _toml_or_word(raw), raw)
    return overrides


def _toml_or_word(raw: str) -> Any:
    try:
        table = tomllib.loads(f"value = {raw}")
    except tomllib.TOMLDecodeError:
        return raw
    return table["value"] if len(table) == 1 else raw


def find_line(text: str, key: str) -> int | None:
    """The line (from 1) on which `section.key`, or `key` outside sections, is set; else the section's; else None.

    A scan for `[section]` and `key =`, not a parser: it only has to be right in files that TOML has already accepted.
    """
    section, _, name = key.rpartition(".")
    current, section_line = "", None
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _SECTION.fullmatch(line):
            current = header[1]
            if current == (section or key) and section_line is None:
                section_line = number
        elif (current == section and _sets(line, name)) or (not current and section and _sets(line, key)):
            return number
        elif not current and section and _sets(line, section):
            section_line = number
    return section_line


def _sets(line: str, name: str) -> bool:
    return re.match(rf"""\s*["']?{re.escape(name)}["']?\s*=""", line) is not None


def nearest(name: str, names: Sequence[str], valid: Sequence[str] = ()) -> str:
    """` Did you mean ...?` with the nearest of `names`; when none is near, the list of `valid`, else of all names."""
    section, _, word = name.rpartition(".")
    here = {known.rpartition(".")[2]: known for known in names if known.rpartition(".")[0] == section}
    elsewhere: dict[str, str] = {}
    for known in names:
        last = known.rpartition(".")[2]
        elsewhere[last] = f"{elsewhere[last]} or {known}" if last in elsewhere else known
    for candidates, cutoff in ((here, 0.6), (elsewhere, 0.8)):
        if close := difflib.get_close_matches(word, list(candidates), n=1, cutoff=cutoff):
            return f" Did you mean {candidates[close[0]]}?"
    return f" Valid: {', '.join(sorted(valid or names))}."


def quoted(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(quoted(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {quoted(item)}' for key, item in value.items())}}}"
    return repr(value) if isinstance(value, (int, float)) else str(value)
