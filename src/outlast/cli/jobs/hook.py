"""The user's hook is told of each job's end, at least once, whoever learnt it.

Knows what is told, how many at a time, when to try again and what to say when that was in
vain. What is due stands in the ledger, so whatever happens here, the next `outlast` goes on.
Leaves the ways to tell to `hook_ways`, and who may tell what to `ledger.deliveries`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import asdict

from outlast.cli.jobs.hook_ways import TIMEOUT, NotTold, tell
from outlast.errors import LedgerError
from outlast.ledger.deliveries import Deliveries, Delivery
from outlast.transport.event_loop import run

_T = TypeVar("_T")
VERSION: Final = 1
"""Of the document: keys may be added to it, none goes or changes its meaning."""
_AT_ONCE: Final = 4
_BOUND: Final = TIMEOUT + 2
"""Seconds a program stays for its hook when it is through otherwise."""


def document(delivery: Delivery) -> bytes:
    """Give what is told of a job's end, as JSON."""
    facts = {
        name: value
        for name, value in asdict(delivery).items()
        if name not in ("since", "attempts", "state")
    }
    ended = delivery.since if delivery.ended is None else delivery.ended
    facts |= {
        "state": _state(delivery),
        "ended": ended,
        "seconds": max(0.0, round(ended - delivery.started, 3)),
        "attempt": delivery.attempts,
    }
    return json.dumps({"version": VERSION, "event": "job.ended", **facts}).encode()


def _state(delivery: Delivery) -> str:
    """Give `ended` (well), `failed` or `lost`: whether a playbook was told is nobody's business."""
    if delivery.cause == "lost" or delivery.state == "lost":
        return "lost"
    return "ended" if delivery.cause in ("", "exited") else "failed"


class Desk:
    """The deliveries, asked in the one thread they live in."""

    def __init__(self, thread: ThreadPoolExecutor, deliveries: Deliveries) -> None:
        self._thread = thread
        self._deliveries = deliveries

    @staticmethod
    async def used(
        work: Callable[[Desk], Awaitable[float | None]], complain: Callable[[str], None]
    ) -> float | None:
        """Do *work* with what is due, if there is a ledger; gives what it gives."""
        loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, "hook")
        try:
            problems: list[str] = []
            deliveries = await loop.run_in_executor(thread, Deliveries.opened, problems.append)
            for problem in problems:
                complain(problem)
            if deliveries is None:
                return None
            try:
                return await work(Desk(thread, deliveries))
            finally:
                await loop.run_in_executor(thread, deliveries.close)
        finally:
            await asyncio.to_thread(thread.shutdown)

    async def ask(self, question: Callable[[Deliveries], _T]) -> _T:
        """Ask; others go on meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, question, self._deliveries)


class Messenger(Struct, kw_only=True):
    """Tells the hook what is due; says what goes wrong once, and fails nothing."""

    hook: str
    warn: Callable[[str], None]
    tell: Callable[[str, bytes], Awaitable[None]] = tell
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False
    _warned: bool = False

    def wake(self) -> None:
        """An end was learnt: there may be something to tell."""
        self._news.set()

    def leave(self) -> None:
        """Have `stay` return when what is under way is through."""
        self._leaving = True
        self._news.set()

    async def stay(self, written: Callable[[], Awaitable[None]]) -> None:
        """Tell what is due and what becomes due, until `leave` is called.

        *written* returns when what was learnt before stands in the ledger.
        """
        while not self._leaving:
            due = await self.deliver()
            waiting = asyncio.timeout(None if due is None else max(1.0, due - time.time()))
            try:
                async with waiting:
                    await self._news.wait()
            except TimeoutError:
                if not waiting.expired():  # somebody else's: a bug, not ours to hide
                    raise
                continue
            self._news.clear()
            if not self._leaving:
                await written()

    async def deliver(self) -> float | None:
        """Tell all that is due by now; gives when there will be more, None if nothing is due."""
        try:
            return await Desk.used(self._deliver, self.warn_once)
        except LedgerError as error:
            self.warn_once(f"The job hook may not be told of everything. {error}")
            return None

    async def _deliver(self, desk: Desk) -> float | None:
        async def worker() -> None:
            while (claimed := await desk.ask(Deliveries.claim)) is not None:
                await self._tell_one(desk, claimed)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(worker())
        return await desk.ask(Deliveries.next_due)

    async def _tell_one(self, desk: Desk, delivery: Delivery) -> None:
        try:
            await self.tell(self.hook, document(delivery))
        except NotTold as error:
            told = f"told of the end of job {delivery.jid} on {delivery.host}: {error}."
            if await desk.ask(lambda deliveries: deliveries.failed(delivery)):
                again = "It is tried again, later or by the next outlast."
                self.warn_once(f"The job hook was not {told} {again}")
            else:
                last = f"That was attempt {delivery.attempts}, and the last."
                self.warn(f"The job hook was never {told} {last}")
        else:
            await desk.ask(lambda deliveries: deliveries.delivered(delivery))

    def warn_once(self, text: str) -> None:
        """Say the first of what goes wrong: what follows is mostly the same."""
        if not self._warned:
            self._warned = True
            self.warn(text)


def tell_what_is_due(hook: str, warn: Callable[[str], None]) -> None:
    """Tell *hook* what is due, for no more than a bounded time; what is not through stays due."""

    async def within() -> None:
        bound = asyncio.timeout(_BOUND)
        try:
            async with bound:
                await Messenger(hook=hook, warn=warn).deliver()
        except TimeoutError:
            if not bound.expired():  # somebody else's: a bug, not ours to hide
                raise

    run(within())
