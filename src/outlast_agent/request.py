"""One question under way, and the ways to answer it.

Knows that a request is answered exactly once. Leaves what the answer is to the op.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from outlast_agent import wire


class Refused(Exception):
    """The host says no, for a reason a person understands; raised by ops before they begin."""


class Request:
    """What is asked, and how to answer: at once or later, from any callback of the loop."""

    def __init__(
        self,
        message: wire.Message,
        send: Callable[[Iterable[bytes]], None],
        *,
        zipped: bool = False,
    ) -> None:
        self.id = message.id
        self.body = message.body
        self.blobs = message.blobs
        self.open = True
        self.on_cancel: Callable[[], None] = self.cancelled
        """Ends what was started; must lead to an answer. Called at most once."""
        self.on_stream: Callable[[bytes], None] = _nobody_listens
        self.before_answer: Callable[[], None] = _nothing
        self.when_answered: Callable[[], None] = _nothing
        self._send = send
        self._zipped = zipped

    def reply(self, body: dict[str, object] | None = None, *blobs: bytes) -> None:
        """Answer; what comes after the first answer is dropped."""
        self._answer(wire.REPLY, body or {}, blobs)

    def fail(self, message: str, kind: str = "failed") -> None:
        """Answer that it cannot be done, in words for a person."""
        self._answer(wire.ERROR, {"kind": kind, "message": message}, ())

    def cancelled(self) -> None:
        """Answer that the request was withdrawn."""
        self.fail("cancelled", "cancelled")

    def stream(self, data: bytes) -> None:
        """Send *data* on the way to an answer."""
        if self.open:
            self._send(wire.frames(self.id, wire.STREAM, data))

    def _answer(self, kind: int, body: dict[str, object], blobs: tuple[bytes, ...]) -> None:
        if self.open:
            self.open = False
            self.before_answer()
            self._send(wire.message(self.id, kind, body, blobs, zipped=self._zipped))
            self.when_answered()

    def text(self, name: str) -> str:
        """Give an argument that must be text; raises `Refused`."""
        value = self.body.get(name)
        if not isinstance(value, str):
            raise Refused("%s must be text, not %s" % (name, json.dumps(value)))
        return value

    def number(self, name: str) -> float:
        """Give an argument that must be a number; raises `Refused`."""
        value = self.body.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Refused("%s must be a number, not %s" % (name, json.dumps(value)))
        return value


def _nothing() -> None:
    """Do nothing."""


def _nobody_listens(_data: bytes) -> None:
    """Drop what was streamed to a request that expects nothing."""
