"""outlast.jobs.wait: waiting for several jobs in one task.

Knows what the task gives and when it fails. Leaves which jobs are meant to `job_selection`,
and the waiting itself, through lost connections, to `jobs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from outlast.actions.argument_spec import Argument, Spec, boolean, seconds, text
from outlast.actions.job_asking import say_lost
from outlast.actions.job_selection import Chosen, Group, chosen, grouped, of_this_run
from outlast.actions.job_status import cause_of, note, registered_status, reported
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.errors import HostUnreachable
from outlast.job import RunJob
from outlast.jobs import MARGIN, Contact, Lot, Waited, wait_for
from outlast.outcome import Failed, Notice, Ok, Performed, Unreachable
from outlast.session import Standing

_SPEC = Spec(
    {
        "jobs": Argument(),
        "for": Argument(text, "str", default="all", choices=("all", "any")),
        "deadline": Argument(seconds, "float"),
        "fail": Argument(boolean, "bool", default=True),
    }
)


class Told(Struct, frozen=True):
    """What is known of one job when the waiting is over."""

    job: Chosen
    row: dict[str, object]
    why: str
    """Its own message, if it failed."""
    notices: tuple[Notice, ...] = ()

    @property
    def over(self) -> bool:
        """Tell whether it has ended."""
        return bool(self.row["finished"])

    @property
    def failed(self) -> bool:
        """Tell whether it has ended badly."""
        return bool(self.row["failed"])


async def wait(call: Call) -> Performed:
    """Wait until all of some jobs have ended, or any has."""
    args = _SPEC.check(call.args, call.written_as)
    wanted, deadline = args["jobs"], args["deadline"]
    jobs = of_this_run(call, told=False) if wanted is None else chosen(call, wanted)
    groups = await grouped(call, jobs) if jobs else []
    until: Literal["all", "any"] = "any" if args["for"] == "any" else "all"
    lots = [_lot(call, group) for group in groups]
    async with call.aside():
        patience = await _patience(jobs, lots, deadline if isinstance(deadline, float) else None)
        try:
            waited = await wait_for(lots, until=until, patience=patience)
        except HostUnreachable as error:
            for one in jobs:
                call.journal.learnt(one.jid, call.host, "unknown", error.message)
            raise
    told = [_told(call, one, waited.standings[one.jid]) for one in jobs]
    return Performed(_outcome(told, waited, patience, fail=bool(args["fail"])))


def _lot(call: Call, group: Group) -> Lot:
    contact = Contact(group.reopen, lambda why: say_lost(call, group.jids, why))
    return Lot(contact, group.async_dir, group.jids)


async def _patience(
    jobs: Sequence[Chosen], lots: Sequence[Lot], deadline: float | None
) -> float | None:
    """Give how long to wait: until the *deadline*, but not beyond all the jobs' limits.

    The limits of other runs' jobs are known on their hosts alone.
    """
    now = asyncio.get_running_loop().time()
    left = [one.job.begun + one.job.intent.limit - now for one in jobs if one.job]
    unlimited = any(one.job.intent.limit <= 0 for one in jobs if one.job)
    foreign = {one.jid for one in jobs if not one.job}
    for lot in lots:
        if foreign.isdisjoint(lot.jids):
            continue
        for standing in await lot.asked("now"):
            if standing.jid in foreign and not standing.status.get("finished"):
                left.append(standing.limit - standing.age)
                unlimited = unlimited or standing.limit <= 0
    most = None if unlimited or not left else max(0.0, *left) + MARGIN
    known = [time for time in (deadline, most) if time is not None]
    return min(known) if known else None


def _told(call: Call, one: Chosen, standing: Standing) -> Told:
    job = call.jobs.find(one.jid)
    if job is not None and job.told and cause_of(standing.status) == "unknown":
        standing = Standing(jid=one.jid, status=_taken(job), cause=job.cause)
    else:
        note(call, one.jid, standing.status)
    return _reported(call, one, standing)


def _taken(job: RunJob) -> dict[str, object]:
    """Give the status of a job whose result another task of this run has taken away."""
    return {
        "ansible_job_id": job.jid,
        "started": True,
        "finished": True,
        "failed": job.cause != "exited",
        "msg": f"it has ended ({job.cause}), and another task was given its result",
    }


def _reported(call: Call, one: Chosen, standing: Standing) -> Told:
    outcome = reported(call, standing.status)
    result = registered_status(call, standing.status)
    over = bool(outcome.payload.get("finished"))
    failed = over and isinstance(outcome, Failed | Unreachable)
    row: dict[str, object] = {
        "ansible_job_id": one.jid,
        "name": one.name,
        "task": one.task,
        "finished": over,
        "failed": failed,
        "cause": (standing.cause or cause_of(standing.status)) if over else "",
        "rc": outcome.payload.get("rc"),
        "result": result,
    }
    return Told(one, row, str(result.get("msg") or "it failed"), outcome.notices)


def _outcome(
    told: Sequence[Told], waited: Waited, patience: float | None, *, fail: bool
) -> Ok | Failed:
    running = [one for one in told if not one.over]
    failed = [one for one in told if one.failed]
    payload = {
        "jobs": [one.row for one in told],
        "ended_jobs": [one.job.jid for one in told if one.over],
        "running_jobs": [one.job.jid for one in running],
        "failed_jobs": [one.job.jid for one in failed],
        "timed_out": waited.timed_out,
    }
    complaints = _complaints(told, running if waited.timed_out else (), failed, patience)
    notices = tuple(dict.fromkeys(notice for one in told for notice in one.notices))
    if complaints and fail:
        failure = action_failed({**payload, "msg": " ".join(complaints)})
        return Failed(failure.payload, failure.why, notices=notices)
    return Ok({**payload, "msg": " ".join(complaints)} if complaints else payload, notices=notices)


def _complaints(
    told: Sequence[Told], running: Sequence[Told], failed: Sequence[Told], patience: float | None
) -> list[str]:
    """Say what is not as it should be, in whole sentences."""
    said = []
    if running:
        names = ", ".join(str(one.job) for one in running)
        after = f"after {round(patience or 0.0, 1):g} s"
        if len(told) == 1:
            said.append(f"Job {names} had not ended {after}.")
        else:
            said.append(f"{len(running)} of {len(told)} jobs had not ended {after}: {names}.")
    if failed:
        if len(told) == 1:
            said.append(f"Job {failed[0].job} failed: {failed[0].why.rstrip('.')}.")
        else:
            whys = "; ".join(f"{one.job}: {one.why.rstrip('.')}" for one in failed)
            said.append(f"{len(failed)} of {len(told)} jobs failed: {whys}.")
    return said
