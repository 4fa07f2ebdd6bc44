"""What is done with jobs on their hosts: read, waited for, cancelled, cleared away.

Knows that a connection may break while a person waits, and takes it up again where it was.
Leaves finding jobs to `finding`, and what is said about it to `jobs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from outlast.cli.aside import say
from outlast.cli.jobs.finding import Found, look
from outlast.cli.jobs.reach import Answers, Place, ask_all, enter
from outlast.cli.jobs.seen import Seen
from outlast.errors import ActionFailed, HostUnreachable
from outlast.jobs import cancel, logs, prune
from outlast.session import Session
from outlast.transport.sessions import Sessions

_T = TypeVar("_T")
_SOONEST, _LATEST = 1.0, 30.0
"""Seconds between two attempts to connect again: doubled from the one to the other."""


class Lasting(Struct):
    """A way to ask a place that is opened again whenever it breaks."""

    sessions: Sessions
    place: Place
    patient: bool = False
    """A host that is away from the beginning is waited for as well."""

    async def ask(self, question: Callable[[Session], Awaitable[_T]]) -> _T:
        """Ask until there is an answer. Raises only when the first connection fails."""
        session = await (self._again() if self.patient else enter(self.sessions, self.place))
        while True:
            try:
                return await question(session)
            except HostUnreachable as error:
                say(f"The connection to {self.place.host} is lost ({error}); trying again.")
                session = await self._again()

    async def _again(self) -> Session:
        pause = _SOONEST
        while True:
            try:
                return await self.sessions.open(self.place.endpoint)
            except HostUnreachable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATEST)


async def read_logs(  # what of which, and where it goes
    sessions: Sessions,
    found: Found,
    *,
    stream: str,
    follow: bool,
    write: Callable[[bytes], None],
) -> None:
    """Hand a job's output to *write*, and when *follow* what comes, until it has ended."""
    taken = 0

    async def read(session: Session) -> None:
        nonlocal taken
        pieces = logs(
            *(session, found.jid, found.place.async_dir),
            stream=stream,
            offset=taken,
            follow=follow,
        )
        async for piece in pieces:
            write(piece)
            taken += len(piece)

    await Lasting(sessions, found.place).ask(read)


async def state(sessions: Sessions, found: Found) -> Seen | None:
    """Give how a job stands by its host's word; None when the host cannot say."""
    there = await look(sessions, [found.place], [found.record] if found.record else [])
    return next((job for job in there.jobs if job.jid == found.jid and job.asked), None)


async def wait_for(
    sessions: Sessions,
    jobs: Sequence[Found],
    *,
    on_end: Callable[[Found, Seen | None], None],
    patient: bool = False,
) -> None:
    """Return when all *jobs* have ended; *on_end* hears of each when it does.

    *patient*: hosts that are away are waited for, else that is an error.
    """

    async def wait(found: Found) -> None:
        folder = found.place.async_dir
        await Lasting(sessions, found.place, patient).ask(lambda s: s.job_ended(found.jid, folder))
        on_end(found, await state(sessions, found))

    async with asyncio.TaskGroup() as group:
        for found in jobs:
            group.create_task(wait(found))


class Cancelled(Struct, frozen=True, kw_only=True):
    """What became of one job that was to be cancelled."""

    jid: str
    host: str
    state: str
    """`cancelled`, or why it was not: `ended`, `running`, `unknown`, `unreachable`."""
    msg: str
    seen: Seen | None
    """How it stands now, if its host could say."""


async def cancel_all(
    sessions: Sessions, jobs: Sequence[Found], *, grace: float | None = None
) -> list[Cancelled]:
    """Cancel *jobs*, side by side; gives what became of each, in their order."""
    ends: dict[int, Cancelled] = {}

    async def end(number: int, found: Found) -> None:
        seen = None
        try:
            session = await enter(sessions, found.place)
            answer = await cancel(session, found.jid, found.place.async_dir, grace=grace)
            seen = await state(sessions, found)
        except (HostUnreachable, ActionFailed) as error:
            answer = {"state": "unreachable", "msg": str(error)}
        ends[number] = Cancelled(
            jid=found.jid,
            host=found.place.host,
            state=str(answer["state"]),
            msg=str(answer["msg"]),
            seen=seen,
        )

    async with asyncio.TaskGroup() as group:
        for number, found in enumerate(jobs):
            group.create_task(end(number, found))
    return [ends[number] for number in sorted(ends)]


async def prune_all(
    sessions: Sessions, places: Sequence[Place], *, older_than: float, keep: int
) -> Answers[list[str]]:
    """Clear away what ended jobs have left in *places*; gives the ids per place."""

    async def clear(session: Session, place: Place) -> list[str]:
        return await prune(session, place.async_dir, older_than=older_than, keep=keep)

    return await ask_all(sessions, places, clear)
