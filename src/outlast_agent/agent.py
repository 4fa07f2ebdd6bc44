"""One agent: it reads requests, hands each to its op, and goes when nobody asks any more.

Knows requests and the order of leaving. Leaves what is asked to the ops, and waiting to
`loop`. It never writes to stdout or stderr by itself: the descriptors 0 and 1 it was started
with are the channel and are put out of everybody's reach.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TypeVar

from outlast_agent import wire
from outlast_agent.channel import PATIENCE, Inbox, Outbox
from outlast_agent.folder import PrivateFolder
from outlast_agent.loop import Loop
from outlast_agent.modules import Modules
from outlast_agent.ops import OPS
from outlast_agent.processes import find_footing
from outlast_agent.request import Refused, Request
from outlast_agent.stored import StoredFiles

_LEAVING = 5.0
"""Seconds that what was running may take to end once the agent leaves."""


_Lasting = TypeVar("_Lasting")


class Agent:
    """Answers requests from one channel until it ends."""

    def __init__(self, receive: int, send: int, bundle: bytes, options: dict[str, object]) -> None:
        self.loop = Loop()
        self.bundle = bundle
        self.options = options
        self._zipped = bool(options.get("zipped"))
        self.folder = PrivateFolder(str(options.get("remote_tmp") or "~/.ansible/tmp"))
        self.modules = Modules(self.folder)
        self.stored = StoredFiles(self.folder)
        self._decoder = wire.Decoder()
        self._open: dict[int, Request] = {}
        self._lasting: dict[type, object] = {}
        self._closing: list[Callable[[], None]] = []
        self._leaving = False
        self._held: list[Inbox] = []
        self._outbox = Outbox(self.loop, send, self._drained)
        self._inbox = Inbox(self.loop, receive, self._received, self.leave)

    def serve(self) -> None:
        """Say hello and answer until the other end is gone."""
        hello = wire.Message(0, wire.REQUEST, b"{}")
        Request(hello, self._send).reply(
            {
                "version": wire.VERSION,
                "python": sys.argv[1] if len(sys.argv) > 1 else sys.executable,
                "python_version": list(sys.version_info[:3]),
                "pid": os.getpid(),
                "uid": os.getuid(),
            }
        )
        signal.signal(signal.SIGTERM, lambda _signal, _frame: self.loop.call_later(0, self.leave))
        self.loop.run()
        for callback in self._closing:
            callback()
        self._outbox.close()
        self._inbox.close()
        self.loop.close()
        self.folder.remove()

    def when_closing(self, callback: Callable[[], None]) -> None:
        """Call *callback* before the agent exits."""
        self._closing.append(callback)

    def lasting(self, kind: type[_Lasting], make: Callable[[], _Lasting]) -> _Lasting:
        """Give this agent's one *kind*, made when it is first asked for."""
        if kind not in self._lasting:
            self._lasting[kind] = make()
        lasting = self._lasting[kind]
        assert isinstance(lasting, kind)  # noqa: S101  # by what was made for it
        return lasting

    def leave(self) -> None:
        """End what is open, then go."""
        if self._leaving:
            return
        self._leaving = True
        self._inbox.close()
        self.loop.call_later(_LEAVING, self.loop.stop)
        for request in list(self._open.values()):
            request.on_cancel()
        self._gone_when_idle()

    def _gone_when_idle(self) -> None:
        if self._leaving and not self._open:
            self.loop.stop()

    def _send(self, pieces: Iterable[bytes]) -> None:
        self._outbox.send(pieces)
        if self._outbox.waiting >= PATIENCE:
            self._inbox.pause()

    def outbox(self, fd: int) -> Outbox:
        """Give a way to write to *fd* that `hold_for` can keep from filling up."""
        return Outbox(self.loop, fd, self._drained)

    def hold_for(self, outbox: Outbox) -> None:
        """Read no more requests while too much waits to be written to *outbox*."""
        if outbox.waiting >= PATIENCE:
            self._inbox.pause()

    def relieve(self, inbox: Inbox) -> None:
        """Read no more from *inbox* while too much waits to be written to the controller."""
        if self._outbox.waiting >= PATIENCE:
            inbox.pause()
            self._held.append(inbox)

    def _drained(self) -> None:
        held, self._held = self._held, []
        for inbox in [self._inbox, *held]:
            inbox.resume()

    def _received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                self._take(message)
        except wire.WireError:  # whoever speaks there is not our controller
            self.leave()

    def _take(self, message: wire.Message) -> None:
        request = self._open.get(message.id)
        if message.kind == wire.REQUEST:
            if request is not None:
                raise wire.WireError("request %d is open already" % message.id)
            self._begin(Request(message, self._send, zipped=self._zipped))
        elif request is None:
            return  # it was answered meanwhile
        elif message.kind == wire.STREAM:
            self._guarded(request, lambda: request.on_stream(message.payload))
        elif message.kind == wire.CANCEL:
            cancel, request.on_cancel = request.on_cancel, _once
            self._guarded(request, cancel)

    def _begin(self, request: Request) -> None:
        self._open[request.id] = request

        def answered() -> None:
            del self._open[request.id]
            self._gone_when_idle()

        request.when_answered = answered
        self._guarded(request, lambda: self._op(request)(self, request))

    def _op(self, request: Request) -> Callable[[Agent, Request], None]:
        name = request.text("op")
        if name not in OPS:
            raise Refused("this agent knows no %r" % name)
        module, function = OPS[name].split(":")
        op: Callable[[Agent, Request], None] = getattr(
            import_module("outlast_agent.%s" % module), function
        )
        return op

    def _guarded(self, request: Request, step: Callable[[], None]) -> None:
        """Take a step for *request*; what goes wrong is its answer, not the agent's end."""
        try:
            step()
        except Refused as refusal:
            request.fail(str(refusal))
        except Exception:  # noqa: BLE001  # a bug of ours is told to the controller, which ends loudly
            request.fail(traceback.format_exc(), "bug")


def _once() -> None:
    """Cancel nothing more."""


def main(bundle: bytes, options: dict[str, object]) -> None:
    """Serve the descriptors 0 and 1; what else writes there reaches nobody."""
    receive, send = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    find_footing()
    Agent(receive, send, bundle, options).serve()
