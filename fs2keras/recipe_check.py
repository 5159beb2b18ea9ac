"""Recipe tables against the classes of their sections: unknown keys, wrong types, values outside their limits."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from fs2keras.recipe_text import Source, nearest, quoted

_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: 'text in quotes, like "this"'}
_ITEMS = {int: "whole numbers, like [1, 2]", float: "numbers, like [1.0, 2.0]", str: 'quoted text, like ["one", "two"]'}


def read_sections(
    tables: Mapping[str, Any], classes: Mapping[str, type], source: Source
) -> tuple[dict[str, Any], list[str]]:
    """One instance of each class from the table of its name, and a sentence for everything that is wrong."""
    problems = []
    for name in [name for name in tables if name not in classes]:
        if isinstance(tables[name], dict):
            problems.append(f"{source.where(name)}: [{name}] is not a section.{nearest(name, list(classes))}")
        else:
            hint = nearest(f".{name}", _all_keys(classes), list(classes))
            problems.append(f"{source.where(name)}: {name} stands in no section.{hint}")
    sections = {}
    for section, cls in classes.items():
        values = {}
        for field, key, value in _known_keys(tables.get(section, {}), section, classes, source, problems):
            override = source.overrides.get(key)
            try:
                value = convert(value, get_type_hints(cls)[field.name], override.raw if override else None)
                expected = limit_broken(value, field)
            except TypeError as error:
                expected = str(error)
            if expected:
                problems.append(f"{source.where(key)}: {key} = {quoted(value)}: expected {expected}.")
            else:
                values[field.name] = _expand(value) if field.metadata.get("path") else value
        sections[section] = cls(**values)
    return sections, problems


def _known_keys(table: Any, section: str, classes: Mapping[str, type], source: Source, problems: list[str]):
    """Yield (field, full key, value) for the keys of a table that the section's class has."""
    if not isinstance(table, dict):
        problems.append(f"{source.where(section)}: {section} is a section: write [{section}], and its keys below.")
        return
    fields = {field.name: field for field in dataclasses.fields(classes[section])}
    for name, value in table.items():
        key = f"{section}.{name}"
        if name in fields:
            yield fields[name], key, value
        else:
            hint = nearest(key, _all_keys(classes), [f"{section}.{known}" for known in fields])
            problems.append(f"{source.where(key)}: {key} is not a key.{hint}")


def _all_keys(classes: Mapping[str, type]) -> list[str]:
    return [f"{section}.{field.name}" for section, cls in classes.items() for field in dataclasses.fields(cls)]


def _expand(path: str) -> str:
    return str(Path(path).expanduser()) if path.startswith("~") else path


def convert(value: Any, kind: Any, raw: str | None = None) -> Any:
    """`value` as the type `kind`: int, float, bool, str, or tuple[one of them, ...]. TypeError says what was expected.

    Strict: true is no number and "3" no 3; a whole number will do for a float. `raw`, the words of a `--set`, will do
    for text even where TOML reads a number (`--set corpus.test=0.02`).
    """
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        if not isinstance(value, list):
            raise TypeError(f"a list of {_ITEMS[item]}")
        try:
            return tuple(convert(each, item) for each in value)
        except TypeError as error:
            raise TypeError(f"a list of {_ITEMS[item]}") from error
    if kind is str and raw is not None and not isinstance(value, str):
        return raw
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(_EXPECTED[kind])
    if kind is float and not math.isfinite(value):
        raise TypeError("a finite number")
    if kind is str and "\0" in value:
        raise TypeError("text without NUL characters")
    return value


def limit_broken(value: Any, field: dataclasses.Field) -> str | None:
    """What `field` demands (`at least 1`) when `value` is outside its metadata's limits, else None."""
    limits = field.metadata
    if "choices" in limits and value not in limits["choices"]:
        wanted = " or ".join(quoted(choice) for choice in limits["choices"])
        close = difflib.get_close_matches(str(value), [str(choice) for choice in limits["choices"]], n=1)
        return wanted + (f" (did you mean {quoted(close[0])}?)" if close and len(limits["choices"]) > 2 else "")
    if "minimum" in limits and value < limits["minimum"]:
        return f"at least {limits['minimum']}"
    if "above" in limits and value <= limits["above"]:
        return f"more than {limits['above']}"
    if "maximum" in limits and value > limits["maximum"]:
        return f"at most {limits['maximum']}"
    if "below" in limits and value >= limits["below"]:
        return f"less than {limits['below']}"
    return None
