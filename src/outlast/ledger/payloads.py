"""Results as they are stored: JSON, compressed.

Knows that a payload may hold whatever a plugin gave: what JSON has no form for is kept as
its text. Leaves what may be kept to whoever emits it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Final

from outlast.values import is_list

_LEVEL: Final = 3  # twice as fast as the default, and a tenth larger
_DEEPEST: Final = 100


def packed(payload: Mapping[str, object]) -> bytes:
    """Give *payload* as it is stored."""
    return zlib.compress(as_json(dict(payload)).encode("ascii"), _LEVEL)


def unpacked(stored: bytes | None) -> Mapping[str, object]:
    """Give the payload that was stored; raises `ValueError` for a spoilt one."""
    if stored is None:
        return {}
    try:
        found = json.loads(zlib.decompress(stored))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not isinstance(found, dict):
        raise ValueError("not a payload")  # noqa: TRY004  # it is data that is wrong, not a type
    return found


def as_json(value: object) -> str:
    """Give *value* as JSON in ASCII."""
    try:
        return json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, or no end of it
        return json.dumps(_tamed(value, 0))


def _tamed(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _tamed(member, depth + 1) for key, member in value.items()}
    if is_list(value):
        return [_tamed(member, depth + 1) for member in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    return str(value)
