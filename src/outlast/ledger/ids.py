"""Names of runs: short, in the order of time, and never the same twice."""

from __future__ import annotations

import os
from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: none is mistaken for another, and they sort as their values do."""
_OF_TIME: Final = 7
"""Digits for the seconds since 1970: they last for a thousand years."""
_OF_CHANCE: Final = 4
"""Digits that tell the runs of one second apart, and short names for people: a million."""


def new_run_id(now: float) -> str:
    """Give the id of a run that begins *now*."""
    # A power of two fits in three bytes; `secrets` would cost a run 3 ms to import.
    chance = int.from_bytes(os.urandom(3), "big") % len(_DIGITS) ** _OF_CHANCE
    return _written(int(now), _OF_TIME) + _written(chance, _OF_CHANCE)


def _written(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
