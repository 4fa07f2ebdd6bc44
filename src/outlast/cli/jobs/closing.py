"""Closing a run's account: asking the hosts, over connections still open, how its jobs stand.

Knows what `--jobs` and `--strict-jobs` mean, and what is said. stdout is stock's to the
letter, so everything here goes to stderr. Leaves asking to `finding` and `doing`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outlast.cli.aside import say
from outlast.cli.jobs.account import follow_hint, output_hint, status_hint
from outlast.cli.jobs.doing import cancel_all, wait_for
from outlast.cli.jobs.finding import Found, look
from outlast.cli.jobs.reach import Place
from outlast.cli.jobs.seen import Seen, said_state, show_jobs
from outlast.cli.options import AtEnd
from outlast.job import Journal, RunJob
from outlast.jobs import MARGIN
from outlast.transport.endpoint_record import restored
from outlast.transport.sessions import Sessions

_PATIENCE = 5.0
"""Seconds for the hosts to say how their jobs stand, when nobody has asked to wait."""
_HINTS = 20
"""Commands that are spelt out; who has more jobs has seen how they go."""
FAILED = 2
"""Stock's code for 'a host has failed'."""


class Closing(Struct, frozen=True, kw_only=True):
    """What is to be done with what is still on the account."""

    sessions: Sessions
    journal: Journal
    at_end: AtEnd = "leave"
    strict: bool = False
    aloud: bool = True
    """Somebody reads what is said: a terminal, or `--jobs` was given."""

    async def close(self, jobs: Sequence[RunJob], code: int) -> int:
        """Settle *jobs* as is wished, and say how they stand; gives the run's exit code."""
        jobs = await self._identified(jobs)
        found = [self._found(job) for job in jobs]
        match self.at_end:
            case "wait":
                limit = max(job.intent.limit for job in jobs)
                await self._wait(found, limit + MARGIN if limit > 0 else None)
            case "cancel":
                await self._cancel(found)
            case "leave":
                pass
        seen = await self._ask(found, jobs)
        for job in seen:
            if job.asked:
                self.journal.learnt(job.jid, job.host, job.state, job.cause, job.rc)
        if self.aloud:
            _show(seen)
        failed = self.strict and any(job.bad for job in seen)
        return code or FAILED if failed else code

    async def _identified(self, jobs: Sequence[RunJob]) -> list[RunJob]:
        """Find out which of the jobs whose start was never answered do run, and as what."""
        doubtful = [job for job in jobs if not job.answered]
        if not doubtful:
            return list(jobs)
        there = await self._look([self._found(job) for job in doubtful])
        whole = {seen.jid.partition(".")[0]: seen.jid for seen in there}
        known = []
        for job in jobs:
            if not job.answered and job.jid in whole:
                self.journal.started(job.intent, whole[job.jid])
                job = replace(job, jid=whole[job.jid])  # noqa: PLW2901  # the same, by its whole name
            known.append(job)
        return known

    def _found(self, job: RunJob) -> Found:
        place = Place(
            host=job.intent.host,
            endpoint=self.sessions.opened(restored(job.intent.address)),
            async_dir=job.intent.async_dir,
        )
        return Found(jid=job.jid, place=place)

    async def _wait(self, jobs: Sequence[Found], patience: float | None) -> None:
        if self.aloud:
            say(f"Waiting for {_count(len(jobs))}: {', '.join(one.jid for one in jobs)}")

        def on_end(found: Found, seen: Seen | None) -> None:
            if seen is not None:
                self.journal.learnt(seen.jid, seen.host, seen.state, seen.cause, seen.rc)
            if self.aloud:
                how = said_state(seen).text if seen else "gone from its host"
                say(f"  {found.jid} on {found.place.host}: {how}")

        deadline = asyncio.timeout(patience)
        try:
            async with deadline:
                await wait_for(self.sessions, jobs, on_end=on_end, patient=True)
        except TimeoutError:
            if not deadline.expired():  # somebody else's: a bug, not ours to hide
                raise
            say("Their time is over, and not all have been heard of.")

    async def _cancel(self, jobs: Sequence[Found]) -> None:
        for end in await cancel_all(self.sessions, jobs):
            if self.aloud or end.state not in ("cancelled", "ended"):
                say(f"  {end.jid} on {end.host}: {end.msg}")

    async def _ask(self, found: Sequence[Found], jobs: Sequence[RunJob]) -> list[Seen]:
        by_jid = {job.jid: _as_launched(job) for job in jobs}
        for job in await self._look(found):
            if job.jid in by_jid:
                known = by_jid[job.jid]
                by_jid[job.jid] = replace(job, task=known.task, host=known.host)
        return list(by_jid.values())

    async def _look(self, found: Sequence[Found]) -> list[Seen]:
        """Ask the places of *found* for their jobs; none if that takes too long."""
        places = list({one.place.key: one.place for one in found}.values())
        deadline = asyncio.timeout(_PATIENCE)
        try:
            async with deadline:
                return (await look(self.sessions, places, [])).jobs
        except TimeoutError:
            if not deadline.expired():  # as above
                raise
            return []


def _as_launched(job: RunJob) -> Seen:
    return Seen(
        jid=job.jid,
        host=job.intent.host,
        run=None,
        task=job.intent.task,
        state="unknown" if job.answered else "intended",
        cause="",
        rc=None,
        user="",
        started=job.started,
        ended=None,
        limit=job.intent.limit,
        async_dir=job.intent.async_dir,
        last_line="",
        output_bytes=None,
        asked=False,
    )


def _show(seen: Iterable[Seen]) -> None:
    """Show what is not over and what did not end well; the rest is as it should be."""
    shown = [job for job in seen if not job.well]
    if not shown:
        return
    say("Background jobs of this run that no task waited for:\n")
    show_jobs(sys.stderr, shown, with_run=False)
    hints = [_hint(job) for job in shown]
    if len(hints) > _HINTS:
        more = f"and so on for the other {len(hints) - _HINTS}"
        hints = [*hints[:_HINTS], more]
    say("\n" + "\n".join(hints))


def _hint(job: Seen) -> str:
    """Give the command that goes on from here."""
    if job.over:
        return f"Output: {output_hint(job.jid)}"
    return f"Follow: {follow_hint(job.jid)}" if job.asked else f"Status: {status_hint(job.jid)}"


def _count(number: int) -> str:
    return "1 background job" if number == 1 else f"{number} background jobs"
