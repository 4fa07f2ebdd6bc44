"""The jobs that this run has started, as its tasks may ask for them.

Knows how they are asked for. Leaves remembering them, and what is owed at the end, to `account`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from outlast.cli.jobs.account import Account
from outlast.job import RunJob
from outlast.session import Session


class KnownJobs(Struct, frozen=True):
    """Implements `call.RunJobs`."""

    account: Account
    reopen: Callable[[Mapping[str, object]], Awaitable[Session]]
    """Gives a session for how a host was reached when a job was started there."""

    def of(self, host: str) -> Sequence[RunJob]:
        """Give those that were started for *host*, the oldest first."""
        jobs = self.account.jobs.values()
        return [job for job in jobs if job.intent.host == host and job.answered]

    def find(self, jid: str) -> RunJob | None:
        """Give the job of this whole id, whichever host it is on."""
        job = self.account.jobs.get(jid)
        return job if job is not None and job.answered else None

    async def session(self, job: RunJob) -> Session:
        """Give a live session as whoever started *job*."""
        return await self.reopen(job.intent.address)
