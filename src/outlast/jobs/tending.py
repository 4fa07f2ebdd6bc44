"""The jobs of one host, whoever started them: seen, read, ended, cleared away.

Knows the form in which a host tells of its jobs. Leaves finding them out to the agent, which
alone can tell a living job from a lost one, and showing them to whoever asked.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

import msgspec
from msgspec import Struct

from outlast.session import Session


class JobSummary(Struct, frozen=True, kw_only=True):
    """What a host knows of one job."""

    jid: str
    name: str = ""
    """The task's name; empty under no_log, and for a job that stock Ansible started."""
    label: str = ""
    """`outlast_job`: the name by which there is one such job at a time."""
    state: str
    """`running` or `ended`."""
    cause: str = ""
    """Why it ended: `exited`, `failed`, `signalled`, `limit`, `idle`, `cancelled`,
    `out_of_memory` or `lost`; empty while it runs."""
    started: float = 0.0
    """Seconds since the epoch, by the host's clock."""
    ended: float | None = None
    limit: float = 0.0
    rc: int | None = None
    user: str = ""
    last_line: str = ""
    """The last of its output, cut, without control characters."""
    output_bytes: int = 0


async def list_jobs(session: Session, async_dir: str) -> list[JobSummary]:
    """Give every job in the host's folder, the oldest first."""
    return msgspec.convert(await session.job_list(async_dir), list[JobSummary])


async def cancel(
    session: Session, jid: str, async_dir: str, *, grace: float | None = None
) -> Mapping[str, object]:
    """End a job with all it started; see `Session.job_cancel` for the answer."""
    return await session.job_cancel(jid, async_dir, grace=grace)


def logs(  # which output, and from where on
    session: Session,
    jid: str,
    async_dir: str,
    *,
    stream: str = "both",
    offset: int = 0,
    follow: bool = False,
) -> AsyncGenerator[bytes, None]:
    """Give a job's output; see `Session.job_logs`.

    Who has taken n bytes when the connection breaks goes on with *offset* + n: each byte has
    one place, in `both` too.
    """
    return session.job_logs(jid, async_dir, stream=stream, offset=offset, follow=follow)


async def prune(session: Session, async_dir: str, *, older_than: float, keep: int) -> list[str]:
    """Remove the records of jobs that ended *older_than* seconds ago, but the *keep* latest."""
    return list(await session.job_prune(async_dir, older_than=older_than, keep=keep))
