"""Waiting for several jobs of one run at once: all of them, or the first that ends.

Knows that jobs lie in several folders and belong to several users, and that each such lot is
asked about in one question. Leaves connections that break to `contact`, and which jobs are
meant to whoever asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct, field

from outlast.errors import ActionFailed, HostUnreachable
from outlast.jobs.contact import Contact
from outlast.session import Standing, Until

_ANSWER = 10.0
"""Seconds a host has for its last word when the waiting is over."""


class Lot(Struct, frozen=True):
    """The jobs of one folder of one user on one host."""

    contact: Contact
    async_dir: str
    jids: Sequence[str]

    async def asked(self, until: Until) -> Sequence[Standing]:
        """Give how they stand, when it is time to; over a new connection if need be."""
        return await self.contact.asked(
            lambda session: session.job_wait(self.jids, self.async_dir, until=until)
        )


class Waited(Struct):
    """What came of the waiting."""

    standings: dict[str, Standing] = field(default_factory=dict)
    """By id, of all jobs."""
    timed_out: bool = False


async def wait_for(lots: Sequence[Lot], *, until: Until, patience: float | None) -> Waited:
    """Return when all jobs have ended, or any has, or *patience* is over.

    Raises `HostUnreachable` when a host is away then.
    """
    waited = Waited()
    told: dict[int, Sequence[Standing]] = {}
    limit = asyncio.timeout(patience)
    try:
        async with limit:
            await _told_by(lots, until, told)
    except TimeoutError:
        if not limit.expired():  # somebody else's: a bug, not ours to hide
            raise
        waited.timed_out = True
    for number, lot in enumerate(lots):
        standings = told[number] if number in told else await _at_last(lot)
        waited.standings |= {standing.jid: standing for standing in standings}
    return waited


async def _told_by(lots: Sequence[Lot], until: Until, told: dict[int, Sequence[Standing]]) -> None:
    """Put into *told* what each lot says; of `any`, only the first to say it."""
    first = asyncio.Event()

    async def tell(number: int, lot: Lot) -> None:
        told[number] = await lot.asked(until)
        first.set()

    try:
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(tell(*numbered)) for numbered in enumerate(lots)]
            if until == "any" and asking:
                await first.wait()
                for task in asking:
                    task.cancel()
    except* (HostUnreachable, ActionFailed) as several:
        raise several.exceptions[0] from None


async def _at_last(lot: Lot) -> Sequence[Standing]:
    """Give how the jobs stand when nobody waits any longer."""
    if lot.contact.away:
        raise HostUnreachable(lot.contact.away)
    limit = asyncio.timeout(_ANSWER)
    try:
        async with limit:
            return await lot.contact.once(
                lambda session: session.job_wait(lot.jids, lot.async_dir, until="now")
            )
    except TimeoutError:
        if not limit.expired():  # as above
            raise
        raise HostUnreachable("the host does not answer") from None
