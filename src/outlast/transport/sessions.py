"""One connection per host, shared by all who ask and all whom they become.

Knows which connections are open, opens each once however many ask for it at the same time,
and closes all in the end. Leaves how a host is reached to `link`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Self, cast

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from outlast.errors import HostUnreachable
from outlast.job import SpoolKeep
from outlast.session import Session
from outlast.transport.bootstrap import Bundle
from outlast.transport.conversation import Answer, Conversation
from outlast.transport.endpoint import Endpoint
from outlast.transport.endpoint_record import described
from outlast.transport.identity import become
from outlast.transport.link import Link, open_link
from outlast.transport.parcels import Delivery, Manifests
from outlast.transport.session import AgentSession

_PARTING = 7.0
"""Seconds for agents to end what runs and go; longer than an agent gives itself."""
_LONGEST_PAUSE = 30


class _Connection(Struct):
    """A link and the sessions over it, by the endpoint they were opened for."""

    link: Link
    sessions: dict[Endpoint, AgentSession] = field(default_factory=dict)


class Sessions:
    """The open connections of a run; an async context manager.

    No connection outlives it, except the masters that ssh itself keeps (ControlPersist).
    Making one reads files: to be done before the loop runs.
    """

    def __init__(self, keep: SpoolKeep | None = None) -> None:
        """*keep*: what hosts are told to keep of ended jobs, when one is started there."""
        self._keep = keep
        self._began = time.monotonic()
        self._bundle = Bundle.of_this_package()
        self._manifests = Manifests()
        self._connections: dict[Endpoint, _Connection] = {}
        self._locks: defaultdict[Endpoint, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        links = [connection.link for connection in self._connections.values()]
        self._connections.clear()
        await _end(links)

    async def open(self, endpoint: Endpoint) -> Session:
        """Give the session of *endpoint*, opening what is not open (any more).

        Raises `HostUnreachable`, or `ActionFailed` when there is no Python that will do, or
        the identity cannot be had.
        """
        async with self._locks[endpoint.login]:
            connection = await self._connected(endpoint.login)
        known = connection.sessions.get(endpoint)
        if known is not None and known.conversation.alive:
            return known
        async with self._locks[endpoint]:
            return await self._become(connection, endpoint)

    async def close(self, endpoint: Endpoint) -> None:
        """End the connection of *endpoint* with all identities over it, if it is open."""
        async with self._locks[endpoint.login]:
            connection = self._connections.pop(endpoint.login, None)
            if connection is not None:
                await _end([connection.link])

    def opened(self, endpoint: Endpoint) -> Endpoint:
        """Give the endpoint that a session was opened for which *endpoint* describes.

        A description has no password; what was opened has. Gives *endpoint* if there is none.
        """
        known = (one for link in self._connections.values() for one in link.sessions)
        return next((one for one in known if _without_password(one) == endpoint), endpoint)

    async def _connected(self, endpoint: Endpoint) -> _Connection:
        connection = self._connections.get(endpoint)
        if connection is None or not connection.link.conversation.alive:
            if connection is not None:
                await connection.link.buried()
            link = await self._link(endpoint)
            connection = self._connections[endpoint] = _Connection(link)
            hello = link.conversation.hello.result()
            connection.sessions[endpoint] = self._session(link.conversation, endpoint, hello)
        return connection

    async def _link(self, endpoint: Endpoint) -> Link:
        """Connect, trying again as often and with the pauses stock makes."""
        for attempt in range(endpoint.retries):
            try:
                return await open_link(endpoint, self._bundle, _new_word())
            except HostUnreachable:
                await asyncio.sleep(min(2**attempt - 1, _LONGEST_PAUSE))
        return await open_link(endpoint, self._bundle, _new_word())

    async def _become(self, connection: _Connection, endpoint: Endpoint) -> AgentSession:
        known = connection.sessions.get(endpoint)
        if known is None or not known.conversation.alive:
            assert endpoint.identity is not None  # noqa: S101  # the login's session is made with the link
            login = connection.link.conversation
            conversation = await become(login, endpoint.identity, endpoint.timeout, _new_word())
            hello = conversation.hello.result()
            known = connection.sessions[endpoint] = self._session(conversation, endpoint, hello)
        return known

    def _session(
        self, conversation: Conversation, endpoint: Endpoint, hello: Answer
    ) -> AgentSession:
        return AgentSession(
            conversation=conversation,
            delivery=Delivery(conversation, self._manifests),
            python=cast(str, hello.body["python"]),
            discovered=endpoint.discovers,
            discovered_aloud=endpoint.discovers_aloud,
            address=described(endpoint),
            spool=self._spool,
        )

    def _spool(self) -> Mapping[str, float]:
        """Say what is kept; what ended since we began may still be asked for."""
        if self._keep is None:
            return {}
        return {**asdict(self._keep), "age": time.monotonic() - self._began}


async def _end(links: Sequence[Link]) -> None:
    """Let the agents go, together; who does not go in time is left behind."""
    for link in links:
        link.close()
    try:
        async with asyncio.timeout(_PARTING):
            for link in links:
                await asyncio.shield(link.gone)
    except TimeoutError:
        pass  # whatever it is busy with, nobody waits for it any more
    finally:
        for link in links:
            link.abandon()
        for link in links:
            await link.buried()
        # Transports close their pipes in the loop's next round.
        await asyncio.sleep(0)


def _without_password(endpoint: Endpoint) -> Endpoint:
    if endpoint.identity is None:
        return endpoint
    return replace(endpoint, identity=replace(endpoint.identity, password=None))


def _new_word() -> str:
    return f"OUTLAST-{secrets.token_hex(8)}"
