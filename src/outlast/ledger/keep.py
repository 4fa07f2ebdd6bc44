"""How much of its past the ledger keeps.

Knows the bounds and what they are when nobody says. Leaves forgetting to `retention`.
"""

from __future__ import annotations

from msgspec import Struct


class Keep(Struct, frozen=True, kw_only=True):
    """What is kept: as much as all three allow."""

    days: int = 90
    runs: int = 1000
    bytes: int = 256 * 1024 * 1024
