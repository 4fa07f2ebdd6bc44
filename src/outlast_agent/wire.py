"""Frames and messages, as both ends of a connection speak them.

A frame is a header (payload length, request id, kind) and its payload. Ids are chosen by
whoever asks, requests overlap freely, and an answer may come much later: waiting for a job's
end is a request that is answered when the job has ended.

    kind      payload       from                meaning
    REQUEST   JSON object   controller          `op` names what is asked, the rest are its arguments
    REPLY     JSON object   agent               ends the request; id 0 is the agent's hello
    ERROR     JSON object   agent               ends the request: `kind` (see below) and `message`
    BLOB      bytes         both                belongs to the REQUEST or REPLY that follows it
    STREAM    bytes         both                belongs to an open request, delivered as it comes
    CANCEL    nothing       controller          ends what the request started; still answered once

A payload longer than `CHUNK` travels in several frames, all but the last marked `MORE`, so
that a big one does not keep small ones waiting. One marked `ZIPPED` is to be inflated.
Kinds of ERROR: `failed` (the host says no; becomes `ActionFailed`), `unreachable`,
`cancelled`, and `bug` (a traceback of ours).

How an op is added: write `def op(agent, request)` in a module of this package and name it in
the table in `ops.py`; the module is imported when its first request comes. What it may use:

    request.body                    the JSON object
    request.blobs                   tuple of bytes
    request.reply(body, *blobs)     at once or later, from any callback of the loop
    request.fail(message)           the same, as an ERROR of kind `failed`
    request.stream(data)            something on the way
    request.on_cancel               set it to a function without arguments; default: answer only
    request.on_stream               set it to a function taking bytes
    agent.loop.watch(fd, callback)              callback() whenever fd is readable
    agent.loop.watch_writable(fd, callback)     callback() whenever fd is writable
    agent.loop.unwatch(fd)                      before the fd is closed
    agent.loop.call_later(seconds, callback)    gives a timer with cancel()
    agent.loop.when_exited(pid, callback)       callback(wait status) when our child has ended
    agent.when_closing(callback)                before the agent exits
    agent.modules.parcel(id)                    a received module with its sources
    agent.bundle                                our own sources, as `bootstrap` reads them

Bodies of the jobs' ops (`run` is the body of the op `run`, without `op`):

    job.start    jid, run, limit (seconds), async_dir, name, content,
                 terms (the fields of `job.JobTerms`)          -> stock's start result
    job.status   jid, async_dir                                -> what async_status says
    job.cleanup  jid, async_dir                                -> what async_status says
    job.ended    jid, async_dir                                -> {} once it ended or is not there
    job.wait     jids, async_dir, until (all, any or now)      -> jobs: how each stands, by then
    job.list     async_dir                                     -> jobs: a list of what is known
    job.cancel   jid, async_dir, grace (seconds or null)       -> state, msg, status, when over
    job.logs     jid, async_dir, stream, offset, follow        -> the bytes as STREAM, then offset
    job.prune    async_dir, older_than (seconds), keep         -> removed: a list of jids
    run          parcel (id), args, environment, files (argument -> key of `store`)
                 or command (the fields of `call.CommandRun`), environment

Knows bytes and JSON. Leaves what a request means to the ops, and when to write to the ends.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator

VERSION = 1

REQUEST, REPLY, ERROR, BLOB, CANCEL, STREAM = range(1, 7)
MORE = 0x80
ZIPPED = 0x40
_KIND = 0x0F

_WORTH_ZIPPING = 2048
_ZLIB_HEADER = b"\x78"

CHUNK = 256 * 1024
MAX_MESSAGE = 256 * 1024 * 1024
"""What may be under way in one direction at once, unfinished messages together: past it,
the other end is broken and the connection is given up."""

WINDOW = 1024 * 1024
"""Bytes of a job's output that may be on their way: its reader streams back how many were taken
(a number in decimal), and the agent waits when that many are not."""

_HEADER = struct.Struct(">IIB")


class WireError(Exception):
    """The bytes that came are not what the other end may send."""


class Message:
    """One whole message, with the blobs that were sent for it."""

    __slots__ = ("blobs", "id", "kind", "payload")

    def __init__(self, id: int, kind: int, payload: bytes, blobs: tuple[bytes, ...] = ()) -> None:  # noqa: A002  # the word of the protocol
        self.id = id
        self.kind = kind
        self.payload = payload
        self.blobs = blobs

    @property
    def body(self) -> dict[str, object]:
        """The JSON object in the payload; raises `WireError`."""
        try:
            body = json.loads(self.payload)
        except ValueError as error:
            raise WireError("a message is not JSON: %s" % error) from error
        if not isinstance(body, dict):
            raise WireError("a message is not a JSON object")
        return body


def frames(id: int, kind: int, payload: bytes, *, zipped: bool = False) -> Iterator[bytes]:  # noqa: A002  # the word of the protocol
    """Give the frames of one payload, none longer than `CHUNK` and a header.

    *zipped*: compress what gains by it. A stream is compressed piece by piece.
    """
    if kind == STREAM:
        for start in range(0, max(len(payload), 1), CHUNK):
            yield from _cut(id, kind, payload[start : start + CHUNK], zipped)
    else:
        yield from _cut(id, kind, payload, zipped)


def _cut(id_: int, kind: int, payload: bytes, zipped: bool) -> Iterator[bytes]:  # noqa: FBT001  # passed on
    if zipped and len(payload) >= _WORTH_ZIPPING and not payload.startswith(_ZLIB_HEADER):
        smaller = zlib.compress(payload, 1)
        if len(smaller) < len(payload):
            payload, kind = smaller, kind | ZIPPED
    start = 0
    while len(payload) - start > CHUNK:
        yield _HEADER.pack(CHUNK, id_, kind | MORE) + payload[start : start + CHUNK]
        start += CHUNK
    yield _HEADER.pack(len(payload) - start, id_, kind) + payload[start:]


def message(
    id: int,  # noqa: A002  # the word of the protocol
    kind: int,
    body: dict[str, object],
    blobs: tuple[bytes, ...] = (),
    *,
    zipped: bool = False,
) -> Iterator[bytes]:
    """Give the frames of a message: its blobs first, its JSON last."""
    for blob in blobs:
        yield from frames(id, BLOB, blob, zipped=zipped)
    text = json.dumps(body, separators=(",", ":")).encode()
    yield from frames(id, kind, text, zipped=zipped)


class Decoder:
    """Turns bytes, cut anywhere, into messages; what it holds is bounded."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._held = 0
        self._buffer = bytearray()
        self._parts: dict[tuple[int, int], list[bytes]] = {}
        self._blobs: dict[int, list[bytes]] = {}

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take *data*, give the messages it completes; raises `WireError`."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEADER.size:
            length, id_, marked = _HEADER.unpack_from(buffer)
            if length > CHUNK or not REQUEST <= marked & ~(MORE | ZIPPED) <= STREAM:
                raise WireError("this is not a frame: %r" % bytes(buffer[:64]))
            end = _HEADER.size + length
            if len(buffer) < end:
                return
            payload = bytes(memoryview(buffer)[_HEADER.size : end])
            del buffer[:end]
            whole = self._whole(id_, marked, payload)
            if whole is not None:
                yield whole

    def _whole(self, id_: int, marked: int, payload: bytes) -> Message | None:
        """Give the message that *payload* completes, if it does."""
        kind = marked & _KIND
        if marked & MORE or (id_, kind) in self._parts:
            self._hold(payload)
            parts = self._parts.setdefault((id_, kind), [])
            parts.append(payload)
            if marked & MORE:
                return None
            self._held -= sum(map(_weight, parts))
            payload = b"".join(self._parts.pop((id_, kind)))
        if marked & ZIPPED:
            payload = self._inflated(payload)
        if kind == STREAM:
            return Message(id_, kind, payload)
        if kind == BLOB:
            self._hold(payload)
            self._blobs.setdefault(id_, []).append(payload)
            return None
        if kind == CANCEL:
            self._drop(id_)
        blobs = tuple(self._blobs.pop(id_, ()))
        self._held -= sum(map(_weight, blobs))
        return Message(id_, kind, payload, blobs)

    def _inflated(self, payload: bytes) -> bytes:
        inflater = zlib.decompressobj()
        try:
            whole = inflater.decompress(payload, self._limit)
        except zlib.error as error:
            raise WireError("a payload cannot be inflated: %s" % error) from error
        if not inflater.eof:
            raise WireError("a payload is more than %d bytes" % self._limit)
        return whole

    def _drop(self, id_: int) -> None:
        """Forget what came of a message that will not be finished."""
        for key in [key for key in self._parts if key[0] == id_]:
            self._held -= sum(map(_weight, self._parts.pop(key)))

    def _hold(self, payload: bytes) -> None:
        self._held += _weight(payload)
        if self._held > self._limit:
            raise WireError("more than %d bytes of unfinished messages" % self._limit)


def _weight(payload: bytes) -> int:
    return len(payload) + 64  # an empty one is not for nothing either
