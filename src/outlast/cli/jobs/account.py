"""The account of a run's background jobs: those it started and was never told the end of.

Knows, from what actions write into the journal, which jobs are still owed an end. Leaves
asking hosts about them to `closing`, which a run without such jobs does not import.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from outlast.job import JobIntent, JobState, Journal

AtEnd: TypeAlias = Literal["leave", "wait", "cancel"]
"""What becomes of the jobs that run when the run is over."""


class Launched(Struct, frozen=True, kw_only=True):
    """A job of this run."""

    jid: str
    """Our part alone, as long as its host has not said that it runs."""
    intent: JobIntent
    started: float

    @property
    def answered(self) -> bool:
        """Tell whether its host has said that it runs."""
        return self.jid != self.intent.jid


class Account(Struct):
    """Implements `call.Journal`: passes on what it hears, and remembers what is open."""

    journal: Journal
    open: dict[str, Launched] = field(default_factory=dict)
    """By id: jobs nobody has been told the end of."""
    on_end: Callable[[], None] = lambda: None
    """Called when the end of a job was learnt."""

    async def intend(self, intent: JobIntent) -> None:
        """Return when *intent* is on disk; from now on there may be such a job."""
        self._enter(intent, intent.jid)
        await self.journal.intend(intent)

    def started(self, intent: JobIntent, jid: str) -> None:
        """Note that the job runs."""
        self.open.pop(intent.jid, None)
        self._enter(intent, jid)
        self.journal.started(intent, jid)

    def _enter(self, intent: JobIntent, jid: str) -> None:
        self.open[jid] = Launched(jid=jid, intent=intent, started=time.time() - intent.age)

    async def keep(self, jid: str, result: Mapping[str, object]) -> None:
        """Return when a job's result is on disk."""
        await self.journal.keep(jid, result)

    def learnt(
        self, jid: str, host: str, state: JobState, cause: str, rc: int | None = None
    ) -> None:
        """Note what was learnt; whose end is known is off the account."""
        if state in ("joined", "ended", "failed", "lost"):
            self.open.pop(jid, None)
            self.on_end()
        self.journal.learnt(jid, host, state, cause, rc)

    def say_left(self) -> None:
        """Tell the person at the terminal what goes on though the run was broken off."""
        if not self.open or not sys.stderr.isatty():
            return
        lines = ["", "These jobs were started and go on by themselves:"]
        for job in self.open.values():
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
