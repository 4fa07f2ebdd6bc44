"""Asking a host about jobs though the connection to it may break.

Knows that a broken connection says nothing about a job, that it is told once, and how long to
leave between two attempts to connect again. Leaves opening connections to `transport`, and
what is asked to whoever asks: every question here may be asked twice.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TypeAlias, TypeVar

from outlast.errors import ActionFailed, HostUnreachable
from outlast.session import Session

_SOONEST, _LATEST = 1.0, 30.0
"""Seconds between two attempts to connect again: doubled from the one to the other."""

Reopen: TypeAlias = Callable[[], Awaitable[Session]]
_T = TypeVar("_T")


class Contact:
    """One host as one identity, and the connection to it, which may be replaced."""

    def __init__(
        self,
        reopen: Reopen | None,
        on_lost: Callable[[str], None],
        *,
        session: Session | None = None,
    ) -> None:
        """*on_lost* is told once why the connection broke; without *reopen* that is the end."""
        self._reopen = reopen
        self._on_lost = on_lost
        self._session = session
        self._told = False
        self._connecting = asyncio.Lock()
        self.reached = session is not None
        """The host has been reached before."""
        self.away = ""
        """Why the host cannot be asked just now; empty: it can, as far as is known."""

    async def once(self, question: Callable[[Session], Awaitable[_T]]) -> _T:
        """Ask, over a new connection if the old one is gone; raises `HostUnreachable`."""
        session: Session | None = None
        try:
            session = await self._opened()
            answer = await question(session)
        except HostUnreachable as error:
            if session is self._session:  # else another question has found a new one already
                self._session = None
                self.away = error.message or "it does not answer"
            raise
        self.away, self.reached = "", True
        return answer

    async def _opened(self) -> Session:
        if self._session is None:
            if self._reopen is None:
                raise HostUnreachable(self.away)
            self._session = await self._reopen()
            self.away = ""
        return self._session

    async def asked(
        self,
        question: Callable[[Session], Awaitable[_T]],
        *,
        until: float = math.inf,
        aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> _T:
        """Ask, and again when the connection breaks, until the loop's time *until*.

        It is connected again within *aside*.
        """
        while True:
            try:
                return await self.once(question)
            except HostUnreachable:
                if self._reopen is None or asyncio.get_running_loop().time() >= until:
                    raise
            async with aside():
                await self._connect_again(until)

    async def _connect_again(self, until: float) -> None:
        """Return when the host is back, or at the time when nobody waits for it any longer."""
        if not self._told:
            self._told = True
            self._on_lost(self.away)
        limit = asyncio.timeout_at(None if until == math.inf else until)
        pause = 0.0
        try:
            async with limit, self._connecting:
                while self._session is None:
                    await asyncio.sleep(pause)
                    pause = min(max(pause * 2, _SOONEST), _LATEST)
                    try:
                        await self._opened()
                    except (HostUnreachable, ActionFailed) as again:  # it may just be coming up
                        self.away = again.message or self.away
        except TimeoutError:
            if not limit.expired():  # somebody else's: a bug, not ours to hide
                raise
            raise HostUnreachable(self.away) from None
