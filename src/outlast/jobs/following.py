"""Waiting for a job that goes on by itself on a host.

Knows that the host tells of the end (nobody asks again and again), that `poll` is only the
rhythm in which a person is told that it is not over, and when nobody waits any longer. Leaves
enforcing the limit to the job's supervisor on the host, connections that break to `contact`,
and judging the result to whoever asked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from outlast.errors import HostUnreachable
from outlast.jobs.contact import Contact, Reopen
from outlast.jobs.speaking import Hearing
from outlast.session import Session

MARGIN = 15.0
"""Seconds beyond a job's limit that we wait: for its grace, for its end to be recorded, for the
connection. What has not ended by then escapes its supervisor, or the host is away."""
_ANSWER = 10.0
"""Seconds a host has for its last word when the waiting is over."""


class Ended(Struct, frozen=True):
    """The job has ended, was lost, or is not there; the spool entry of an ended one is gone."""

    payload: Mapping[str, object]


class StillRuns(Struct, frozen=True):
    """It runs though its time is over; its spool entry is kept."""

    payload: Mapping[str, object]
    """Its last status."""


class OutOfReach(Struct, frozen=True):
    """The host was away when the waiting ended, so nothing is known; the job may live."""

    why: str


Keep: TypeAlias = Callable[[Mapping[str, object]], Awaitable[bool]]
JobEnd: TypeAlias = Ended | StillRuns | OutOfReach


def new_jid() -> str:
    """Give the controller's part of a job's id, as stock makes it."""
    return f"j{secrets.randbelow(999_999_999_999)}"


async def _let_go(_result: Mapping[str, object]) -> bool:
    """Let a job's files be removed."""
    return False


async def follow(  # noqa: PLR0913  # what a polled task says of itself
    session: Session,
    jid: str,
    async_dir: str,
    *,
    poll: float,
    limit: float,
    on_poll: Callable[[], None],
    reopen: Reopen | None = None,
    on_lost: Callable[[str], None] = lambda _why: None,
    keep: Keep = _let_go,
    hearing: Hearing | None = None,
) -> JobEnd:
    """Wait for a job's end and clean its spool entry up.

    *on_poll* is called after each *poll* seconds that pass with the job unfinished and the
    host in reach. When the connection breaks, *on_lost* is told why, once, and *reopen* is
    called until it succeeds or the job's *limit* and a margin are over; without *reopen* a
    broken connection is the end of waiting. *keep* is given the result before the job's files
    are removed, and tells whether they are to stay. *hearing* is told all that the job says
    before this returns its end. Cancelling leaves the job alone.
    """
    contact = Contact(reopen, on_lost, session=session)
    follower = _Follower(contact, jid, async_dir, keep)
    waiting = asyncio.timeout(limit + MARGIN if limit > 0 else None)
    try:
        async with waiting:
            await follower.wait(poll, on_poll, waiting, hearing)
            return await follower.collect()
    except TimeoutError:
        if not waiting.expired():  # somebody else's: a bug, not ours to hide
            raise
        return await follower.give_up()
    except HostUnreachable as error:
        return OutOfReach(error.message)


async def until_ended(
    session: Session, jid: str, async_dir: str, *, limit: float, reopen: Reopen
) -> None:
    """Return when a job has ended, or its *limit* and a margin are over without a word of it."""

    def say_nothing(_why: str) -> None:
        pass

    contact = Contact(reopen, say_nothing, session=session)
    follower = _Follower(contact, jid, async_dir, _let_go)
    waiting = asyncio.timeout(limit + MARGIN if limit > 0 else None)
    try:
        async with waiting:
            await follower.ended()
    except TimeoutError:
        if not waiting.expired():  # as above
            raise


class _Follower:
    """One job, and how its host is asked."""

    def __init__(
        self,
        contact: Contact,
        jid: str,
        async_dir: str,
        keep: Keep,
    ) -> None:
        self._contact = contact
        self._jid = jid
        self._async_dir = async_dir
        self._keep = keep

    async def wait(
        self,
        poll: float,
        on_poll: Callable[[], None],
        waiting: asyncio.Timeout,
        hearing: Hearing | None,
    ) -> None:
        """Return when the host says that the job has ended, and all that it said was heard."""
        try:
            async with asyncio.TaskGroup() as group:
                ticking = group.create_task(self._tick(poll, on_poll))
                listening = hearing and group.create_task(self._contact.asked(hearing.listen))
                await self.ended()
                ticking.cancel()
                if hearing and listening:
                    await _heard_out(hearing, listening, waiting)
        except* HostUnreachable as group_of_one:
            raise group_of_one.exceptions[0] from None

    async def ended(self) -> None:
        """Return when the host says that the job has ended, however often it is away."""
        await self._contact.asked(lambda s: s.job_ended(self._jid, self._async_dir))

    async def _tick(self, poll: float, on_poll: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(poll)
            if not self._contact.away:
                on_poll()

    async def collect(self) -> JobEnd:
        """Take the result and remove the job's files, in this order."""
        payload = await self._contact.asked(lambda s: s.job_status(self._jid, self._async_dir))
        if not payload.get("finished"):
            return StillRuns(payload)
        if not await self._keep(payload):
            await self._contact.asked(lambda s: s.job_cleanup(self._jid, self._async_dir))
        return Ended(payload)

    async def give_up(self) -> JobEnd:
        """Say what is known when the time is over."""
        if self._contact.away:
            return OutOfReach(self._contact.away)
        try:
            async with asyncio.timeout(_ANSWER):
                payload = await self._contact.once(
                    lambda s: s.job_status(self._jid, self._async_dir)
                )
        except TimeoutError:
            return OutOfReach("the host does not answer")
        except HostUnreachable as error:
            return OutOfReach(error.message)
        return Ended(payload) if payload.get("finished") else StillRuns(payload)


async def _heard_out(
    hearing: Hearing, listening: asyncio.Task[None], waiting: asyncio.Timeout
) -> None:
    """Let what an ended job has said be heard to its end, as long as that gets on."""
    loop = asyncio.get_running_loop()
    while not listening.done():
        until = waiting.when()
        if until is not None:  # what is said after the end is no reason to give the job up
            waiting.reschedule(max(until, loop.time() + 2 * MARGIN))
        heard = hearing.voice.offset
        await asyncio.wait((listening,), timeout=MARGIN)
        if not listening.done() and hearing.voice.offset == heard:
            listening.cancel()
            return
