"""Asking for one job again and again, through connections that break.

Knows how long a task that asks with `until` waits for its host: until the job must be over, and
as long as it would ask anyway. Leaves connecting again to `jobs`, and what an answer means to
`job_status`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from outlast.call import Call
from outlast.errors import HostUnreachable
from outlast.jobs import MARGIN, Contact, Hearing

_KEY = "asking"


def say_lost(call: Call, jids: Sequence[str], why: str) -> None:
    """Warn that the connection broke, and that the jobs did not."""
    several = len(jids) > 1
    what = f"{len(jids)} jobs run" if several else f"job {jids[0]} runs"
    goes, is_found = ("they go", "are found") if several else ("it goes", "is found")
    call.warn(
        f"The connection to {call.host} was lost while {what}; {goes} on there, and {is_found} "
        f"again when the host is: {why}"
    )


class Asking:
    """What a task that asks for a job keeps from one attempt to the next."""

    def __init__(self, call: Call, jid: str) -> None:
        self._jid = jid
        self._contact = Contact(call.session, lambda why: say_lost(call, [jid], why))
        self._until = self._last_hope(call)

    @classmethod
    def of(cls, call: Call, jid: str) -> Asking:
        """Give that of this task, made with its first attempt."""
        kept = call.memory.get(_KEY)
        if not isinstance(kept, Asking):
            kept = call.memory[_KEY] = cls(call, jid)
        return kept

    def _last_hope(self, call: Call) -> float:
        """Give the loop's time until which a host that is away is worth waiting for."""
        now = asyncio.get_running_loop().time()
        job = call.jobs.find(self._jid)
        over = job.begun + job.intent.limit + MARGIN if job else now
        return max(now + call.patience, over)

    async def status(self, call: Call) -> Mapping[str, object]:
        """Give how the job stands.

        A task that asks once, or a host that this run has never reached: as any other task, it
        raises `HostUnreachable` at once.
        """
        reached = self._contact.reached or call.jobs.find(self._jid) is not None
        until = self._until if call.patience and reached else 0.0
        try:
            return await self._contact.asked(
                lambda session: session.job_status(self._jid, call.async_dir),
                until=until,
                aside=call.aside,
            )
        except HostUnreachable as error:
            if reached:
                call.journal.learnt(self._jid, call.host, "unknown", error.message)
            raise

    async def ended(self, call: Call, hearing: Hearing | None) -> None:
        """Return when asking again is worth it: the job has ended, or its host stays away.

        Meanwhile *hearing* is told what the job says.
        """
        try:
            if hearing is not None:
                await self._contact.asked(hearing.listen, until=self._until)
            await self._contact.asked(
                lambda session: session.job_ended(self._jid, call.async_dir), until=self._until
            )
        except HostUnreachable:
            return

    async def heard_out(self, hearing: Hearing) -> None:
        """Have *hearing* told what an ended job has said, as far as its host can be reached."""
        with contextlib.suppress(HostUnreachable):
            await self._contact.once(lambda session: hearing.listen(session, follow=False))
