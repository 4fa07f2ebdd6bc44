"""Merging two dicts, as `combine` does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from outlast.errors import EvaluationError

_Lists = Callable[[list[Any], list[Any]], list[Any]]

LISTS: Final[Mapping[str, _Lists]] = {
    "replace": lambda _low, high: high,
    "keep": lambda low, _high: low,
    "append": lambda low, high: low + high,
    "prepend": lambda low, high: high + low,
    "append_rp": lambda low, high: [value for value in low if value not in high] + high,
    "prepend_rp": lambda low, high: high + [value for value in low if value not in high],
}
"""How two lists under the same key become one."""


def merged(low: Any, high: Any, *, recursive: bool, lists: str) -> dict[Any, Any]:
    """Give *low* with *high* on top; neither is changed. Raises `EvaluationError`."""
    if lists not in LISTS:
        raise EvaluationError(
            "merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', "
            "'append', 'prepend', 'append_rp' or 'prepend_rp'"
        )
    if not (isinstance(low, dict) and isinstance(high, dict)):
        raise EvaluationError(
            "failed to combine variables, expected dicts but got a "
            f"'{type(low).__name__}' and a '{type(high).__name__}'."
        )
    result = dict(low)
    for key, value in high.items():
        result[key] = _member(result[key], value, recursive, lists) if key in result else value
    return result


def _member(low: Any, high: Any, recursive: bool, lists: str) -> Any:  # noqa: FBT001  # private
    if isinstance(low, dict) and isinstance(high, dict):
        return merged(low, high, recursive=True, lists=lists) if recursive else high
    if isinstance(low, list) and isinstance(high, list):
        return LISTS[lists](low, high)
    return high
