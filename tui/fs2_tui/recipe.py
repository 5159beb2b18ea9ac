"""What the recipe's text says, for panes that need a few of its values."""

import tomllib
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=8)
def section(recipe: str, name: str) -> dict[str, Any]:
    """A section of a recipe.toml; empty when there is none or the text cannot be read. Do not change it."""
    try:
        found = tomllib.loads(recipe).get(name, {})
    except tomllib.TOMLDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def count(recipe: str, name: str, key: str) -> int:
    """A number of steps or files in that section, 0 when there is none."""
    value = section(recipe, name).get(key)
    return value if isinstance(value, int) and value > 0 else 0
