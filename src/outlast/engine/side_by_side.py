"""Several works at once, so many at a time, told of in their order.

Knows nothing of what the works are: they are a loop's items, each with a job of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def side_by_side(
    works: Sequence[Callable[[], Awaitable[T]]],
    *,
    limit: int,
    pause: float,
    told: Callable[[int, T], R],
) -> list[R]:
    """Do all *works*, at most *limit* at a time; give what *told* makes of their results.

    *told* is called with the work's number, in order, as soon as it and all before it are done.
    Between two starts lie at least *pause* seconds.
    """
    places = asyncio.Semaphore(limit)
    starting = asyncio.Lock()

    async def at_its_turn(number: int) -> T:
        async with places:
            if pause and number:
                async with starting:
                    await asyncio.sleep(pause)
            return await works[number]()

    async with asyncio.TaskGroup() as group:
        children = [group.create_task(at_its_turn(number)) for number in range(len(works))]
        return [told(number, await child) for number, child in enumerate(children)]
