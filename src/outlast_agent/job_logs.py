"""Op `job.logs`: a job's output on its way to whoever reads it, as fast as he takes it.

Knows that no more than `wire.WINDOW` is under way, so that a slow reader fills nobody's
memory, and that nothing is sent while nothing happens: the looking is done here, on the host.
Leaves the order of the bytes to `job_output`.
"""

from __future__ import annotations

from collections.abc import Callable

from outlast_agent import job_status, wire
from outlast_agent.agent import Agent
from outlast_agent.job_output import STREAMS, Reader
from outlast_agent.job_watch import Watch, entry_of
from outlast_agent.loop import Loop, Timer
from outlast_agent.request import Refused, Request

_LOOK_AGAIN = 0.2
"""Seconds between two looks at what the job has said."""
_PIECE = 64 * 1024


def logs(agent: Agent, request: Request) -> None:
    """Op `job.logs`: streams the output; answered with `offset`, the byte after the last."""
    entry = entry_of(request)
    stream, offset = request.text("stream"), int(request.number("offset"))
    if stream not in STREAMS or offset < 0:
        raise Refused("there is no byte %d of %r" % (offset, stream))
    if "/" in entry.jid or not entry.jid:
        raise Refused("could not find job")
    try:
        reader = Reader(entry, stream, offset)
    except OSError as error:
        if isinstance(job_status.look(entry), job_status.Unknown):
            raise Refused("could not find job") from error
        raise Refused(
            "The output of job %s was not kept: %s." % (entry.jid, _why(error))
        ) from error
    follow = request.body.get("follow") is True
    tail = _Tail(agent.loop, request, reader, follow=follow)
    watch = Watch(agent.loop, entry, lambda: not job_status.supervisor_pid(entry), tail.job_ended)
    tail.begin(watch)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it was started by Ansible itself, which keeps none"
    return error.strerror or str(error)


class _Tail:
    """One reader of one job."""

    def __init__(self, loop: Loop, request: Request, reader: Reader, *, follow: bool) -> None:
        self._loop = loop
        self._request = request
        self._reader = reader
        self._follow = follow
        self._ended = False
        self._room = wire.WINDOW
        self._timer: Timer | None = None
        self._forget: Callable[[], None] = reader.close

    def begin(self, watch: Watch) -> None:
        """Send what is there, and go on if that was asked for."""
        self._request.on_cancel = self._cancel
        self._request.on_stream = self._taken

        def forget() -> None:
            watch.stop()
            self._reader.close()

        self._forget = forget
        watch.look()
        if not self._ended:
            self._send()

    def job_ended(self) -> None:
        """Send the rest: nothing will be added."""
        self._ended = True
        self._send()

    def _taken(self, count: bytes) -> None:
        self._room += int(count)
        self._send()

    def _send(self) -> None:
        if not self._request.open:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._room > 0:
            try:
                piece = self._reader.read(min(self._room, _PIECE), ended=self._ended)
            except OSError as error:  # the disk gives it no more
                self._forget()
                self._request.fail("The output cannot be read: %s" % error.strerror)
                return
            if not piece:
                self._rest()
                return
            self._room -= len(piece)
            self._request.stream(piece)

    def _rest(self) -> None:
        """There is no more for now."""
        if self._follow and not self._ended:
            self._timer = self._loop.call_later(_LOOK_AGAIN, self._send)
        else:
            self._forget()
            self._request.reply({"offset": self._reader.offset})

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._forget()
        self._request.cancelled()
