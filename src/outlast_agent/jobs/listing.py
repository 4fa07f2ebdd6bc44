"""Ops about all the jobs of a folder: see them, clear away what is left of the ended.

Knows which names in the folder are jobs, and that a folder may hold thousands: the agent goes
on serving others while it looks through them. Leaves what is said of each to `summary`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Generator, Iterator

from outlast_agent import spool
from outlast_agent.agent import Agent
from outlast_agent.jobs import in_slices
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs import summary as job_summary
from outlast_agent.request import Refused, Request

_JID = re.compile(r"[A-Za-z0-9_-]{1,64}\.\d{1,10}")
"""Ours and stock's; nothing else in the folder is looked at."""


def listed(agent: Agent, request: Request) -> None:
    """Op `job.list`: answered with `jobs`, the oldest first."""

    def answer(rows: list[dict[str, object]]) -> None:
        request.reply({"jobs": rows})

    _look_through(agent, request, answer)


def prune(agent: Agent, request: Request) -> None:
    """Op `job.prune`: removes the records of ended jobs; answered with `removed`, their ids.

    Those that ended less than `older_than` seconds ago stay, and the `keep` that ended last.
    """
    folder = _folder(request)
    until = time.time() - request.number("older_than")
    keep = int(request.number("keep"))
    if keep < 0:
        raise Refused("not %d, but some or no jobs can be kept" % keep)

    def remove(rows: list[dict[str, object]]) -> None:
        ended = sorted((_when(row, "ended"), str(row["jid"])) for row in rows if _is_over(row))
        old = [jid for when, jid in ended[: len(ended) - keep] if when <= until]
        removed = [jid for jid in old if job_status.clear(spool.Entry(folder, jid))]
        request.reply({"removed": removed})

    _look_through(agent, request, remove)


def _is_over(row: dict[str, object]) -> bool:
    return row["state"] == "ended"


def _when(row: dict[str, object], what: str) -> float:
    when = row.get(what)
    return float(when) if isinstance(when, (int, float)) else 0.0


def _folder(request: Request) -> str:
    return spool.expand(request.text("async_dir"))


def _look_through(
    agent: Agent, request: Request, done: Callable[[list[dict[str, object]]], None]
) -> None:
    """Call *done* with a row for each job, later, others being served between."""
    folder = _folder(request)

    def found() -> Generator[dict[str, object], None, None]:
        for jid in list(_jids(folder)):
            row = job_summary.summary(spool.Entry(folder, jid))
            if row is not None:
                yield row

    def in_order(rows: list[dict[str, object]]) -> None:
        rows.sort(key=lambda row: _when(row, "started") or _when(row, "ended"))
        done(rows)

    in_slices.gather(agent, request, found(), in_order)


def _jids(folder: str) -> Iterator[str]:
    """Give the ids of all jobs; one that was cleaned up while it ran is found as well."""
    seen = set()
    for place in (os.path.join(folder, spool.PRIVATE), folder):
        for name in _names(place):
            if name not in seen and _JID.fullmatch(name):
                seen.add(name)
                yield name


def _names(place: str) -> list[str]:
    try:
        return sorted(os.listdir(place))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refused("could not look through %s: %s" % (place, error.strerror)) from error
