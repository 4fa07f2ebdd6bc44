"""A background job as the controller speaks of it: what is ordered, and where it is noted.

Knows what is to be said of a job before it is started, and what can be known of one. Leaves
starting it to a `session.Session`, and keeping what is noted to whoever implements `Journal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from outlast.attempt import Attempt
from outlast.work import Finish, JobRun


class JobTerms(Struct, frozen=True, kw_only=True):
    """What a task's `outlast_*` variables ask of its job; the defaults ask nothing."""

    name: str = ""
    """`outlast_job`: at most one job of this name at a time; the same order again attaches."""
    idle_limit: float = 0.0
    """`outlast_idle_limit`: seconds without output that end it; 0: it may be silent."""
    grace: float = 2.0
    """`outlast_grace`: seconds between the request to end and its being killed."""
    reboots: bool = False
    """`outlast_reboots`: it restarts its host, and is over when the host is up again."""
    host_limit: int = 0
    """`outlast_job_limit`: how many jobs may run on the host when it has begun; 0: any number."""
    run_limit: int = 0
    """The same of this run's jobs, on all hosts together."""
    nice: int = 0
    """`outlast_nice`: what is added to the scheduler's nice value, -20 to 19."""
    memory_limit: int = 0
    """`outlast_memory_limit`: bytes for all its processes together; 0: no limit."""
    cpu_limit: float = 0.0
    """`outlast_cpu_limit`: how many CPUs' time for all its processes; 0: no limit."""


class SpoolKeep(Struct, frozen=True, kw_only=True):
    """What ended jobs may leave in a folder of a host: as much as all three allow."""

    days: int = 30
    jobs: int = 10_000
    bytes: int = 4 * 1024**3


class JobOrder(Struct, frozen=True, kw_only=True):
    """A background job to be started."""

    jid: str
    """`j` and a random number below 1e12; the host appends `.` and the supervisor's pid."""
    run: JobRun
    limit: float
    """Seconds the job may take; what is still running then is ended."""
    async_dir: str
    """The spool folder, `~` allowed."""
    name: str
    """The task's name, for people who look at the host's jobs; empty under no_log."""
    terms: JobTerms = JobTerms()
    content: str = ""
    """A digest of what is run, for a named job: another order of that name has another one."""
    finish: Finish = Finish()
    """What is to be made of the run's answer before it is recorded as the job's result."""


JobState: TypeAlias = Literal[
    "intended", "running", "presumed", "joined", "ended", "failed", "lost", "unknown"
]
"""What is known of a job: it is about to be started; it runs, or is presumed to, for its host was
out of reach when the waiting for it ended; a playbook has been told its end; it ended well,
badly, or nobody knows how; or the host could not be asked."""


class JobIntent(Struct, frozen=True, kw_only=True):
    """A job that is about to be started, and where it is to be found again."""

    jid: str
    """The controller's part of it: the host appends to this."""
    host: str
    task: str
    """Empty under no_log."""
    limit: float
    async_dir: str
    address: Mapping[str, object]
    """How the host is reached, in plain values, without passwords."""
    attempt: Attempt = Attempt()
    """Whose job it is."""
    age: float = 0.0
    """Seconds it has run when it is noted as started: of a job that was there already."""
    name: str = ""
    """What the job itself is called, where its task's variables say so."""


class RunJob(Struct, frozen=True, kw_only=True):
    """A job that this run has started, or was about to, and what the run knows of it."""

    jid: str
    """The controller's part alone, as long as its host has not said that it runs."""
    intent: JobIntent
    begun: float
    """By the loop's clock."""
    started: float
    """Seconds since 1970."""
    told: bool = False
    """A task has been told its end, or it is known otherwise."""
    cause: str = ""
    """Why it ended, once that was told."""

    @property
    def answered(self) -> bool:
        """Tell whether its host has said that it runs."""
        return self.jid != self.intent.jid


class Journal(Protocol):
    """Keeps what becomes of jobs; never raises: a broken journal stops no job."""

    async def intend(self, intent: JobIntent) -> None:
        """Return when *intent* is on disk and would survive whatever happens next."""
        ...

    def started(self, intent: JobIntent, jid: str) -> None:
        """Note that the job runs, under its whole id."""
        ...

    async def keep(self, jid: str, result: Mapping[str, object]) -> None:
        """Return when *result* is on disk: the job's host is about to forget it."""
        ...

    def learnt(
        self, jid: str, host: str, state: JobState, cause: str, rc: int | None = None
    ) -> None:
        """Note what was learnt of a job, by either of its ids."""
        ...


class NoJournal(Struct, frozen=True):
    """Keeps nothing."""

    async def intend(self, intent: JobIntent) -> None:
        """Return at once."""

    def started(self, intent: JobIntent, jid: str) -> None:
        """Forget it."""

    async def keep(self, jid: str, result: Mapping[str, object]) -> None:
        """Return at once."""

    def learnt(
        self, jid: str, host: str, state: JobState, cause: str, rc: int | None = None
    ) -> None:
        """Forget it."""
