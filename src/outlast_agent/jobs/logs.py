"""Op `job.logs`: a job's output on its way to whoever reads it, as fast as he takes it.

Knows that no more than `wire.WINDOW` is under way, so that a slow reader fills nobody's
memory, and that nothing is sent while nothing happens: the looking is done here, on the host.
The stream `tagged` is `both`, each piece behind one byte that tells whose it is (1: stdout, 2:
stderr); of a job under no_log it is refused, because it is for showing.
Leaves the order of the bytes to `reading`.
"""

from __future__ import annotations

from collections.abc import Callable

from outlast_agent import wire
from outlast_agent.agent import Agent
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs.reading import STREAMS, Reader
from outlast_agent.jobs.watch import Watch, entry_of
from outlast_agent.loop import Loop, Timer
from outlast_agent.request import Refused, Request

_LOOK_AGAIN = 0.2
"""Seconds between two looks at what the job has said."""
_PIECE = 64 * 1024


def logs(agent: Agent, request: Request) -> None:
    """Op `job.logs`: streams the output; answered with `offset`, the byte after the last."""
    entry = entry_of(request)
    stream, offset = request.text("stream"), int(request.number("offset"))
    tagged = stream == "tagged"
    if not (tagged or stream in STREAMS) or offset < 0:
        raise Refused("there is no byte %d of %r" % (offset, stream))
    if "/" in entry.jid or not entry.jid:
        raise Refused("could not find job")
    if tagged and not (job_status.record(entry, "job.json") or {}).get("name"):
        raise Refused("The output of job %s is not to be shown." % entry.jid)
    try:
        reader = Reader(entry, "both" if tagged else stream, offset)
    except OSError as error:
        if isinstance(job_status.look(entry), job_status.Unknown):
            raise Refused("could not find job") from error
        raise Refused(
            "The output of job %s was not kept: %s." % (entry.jid, _why(error))
        ) from error
    follow = request.body.get("follow") is True
    tail = _Tail(agent.loop, request, reader, follow=follow, tagged=tagged)
    watch = Watch(agent.loop, entry, lambda: not job_status.supervisor_pid(entry), tail.job_ended)
    tail.begin(watch)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it was started by Ansible itself, which keeps none"
    return error.strerror or str(error)


class _Tail:
    """One reader of one job."""

    def __init__(
        self, loop: Loop, request: Request, reader: Reader, *, follow: bool, tagged: bool
    ) -> None:
        self._loop = loop
        self._request = request
        self._reader = reader
        self._follow = follow
        self._tag = int(tagged)
        """Bytes before each piece that tell whose it is."""
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
        while self._room > self._tag:
            try:
                most = min(self._room - self._tag, _PIECE)
                piece = self._reader.read(most, ended=self._ended)
            except OSError as error:  # the disk gives it no more
                self._forget()
                self._request.fail("The output cannot be read: %s" % error.strerror)
                return
            if not piece:
                self._rest()
                return
            piece = bytes([self._reader.speaker + 1])[: self._tag] + piece
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
