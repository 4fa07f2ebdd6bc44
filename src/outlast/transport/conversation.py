"""Questions and answers with one agent, any number at once.

Knows ids, answers that come in any order, and what becomes of questions when the other end
is gone. Leaves moving bytes to a `Pipe`, and what is asked to `session`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Protocol

from msgspec import Struct, field

from outlast.errors import ActionFailed, HostUnreachable
from outlast_agent import wire


class Pipe(Protocol):
    """Where the bytes to an agent go."""

    def write(self, data: bytes) -> None:
        """Take *data*, to be sent in order; what follows the end is dropped."""
        ...

    async def drain(self) -> None:
        """Return when it is time to write more; returns at once when the other end is gone."""
        ...


class AgentBroke(Exception):
    """The agent met an error of its own: a bug of ours, which ends the run."""


class Answer(Struct, frozen=True):
    """What came back."""

    body: Mapping[str, object]
    blobs: tuple[bytes, ...] = ()


class Question(Struct):
    """One request under way."""

    id: int
    answer: asyncio.Future[Answer]
    on_stream: Callable[[bytes], None] | None = None


class Conversation(Struct):
    """Both ends of everything that is asked of one agent."""

    pipe: Pipe
    zipped: bool = False
    """What gains by it is compressed; not worth it where nothing leaves the machine."""
    _decoder: wire.Decoder = field(default_factory=wire.Decoder)
    _open: dict[int, Question] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lost: HostUnreachable | None = None
    hello: asyncio.Future[Answer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Done when the agent has introduced itself."""

    @property
    def alive(self) -> bool:
        """Tell whether asking has a point."""
        return self._lost is None

    @property
    def waiting(self) -> bool:
        """Tell whether anybody waits for an answer."""
        return bool(self._open)

    def ask_for_a_sign(self) -> None:
        """Ask for an answer nobody waits for: that it comes is what counts."""
        question = self.begin()
        body: dict[str, object] = {"op": "alive"}
        self.pipe.write(b"".join(wire.message(question.id, wire.REQUEST, body)))

    async def ask(
        self,
        op: str,
        body: Mapping[str, object],
        *,
        blobs: tuple[bytes, ...] = (),
        stream: bytes = b"",
    ) -> Answer:
        """Ask and wait for the answer.

        Raises `HostUnreachable` when the connection is or gets lost, `ActionFailed` with the
        host's words when it says no. Cancelling ends what was started on the host.
        """
        question = await self.post(op, body, blobs=blobs, stream=stream)
        try:
            return await question.answer
        except asyncio.CancelledError:
            self.withdraw(question)
            raise

    async def listen(self, op: str, body: Mapping[str, object]) -> AsyncGenerator[bytes, None]:
        """Ask, and give what is streamed on the way to the answer; ends with the answer.

        The agent sends as much as it was told has been taken and `wire.WINDOW` beyond: a reader
        who dawdles makes nothing pile up. Raises as `ask`; leaving early ends the request.
        """
        pieces: asyncio.Queue[bytes] = asyncio.Queue()
        question = self.begin(pieces.put_nowait)
        # No piece is empty but this one, which comes after all others.
        question.answer.add_done_callback(lambda _answer: pieces.put_nowait(b""))
        taken = 0
        try:
            await self.send(question, op, body)
            while piece := await pieces.get():
                yield piece
                taken += len(piece)
                if taken >= wire.WINDOW // 2:
                    self.stream(question, b"%d" % taken)
                    taken = 0
            question.answer.result()
        finally:
            self.withdraw(question)

    async def post(
        self,
        op: str,
        body: Mapping[str, object],
        *,
        blobs: tuple[bytes, ...] = (),
        stream: bytes = b"",
    ) -> Question:
        """Send a question; what is asked next is read after it, its answer awaited or not."""
        question = self.begin()
        try:
            await self.send(question, op, body, blobs)
            if stream:
                await self._write(wire.frames(question.id, wire.STREAM, stream, zipped=self.zipped))
        except asyncio.CancelledError:
            self.withdraw(question)
            raise
        return question

    def begin(self, on_stream: Callable[[bytes], None] | None = None) -> Question:
        """Open a question whose answer may be waited for apart from sending it."""
        question = Question(next(self._ids), asyncio.get_running_loop().create_future(), on_stream)
        # An answer nobody waits for any more (the waiter was cancelled) is no error.
        question.answer.add_done_callback(_seen)
        if self._lost is not None:
            question.answer.set_exception(_again(self._lost))
        else:
            self._open[question.id] = question
        return question

    async def send(
        self,
        question: Question,
        op: str,
        body: Mapping[str, object],
        blobs: tuple[bytes, ...] = (),
    ) -> None:
        """Send what an opened question asks; nothing, when its answer is known already."""
        if question.answer.done():
            return
        frames = wire.message(
            question.id, wire.REQUEST, {"op": op, **body}, blobs, zipped=self.zipped
        )
        await self._write(frames)

    def stream(self, question: Question, data: bytes) -> None:
        """Send bytes that belong to an open question."""
        for frame in wire.frames(question.id, wire.STREAM, data):
            self.pipe.write(frame)

    def withdraw(self, question: Question) -> None:
        """Have what the question started ended; its answer is not waited for."""
        if self._open.pop(question.id, None) is not None:
            self.pipe.write(b"".join(wire.frames(question.id, wire.CANCEL, b"")))

    async def _write(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            self.pipe.write(frame)
            await self.pipe.drain()

    def feed(self, data: bytes) -> None:
        """Take bytes that came from the agent."""
        try:
            for message in self._decoder.feed(data):
                self._take(message)
        except wire.WireError as error:
            self.lose(f"the agent on the host sent nonsense: {error}")

    def _take(self, message: wire.Message) -> None:
        if message.id == 0:
            if not self.hello.done():
                self.hello.set_result(Answer(message.body))
            return
        question = self._open.get(message.id)
        if question is None:
            return  # withdrawn meanwhile
        if message.kind == wire.STREAM:
            if question.on_stream is not None:
                question.on_stream(message.payload)
            return
        del self._open[message.id]
        if question.answer.done():
            return
        if message.kind == wire.REPLY:
            question.answer.set_result(Answer(message.body, message.blobs))
        else:
            question.answer.set_exception(_error(message.body))

    def lose(self, reason: str) -> None:
        """Tell everybody who waits that the connection is gone, once."""
        if self._lost is None:
            self._lost = HostUnreachable(reason)
            waiting, self._open = self._open, {}
            for question in waiting.values():
                if not question.answer.done():
                    question.answer.set_exception(_again(self._lost))


def _again(error: HostUnreachable) -> HostUnreachable:
    """Give each waiter an exception of his own: tracebacks are written into them."""
    return HostUnreachable(error.message)


def _seen(answer: asyncio.Future[Answer]) -> None:
    if not answer.cancelled():
        answer.exception()


def _error(body: Mapping[str, object]) -> Exception:
    message = str(body.get("message"))
    match body.get("kind"):
        case "failed":
            return ActionFailed(message)
        case "unreachable":
            return HostUnreachable(message)
        case "cancelled":
            return HostUnreachable("the agent on the host was ended")
        case _:
            return AgentBroke(message)
