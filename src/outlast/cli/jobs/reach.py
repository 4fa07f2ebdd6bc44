"""Reaching the places where jobs are, and asking many of them at once.

Knows what a place is (an endpoint and a spool folder), and what is said when one cannot be
entered. Leaves connecting to `transport`, which places there are to `hosts` and
`finding`, and what is asked to whoever asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from outlast.errors import ActionFailed, HostUnreachable, NotSupportedYet
from outlast.session import Session
from outlast.transport.endpoint import Endpoint
from outlast.transport.event_loop import run
from outlast.transport.sessions import Sessions

_T = TypeVar("_T")
_AT_ONCE = 50
"""Hosts asked at the same time: asking is a moment's work on each."""


class Place(Struct, frozen=True, kw_only=True):
    """Where jobs of one identity on one host are found."""

    host: str
    """As the inventory calls it."""
    endpoint: Endpoint
    async_dir: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells one spool from another, passwords and ways to get there aside."""
        identity = self.endpoint.identity
        return (self.host, identity.user if identity else "", self.async_dir)


# -- asking ----------------------------------------------------------------------------------


def with_sessions(work: Callable[[Sessions], Coroutine[Any, Any, _T]]) -> _T:
    """Do *work* in a loop of its own, with connections that end with it."""
    sessions = Sessions()  # reads files, and so is made before there is a loop to block

    async def within() -> _T:
        async with sessions:
            return await work(sessions)

    return run(within())


class Answers(Struct, Generic[_T]):
    """What hosts said, and why some did not."""

    said: dict[tuple[str, str, str], _T]
    silent: dict[str, str]
    """Host to the reason."""


async def ask_all(
    sessions: Sessions,
    places: Iterable[Place],
    question: Callable[[Session, Place], Awaitable[_T]],
) -> Answers[_T]:
    """Ask each place once, many at a time; a host that is away spoils nothing for the others."""
    answers: Answers[_T] = Answers({}, {})
    few = asyncio.Semaphore(_AT_ONCE)

    async def ask(place: Place) -> None:
        try:
            async with few:
                session = await sessions.open(place.endpoint)
                answers.said[place.key] = await question(session, place)
        except (HostUnreachable, ActionFailed, NotSupportedYet) as error:
            answers.silent[place.host] = str(error)

    async with asyncio.TaskGroup() as group:
        for place in {place.key: place for place in places}.values():
            group.create_task(ask(place))
    return answers


async def enter(sessions: Sessions, place: Place) -> Session:
    """Open the session of *place*; an error names the host and the way out."""
    try:
        return await sessions.open(place.endpoint)
    except HostUnreachable as error:
        raise HostUnreachable(
            f"{place.host} cannot be reached: {error}",
            help_text=error.help_text or "The job, if it runs, does not mind; try again later.",
        ) from error
    except ActionFailed as error:
        identity = place.endpoint.identity
        help_text = error.help_text
        if identity is not None and identity.password is None:
            help_text = f"If becoming {identity.user} takes a password, -K asks for it."
        raise ActionFailed(f"{place.host}: {error}", help_text=help_text) from error
