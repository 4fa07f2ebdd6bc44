"""Op `job.wait`: many jobs in one question, answered when all or any of them have ended.

Knows how few descriptors that takes, and how much fits into one answer. Leaves watching one
job to `watch`, and what is then known of it to `status`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator

from outlast_agent import spool
from outlast_agent.agent import Agent
from outlast_agent.jobs import in_slices
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs.watch import Watch
from outlast_agent.loop import Loop
from outlast_agent.request import Refused, Request

_MOST = 32 * 1024 * 1024
"""Bytes of results in one answer; what is beyond is to be asked for by itself."""
_SLICE = 0.02
"""Seconds spent looking at a time, before others have their turn."""
_UNTIL = ("all", "any", "now")


def wait(agent: Agent, request: Request) -> None:
    """Op `job.wait`: answered with `jobs`, how each stands, when all or any have ended, or now."""
    entries, until = _entries(request), request.text("until")
    if until not in _UNTIL:
        raise Refused("until must be one of %s, not %s" % (", ".join(_UNTIL), until))

    def tell() -> None:
        in_slices.gather(agent, request, _rows(entries), lambda rows: request.reply({"jobs": rows}))

    if until == "now" or not entries:
        tell()
        return
    kind = InTurn if until == "all" else AnyOf
    waiting = kind(agent.loop, entries, tell)

    def withdrawn() -> None:
        waiting.stop()
        request.cancelled()

    request.on_cancel = withdrawn
    waiting.go_on()


def _entries(request: Request) -> list[spool.Entry]:
    folder, jids = spool.expand(request.text("async_dir")), request.body.get("jids")
    if not isinstance(jids, list) or not all(isinstance(jid, str) for jid in jids):
        raise Refused("jids must be a list of texts, not %s" % json.dumps(jids))
    return [spool.Entry(folder, jid) for jid in jids]


def is_over(entry: spool.Entry) -> bool:
    """Tell whether there is nothing to wait for: it has ended, is lost, or is not there."""
    return not isinstance(job_status.look(entry), job_status.Unfinished)


class InTurn:
    """Waits for the end of all jobs, one after the other: a thousand cost as little as one."""

    def __init__(self, loop: Loop, entries: list[spool.Entry], told: Callable[[], None]) -> None:
        self._loop = loop
        self._left = entries[::-1]
        self._told = told
        self._watch: Watch | None = None
        self._stopped = False

    def go_on(self) -> None:
        """Wait for the first that runs; tell when none does."""
        until = time.monotonic() + _SLICE
        while self._left and not self._stopped:
            if time.monotonic() > until:
                self._loop.call_later(0, self.go_on)
                return
            entry = self._left[-1]
            if not is_over(entry):
                self._watch = Watch(self._loop, entry, _asking(entry), self.go_on)
                self._watch.look()
                return
            self._left.pop()
        if not self._stopped:
            self._told()

    def stop(self) -> None:
        """Wait no more."""
        self._stopped = True
        if self._watch is not None:
            self._watch.stop()


class AnyOf:
    """Waits for the end of the first of many jobs."""

    def __init__(self, loop: Loop, entries: list[spool.Entry], told: Callable[[], None]) -> None:
        self._told = told
        self._over = False
        self._watches = [Watch(loop, one, _asking(one), self._ended) for one in entries]

    def go_on(self) -> None:
        """Wait for all of them at once."""
        for watch in self._watches:
            watch.look()  # does nothing once another has ended

    def _ended(self) -> None:
        if not self._over:
            self.stop()
            self._told()

    def stop(self) -> None:
        """Wait no more."""
        self._over = True
        for watch in self._watches:
            watch.stop()


def _asking(entry: spool.Entry) -> Callable[[], bool]:
    return lambda: is_over(entry)


def _rows(entries: list[spool.Entry]) -> Generator[dict[str, object], None, None]:
    room = _MOST
    for entry in entries:
        row: dict[str, object] = {"jid": entry.jid, "cause": _cause(entry), **_time(entry)}
        room -= _size(entry)
        if room >= 0:
            row["status"] = job_status.status(entry)
        yield row


def _cause(entry: spool.Entry) -> str:
    end = job_status.record(entry, "end.json") or {}
    return str(end.get("cause", "")) if end.get("version") != 1 else ""


def _time(entry: spool.Entry) -> dict[str, object]:
    """Give how long the job may take and since when it runs; zeros where nobody wrote it down."""
    job = job_status.record(entry, "job.json") or {}
    limit, started = job.get("limit"), job.get("started")
    return {
        "limit": limit if isinstance(limit, (int, float)) else 0.0,
        "age": max(0.0, time.time() - started) if isinstance(started, (int, float)) else 0.0,
    }


def _size(entry: spool.Entry) -> int:
    try:
        return os.path.getsize(entry.results_file)
    except OSError:
        return 0
