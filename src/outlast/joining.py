"""What becomes of two mappings of variables that say something of the same names.

Knows the two ways of the setting `hash_behaviour`. Leaves which of the mappings is the
stronger to whoever joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

Join: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
"""Gives the second mapping on top of the first; neither is changed."""


def replaced(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Give *above* on top of *below*: the stronger value counts, whole."""
    return {**below, **above}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Give *above* on top of *below*, mappings joined member by member; a list stays whole."""
    result = dict(below)
    for name, value in above.items():
        known = result.get(name)
        both = isinstance(known, dict) and isinstance(value, dict)
        result[name] = merged(known, value) if both else value  # type: ignore[arg-type]  # both are
    return result


def joined(join: Join, *parts: Mapping[str, Any]) -> dict[str, Any]:
    """Give all *parts*, the later on top."""
    if join is replaced:  # the usual way, without a copy for each part
        return {name: value for part in parts for name, value in part.items()}
    nothing: dict[str, Any] = {}
    return reduce(join, parts, nothing)
