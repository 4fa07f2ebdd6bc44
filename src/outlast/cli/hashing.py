"""Hashing what a person has typed, while a run goes on.

Leaves how a password is hashed to `templating`.
"""

from __future__ import annotations

from msgspec import Struct

from outlast.cli.telling import Telling
from outlast.events import Said

_AT_VV = 2


class Hashing(Struct, frozen=True):
    """Implements `engine.ports.HashPassword`."""

    telling: Telling

    async def __call__(self, secret: str, kind: object, *, salt: object, salt_size: object) -> str:
        """Give *secret* hashed; the loop goes on meanwhile."""
        import asyncio  # noqa: PLC0415  # who gets here has it

        from outlast.templating.hashing import hashed  # noqa: PLC0415  # few plays ask

        return await asyncio.to_thread(
            hashed, secret, kind, salt=salt, salt_size=salt_size, hear=self._hear
        )

    def _hear(self, text: str) -> None:
        self.telling.emit(Said(text, verbosity=_AT_VV))
