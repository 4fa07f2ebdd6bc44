"""Ops about files: look, read, store, discard.

Knows what is at a path. Leaves what is done with it to modules.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys

from outlast_agent.agent import Agent
from outlast_agent.loop import exit_code
from outlast_agent.processes import Gathering, fork
from outlast_agent.request import Refused, Request

_PIECE = 1024 * 1024
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def _path(request: Request) -> str:
    return os.path.expanduser(request.text("path"))


def _said(error: OSError, path: str) -> Refused:
    return Refused("%s: %s" % (path, error.strerror))


_LONG = 32 * 1024 * 1024
"""Bytes from which on reading takes so long that nobody else should have to wait for it."""


def inspect(agent: Agent, request: Request) -> None:
    """Op `file.inspect`: what is at `path`, with a `checksum` of its content if asked."""
    path = _path(request)
    try:
        found = os.lstat(path)
        wanted = bool(request.body.get("checksum"))
        if wanted and os.stat(path).st_size >= _LONG:
            _inspect_apart(agent, request, path, found)
            return
        sha1 = _sha1(path) if wanted else None
    except (FileNotFoundError, NotADirectoryError):
        request.reply({"state": None})
        return
    except OSError as error:
        raise _said(error, path) from error
    request.reply({"state": _state(found, sha1)})


def _state(found: os.stat_result, sha1: str | None) -> dict[str, object]:
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "other")
    mode = stat.S_IMODE(found.st_mode)
    return {"kind": kind, "size": found.st_size, "mode": mode, "sha1": sha1}


def _inspect_apart(agent: Agent, request: Request, path: str, found: os.stat_result) -> None:
    """Read a long file in a child of its own."""

    def work() -> int:
        sys.stdout.write(_sha1(path) or "")
        sys.stdout.flush()
        return 0

    def finished(status: int, out: bytes, err: bytes) -> None:
        if exit_code(status) != 0:
            request.fail("%s: %s" % (path, err.decode("utf-8", "replace").strip()))
        else:
            request.reply({"state": _state(found, out.decode() or None)})

    gathering = Gathering(agent.loop, fork(work, {}), 0.0, finished)
    request.on_cancel = lambda: gathering.end_with(request.cancelled)


def _sha1(path: str) -> str | None:
    """Give the checksum of a file; a link is followed, what is no file has none."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
    except FileNotFoundError:
        return None  # a link to nowhere
    digest = hashlib.sha1()  # noqa: S324  # stock compares files by it
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(_PIECE), b""):
            digest.update(piece)
    return digest.hexdigest()


def read(_agent: Agent, request: Request) -> None:
    """Op `file.read`: the content of `path`, unless it is more than `limit` bytes."""
    path = _path(request)
    limit = int(request.number("limit"))
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused("%s: it is not a regular file" % path)
            content = file.read(limit + 1)
    except OSError as error:
        raise _said(error, path) from error
    if len(content) > limit:
        raise Refused("%s: it is longer than %d bytes" % (path, limit))
    request.reply({}, content)


def store(agent: Agent, request: Request) -> None:
    """Op `file.store`: `size` bytes are streamed to a new file `name`, known by `key` from then on.

    Answered with its `path` when all have come.
    """
    key, left = request.text("key"), int(request.number("size"))
    try:
        fd, path = agent.stored.create(key, request.text("name"))
    except OSError as error:
        raise _said(error, request.text("name")) from error

    def done() -> None:
        os.close(fd)

    def take(data: bytes) -> None:
        nonlocal left
        try:
            _write(fd, data)
        except OSError as error:
            agent.stored.discard(key)
            request.fail(str(_said(error, path)))
            return
        left -= len(data)
        if left <= 0:
            request.reply({"path": path})

    def cancel() -> None:
        agent.stored.discard(key)
        request.cancelled()

    request.before_answer = done
    request.on_cancel = cancel
    request.on_stream = take
    if left <= 0:
        request.reply({"path": path})


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def discard(agent: Agent, request: Request) -> None:
    """Op `file.discard`: remove what was stored as `key`."""
    agent.stored.discard(request.text("key"))
    request.reply()
