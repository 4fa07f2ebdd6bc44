"""Becoming another user: an agent of his, talked to through the login's.

Knows the stream in the stream. Leaves sudo and su, prompts and passwords to the agent.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct
from msgspec.structs import asdict

from outlast.errors import HostUnreachable
from outlast.transport.conversation import Answer, Conversation, Question
from outlast.transport.endpoint import Identity


class Tunnel(Struct):
    """A `Pipe` to another identity's agent: bytes as the stream of an open question."""

    login: Conversation
    question: Question

    def write(self, data: bytes) -> None:
        """Send *data*."""
        if not self.question.answer.done():
            self.login.stream(self.question, data)

    async def drain(self) -> None:
        """Wait until the connection has room."""
        await self.login.pipe.drain()


async def become(login: Conversation, identity: Identity, patience: int, word: str) -> Conversation:
    """Start an agent as *identity*; gives the conversation with it.

    Lasts as long as the login's. *patience* is the time for a password prompt to come, in
    seconds. Raises `ActionFailed` when the host says no.
    """
    inner: Conversation

    def arrived(data: bytes) -> None:
        inner.feed(data)

    def ended(answer: asyncio.Future[Answer]) -> None:
        inner.lose(_reason(answer, identity))
        if not inner.hello.done():
            inner.hello.set_exception(
                answer.exception() or HostUnreachable(_reason(answer, identity))
            )
            inner.hello.exception()

    question = login.begin(arrived)
    inner = Conversation(Tunnel(login, question), zipped=login.zipped)
    question.answer.add_done_callback(ended)
    body = {**asdict(identity), "timeout": patience, "word": word}
    try:
        await login.send(question, "become", body)
        await asyncio.shield(inner.hello)
    except asyncio.CancelledError:
        login.withdraw(question)
        raise
    return inner


def _reason(answer: asyncio.Future[Answer], identity: Identity) -> str:
    error = answer.exception()
    return str(error) if error else f"the agent of {identity.user} on the host has ended"
