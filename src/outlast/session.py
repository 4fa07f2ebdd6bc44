"""A live connection to a host, as whoever has something done there sees it.

The one port between what is asked of a host and how it is reached: `transport` implements it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from outlast.job import JobOrder
from outlast.work import Reply, Run


class FileState(Struct, frozen=True, kw_only=True):
    """What is at a path on the host."""

    kind: str
    """`file`, `directory`, `link` or `other`."""
    size: int
    mode: int
    sha1: str | None = None


Until: TypeAlias = Literal["all", "any", "now"]
"""When a question about several jobs is answered: all have ended, any has, or at once."""


class Standing(Struct, frozen=True, kw_only=True):
    """How one of several jobs stands."""

    jid: str
    status: Mapping[str, object]
    """As `Session.job_status` gives it."""
    cause: str = ""
    """Why it ended, by its supervisor's record; empty while it runs, and where there is none."""
    limit: float = 0.0
    """Seconds it may take; 0: nobody wrote it down, or it may take any time."""
    age: float = 0.0
    """Seconds since it began, by its host's clock."""


class Session(Protocol):
    """A live connection to a host as one identity (the login or a become user).

    Every method raises `HostUnreachable` when the connection is or gets lost. Requests may
    overlap; cancelling a request ends what it started on the host.
    """

    @property
    def python(self) -> str:
        """The interpreter the agent runs under."""
        ...

    @property
    def discovered(self) -> bool:
        """Tell whether that interpreter was looked for, not named by the user."""
        ...

    @property
    def discovered_aloud(self) -> bool:
        """Tell whether the user is to hear of it: it may be another one some day."""
        ...

    @property
    def address(self) -> Mapping[str, object]:
        """How the host is reached, in plain values, without passwords."""
        ...

    async def run(self, run: Run) -> Reply:
        """Run a module or a command to its end; its whole process tree ends with it."""
        ...

    async def inspect(self, path: str, *, checksum: bool = False) -> FileState | None:
        """Look at *path* (`~` expanded, links followed for the checksum); None: nothing there."""
        ...

    async def read(self, path: str, limit: int) -> bytes:
        """Give the content of a file, at most *limit* bytes; raises `ActionFailed`."""
        ...

    async def store(self, content: bytes, name: str) -> str:
        """Put *content* in a new private temporary folder under *name*; gives its path."""
        ...

    async def discard(self, path: str) -> None:
        """Remove what `store` put at *path*, with its folder."""
        ...

    async def start_job(self, job: JobOrder) -> Mapping[str, object]:
        """Start a background job; the answer (stock's start result) means it is recorded.

        A job that is the same and has the name already is answered instead, with `attached` and
        its `age` in seconds. `full` alone is the answer when as many jobs run in the folder as may
        (`JobTerms.host_limit`): nothing was started. Raises `ActionFailed` when the host says no,
        or the name is another's.
        """
        ...

    async def job_status(self, jid: str, async_dir: str) -> Mapping[str, object]:
        """Give what the spool says of a job, as stock's async_status does, plus `results_file`."""
        ...

    async def job_cleanup(self, jid: str, async_dir: str) -> Mapping[str, object]:
        """Remove a job's spool entry; gives stock's answer."""
        ...

    async def job_ended(self, jid: str, async_dir: str) -> None:
        """Return when the job has ended or does not exist; the host tells, nobody polls."""
        ...

    async def job_room(self, async_dir: str, most: int) -> None:
        """Return when fewer than *most* jobs run in the host's folder, whoever started them."""
        ...

    async def job_wait(
        self, jids: Sequence[str], async_dir: str, *, until: Until
    ) -> Sequence[Standing]:
        """Give how the jobs of one folder stand, in order, when all or any have ended.

        One question, however many they are: the host tells, nobody polls. A job that is not
        there counts as ended.
        """
        ...

    async def job_list(self, async_dir: str) -> Sequence[Mapping[str, object]]:
        """Give what the spool folder says of each job in it, stock's included."""
        ...

    async def job_cancel(
        self, jid: str, async_dir: str, *, grace: float | None
    ) -> Mapping[str, object]:
        """End a job with all it started, *grace* seconds after it was asked to end itself (None:
        those that it has asked for).

        Answers when it is over, with `state` (`cancelled`, or why it was not: `ended`, `running`,
        `unknown`), `msg` for a person, and the job's `status` as `job_status` gives it.
        """
        ...

    def job_logs(
        self, jid: str, async_dir: str, *, stream: str, offset: int, follow: bool
    ) -> AsyncGenerator[bytes, None]:
        """Give a job's output from a byte on, and what comes, when *follow*, until it has ended.

        *stream* is `stdout`, `stderr`, `both` as they came, or `tagged`: `both`, each piece behind
        one byte that says whose it is (1, 2), refused for a job under no_log. *offset* counts no
        such bytes. What is not yet taken waits on
        the host; who leaves early closes the generator. Raises `ActionFailed` when there is no
        such job or it has no output of its own.
        """
        ...

    async def job_prune(self, async_dir: str, *, older_than: float, keep: int) -> Sequence[str]:
        """Remove the records of jobs that ended *older_than* seconds ago, but the *keep* latest.

        Gives the ids of the removed. A job that runs is never touched.
        """
        ...
