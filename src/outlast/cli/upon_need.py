"""Rooms that a run enters only when a task needs them.

A run that reaches no host needs no transport and no actions, and opening those rooms would
cost it more than all the rest. Each class here fits a port of the engine and opens its room
at the first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Self

from msgspec.structs import replace

from outlast.call import Call, RunJobs, Starter
from outlast.cli.house import House
from outlast.engine.ports import Actions, Reach, Target
from outlast.job import JobOrder, SpoolKeep
from outlast.outcome import Detached, Performed
from outlast.session import Session
from outlast.settings import Settings
from outlast.voices import Voices


class ActionsUponNeed:
    """Implements `engine.ports.Actions`."""

    def __init__(self, house: House, starter: Starter, jobs: RunJobs) -> None:
        self._house = house
        self._starter = starter
        self._jobs = jobs
        self._actions: Actions | None = None
        self._voices = Voices() if house.options.follow else None

    def _opened(self) -> Actions:
        if self._actions is None:
            from outlast.actions.registry import Actions as Registry  # noqa: PLC0415  # see above

            self._actions = Registry.over(
                self._house.content, facts_modules=self._house.settings.facts_modules
            )
        return self._actions

    async def perform(self, call: Call) -> Performed:
        """Carry out *call*."""
        return await self._opened().perform(self._furnished(call))

    async def settle(
        self, call: Call, job: Detached, *, poll: float, on_poll: Callable[[], None]
    ) -> Performed:
        """Wait for a job that *call* started."""
        call = self._furnished(call)
        return await self._opened().settle(call, job, poll=poll, on_poll=on_poll)

    def _furnished(self, call: Call) -> Call:
        """Let *call* start jobs, write them down, find and hear them, and open what is encrypted.

        The engine need not know how.
        """
        house = self._house
        return replace(
            call,
            journal=house.account,
            starter=self._starter,
            jobs=self._jobs,
            voices=self._voices,
            vault=house.vault,
        )


class QueueUponNeed:
    """Implements `call.Starter`; an async context manager that ends what is watched for it."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._queue: Starter | None = None
        self._closing = ExitStack()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._closing.close()
        await self._group.__aexit__(None, None, None)  # what ends the run is not ours to wrap

    async def start(self, call: Call, session: Session, job: JobOrder) -> Mapping[str, object]:
        """Start *job* when there is room for it."""
        if self._queue is None:
            from outlast.jobs.queueing import Queue  # noqa: PLC0415  # see above

            queue = self._queue = Queue(self._group)
            self._closing.callback(queue.close)
        return await self._queue.start(call, session, job)


class ReachUponNeed:
    """Implements `engine.ports.Reach`; an async context manager that ends what it opened."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._reach: Reach | None = None
        self.sessions: object = None
        """The `transport.Sessions` of the run, once a host was asked for."""
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._open.aclose()

    async def open(self, target: Target) -> Session:
        """Give a live session for *target*."""
        if self._reach is None:
            self._reach = self._made()
        return await self._reach.open(target)

    async def again(self, address: Mapping[str, object]) -> Session:
        """Give a live session for a host as it was reached before, in the session's words."""
        from outlast.transport.endpoint_record import restored  # noqa: PLC0415  # see above
        from outlast.transport.sessions import Sessions  # noqa: PLC0415

        assert isinstance(self.sessions, Sessions)  # noqa: S101  # it was reached before
        return await self.sessions.open(self.sessions.opened(restored(address)))

    async def reset(self, target: Target) -> None:
        """Close what is open to *target*."""
        if self._reach is not None:
            await self._reach.reset(target)

    def _made(self) -> Reach:
        from outlast.cli.reaching import ReachByVariables  # noqa: PLC0415  # see above
        from outlast.transport.sessions import Sessions  # noqa: PLC0415

        sessions = self.sessions = Sessions(_kept(self._house.settings))
        self._open.push_async_exit(sessions)
        house = self._house
        return ReachByVariables(
            sessions, house.evaluate, house.settings, house.options.become_password
        )


def _kept(settings: Settings) -> SpoolKeep:
    return SpoolKeep(
        days=settings.spool_keep_days,
        jobs=settings.spool_keep_jobs,
        bytes=settings.spool_keep_bytes,
    )
