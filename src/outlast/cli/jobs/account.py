"""The account of a run's background jobs: those it started, and which of them are owed an end.

Knows, from what actions write into the journal, which jobs there are and whose end was told. Leaves
asking hosts about them to `closing`, which a run without such jobs does not import.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.job import JobIntent, JobState, Journal, RunJob


class Account(Struct):
    """Implements `job.Journal`: passes on what it hears, and remembers the run's jobs."""

    journal: Journal
    jobs: dict[str, RunJob] = field(default_factory=dict)
    """By id, in the order of their starts."""
    on_end: Callable[[], None] = lambda: None
    """Called when the end of a job was learnt."""

    @property
    def open(self) -> dict[str, RunJob]:
        """The jobs nobody has been told the end of, by id."""
        return {jid: job for jid, job in self.jobs.items() if not job.told}

    async def intend(self, intent: JobIntent) -> None:
        """Return when *intent* is on disk; from now on there may be such a job."""
        self._enter(intent, intent.jid)
        await self.journal.intend(intent)

    def started(self, intent: JobIntent, jid: str) -> None:
        """Note that the job runs."""
        self.jobs.pop(intent.jid, None)
        self._enter(intent, jid)
        self.journal.started(intent, jid)

    def _enter(self, intent: JobIntent, jid: str) -> None:
        begun, started = asyncio.get_running_loop().time(), time.time() - intent.age
        self.jobs[jid] = RunJob(jid=jid, intent=intent, begun=begun, started=started)

    async def keep(self, jid: str, result: Mapping[str, object]) -> None:
        """Return when a job's result is on disk."""
        await self.journal.keep(jid, result)

    def learnt(
        self, jid: str, host: str, state: JobState, cause: str, rc: int | None = None
    ) -> None:
        """Note what was learnt; whose end is known is off the account."""
        if state in ("joined", "ended", "failed", "lost"):
            if jid in self.jobs:
                self.jobs[jid] = replace(self.jobs[jid], told=True, cause=cause)
            self.on_end()
        self.journal.learnt(jid, host, state, cause, rc)

    def say_left(self) -> None:
        """Tell the person at the terminal what goes on though the run was broken off."""
        left = self.open.values()
        if not left or not sys.stderr.isatty():
            return
        lines = ["", "These jobs were started and go on by themselves:"]
        for job in left:
            task = f" ({job.intent.task})" if job.intent.task else ""
            doubt = "" if job.answered else ", if it was started: the answer did not come"
            lines.append(f"  {job.jid} on {job.intent.host}{task}{doubt}")
        last = job.jid
        lines.append(f"Follow one: {follow_hint(last)}; end it: outlast jobs cancel {last}")
        sys.stderr.write("\n".join(lines) + "\n")


def follow_hint(jid: str) -> str:
    """Give the command that follows a job."""
    return f"outlast jobs logs -f {jid}"


def output_hint(jid: str) -> str:
    """Give the command that prints what a job has said."""
    return f"outlast jobs logs {jid}"


def status_hint(jid: str) -> str:
    """Give the command that asks how a job stands."""
    return f"outlast jobs show {jid}"
