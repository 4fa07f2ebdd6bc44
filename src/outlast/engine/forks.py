"""One of the run's forks, as the task that holds it has it.

Knows that a fork is held while a host works for us, from the first item of a loop to the last,
and given up whenever the task only waits. How many there are is the setting's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from msgspec import Struct


class Fork(Struct):
    """A place among those who may act at the same time; given up when its context is left."""

    forks: asyncio.Semaphore
    _held: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.give()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Let others have it within; it is held again afterwards.

        When what is within fails it stays with the others: what follows is no work.
        """
        self.give()
        yield
        await self.take()

    async def take(self) -> None:
        """Hold it, once nobody else does; harmless when it is held."""
        if not self._held:
            await self.forks.acquire()
            self._held = True

    def give(self) -> None:
        """Let others have it; harmless when they have."""
        if self._held:
            self._held = False
            self.forks.release()
