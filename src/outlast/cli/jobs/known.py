"""The jobs that this run has started, as its tasks may ask for them.

Knows, from what actions write into the journal, which jobs there are, for which hosts, and
whether anybody was told their end. Leaves what is still owed at the end to `account`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.job import JobIntent, JobState, Journal, RunJob
from outlast.session import Session


class Launches(Struct):
    """Implements `job.Journal`: passes on what it hears, and remembers what was started."""

    journal: Journal
    jobs: dict[str, RunJob] = field(default_factory=dict)
    """By id, in the order of their starts."""

    async def intend(self, intent: JobIntent) -> None:
        """Return when *intent* is on disk."""
        await self.journal.intend(intent)

    def started(self, intent: JobIntent, jid: str) -> None:
        """Note that the job runs."""
        begun = asyncio.get_running_loop().time()
        self.jobs[jid] = RunJob(jid=jid, intent=intent, begun=begun)
        self.journal.started(intent, jid)

    async def keep(self, jid: str, result: Mapping[str, object]) -> None:
        """Return when a job's result is on disk."""
        await self.journal.keep(jid, result)

    def learnt(
        self, jid: str, host: str, state: JobState, cause: str, rc: int | None = None
    ) -> None:
        """Note what was learnt."""
        known = self.jobs.get(jid)
        if known is not None and state in ("joined", "ended", "failed", "lost"):
            self.jobs[jid] = replace(known, told=True, cause=cause)
        self.journal.learnt(jid, host, state, cause, rc)


class KnownJobs(Struct, frozen=True):
    """Implements `call.RunJobs`."""

    launches: Launches
    reopen: Callable[[Mapping[str, object]], Awaitable[Session]]
    """Gives a session for how a host was reached when a job was started there."""

    def of(self, host: str) -> Sequence[RunJob]:
        """Give those that were started for *host*, the oldest first."""
        return [job for job in self.launches.jobs.values() if job.intent.host == host]

    def find(self, jid: str) -> RunJob | None:
        """Give the job of this whole id, whichever host it is on."""
        return self.launches.jobs.get(jid)

    async def session(self, job: RunJob) -> Session:
        """Give a live session as whoever started *job*."""
        return await self.reopen(job.intent.address)
