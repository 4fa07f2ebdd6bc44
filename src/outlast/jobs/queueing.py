"""Starting the jobs of one run where only so many may run at a time.

Knows who waits for whom: on a host in the order in which they came, whatever each waits for,
and in the run likewise. Leaves counting a host's jobs to the host, which alone sees those that
others start there, and the fork of a task that waits to the engine.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from outlast.call import Call
from outlast.errors import HostUnreachable
from outlast.job import JobOrder
from outlast.jobs.following import until_ended
from outlast.session import Session


class _Running(Struct, frozen=True, kw_only=True):
    """A job of this run that has not ended, as far as is known."""

    call: Call
    session: Session
    jid: str
    limit: float


class Queue:
    """Implements `call.Starter` for a run."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        """Wait in turn; *group* is the run's, and owns the watching until `close`."""
        self._lines: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Place on a host to whoever is next there; a lock lets them in in their order."""
        self._line = asyncio.Lock()
        """Whoever is next in the run."""
        self._running: dict[str, _Running | None] = {}
        """By the controller's part of the id; None: it is about to be started."""
        self._watched: set[str] = set()
        self._watches = False
        """Ends matter to somebody: this run has a limit."""
        self._ended = asyncio.Event()
        self._group = group
        self._watching: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Watch no more."""
        for task in self._watching:
            task.cancel()

    async def start(self, call: Call, session: Session, job: JobOrder) -> Mapping[str, object]:
        """Start *job* when there is room for it; raises as `Session.start_job`."""
        if not job.terms.host_limit:
            return await self._start(call, session, job, _Telling(call))
        return await self._start_in_line(call, session, job)

    async def _start_in_line(
        self, call: Call, session: Session, job: JobOrder
    ) -> Mapping[str, object]:
        telling, most = _Telling(call), job.terms.host_limit
        line = self._lines[repr(sorted(session.address.items())), job.async_dir]
        if line.locked():
            telling.say(_FULL_HOST, most)
        async with AsyncExitStack() as held:
            # Never with a fork in hand: who is at the head of the line needs one to go on.
            async with call.aside():
                await held.enter_async_context(line)
            while True:
                record = await self._start(call, session, job, telling)
                if not record.get("full"):
                    return record
                telling.say(_FULL_HOST, most)
                async with call.aside():
                    await _room(session, job.async_dir, most)
                session = await call.session()

    async def _start(
        self, call: Call, session: Session, job: JobOrder, telling: _Telling
    ) -> Mapping[str, object]:
        """Ask the host to start it, once the run has room."""
        async with self._place(call, job, telling):
            record = await session.start_job(job)
            if "ansible_job_id" in record and not record.get("attached"):
                self._running[job.jid] = _Running(
                    call=call, session=session, jid=str(record["ansible_job_id"]), limit=job.limit
                )
                self._watch()
            return record

    @asynccontextmanager
    async def _place(self, call: Call, job: JobOrder, telling: _Telling) -> AsyncIterator[None]:
        """Keep a place in the run for *job*, which it has from then on, if it is started."""
        try:
            if job.terms.run_limit:
                async with call.aside():
                    await self._turn(job, telling)
            self._running[job.jid] = None
            yield
        finally:
            if self._running.get(job.jid) is None:
                self._gone(job.jid)

    async def _turn(self, job: JobOrder, telling: _Telling) -> None:
        """Return when it is this job's turn, its place taken."""
        most = job.terms.run_limit
        if self._line.locked():
            telling.say(_FULL_RUN, most)
        async with self._line:
            self._watches = True
            self._watch()
            while len(self._running) >= most:
                telling.say(_FULL_RUN, most)
                self._ended.clear()
                await self._ended.wait()
            self._running[job.jid] = None

    # -- ends ----------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Have hosts tell of the end of each job that runs, if anybody waits for ends."""
        for ours, job in self._running.items() if self._watches else ():
            if job is not None and ours not in self._watched:
                self._watched.add(ours)
                task = self._group.create_task(self._until_gone(ours, job), name=f"end of {ours}")
                self._watching.add(task)
                task.add_done_callback(self._watching.discard)

    async def _until_gone(self, ours: str, job: _Running) -> None:
        call = job.call
        await until_ended(
            job.session, job.jid, call.async_dir, limit=job.limit, reopen=call.session
        )
        self._gone(ours)

    def _gone(self, ours: str) -> None:
        self._running.pop(ours, None)
        self._watched.discard(ours)
        self._ended.set()


_FULL_HOST = "as many jobs run there as may"
_FULL_RUN = "as many jobs of this run are under way as may"


class _Telling(Struct):
    """Says once what a task waits for."""

    call: Call
    _said: bool = False

    def say(self, why: str, most: int) -> None:
        if not self._said:
            self._said = True
            self.call.say(f"ASYNC WAIT on {self.call.host}: {why} ({most})")


async def _room(session: Session, async_dir: str, most: int) -> None:
    """Return when asking again is worth it: there is room, or the connection is gone."""
    try:
        await session.job_room(async_dir, most)
    except HostUnreachable:
        return
