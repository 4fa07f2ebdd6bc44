"""outlast.jobs.cancel and outlast.jobs.info: ending jobs, and telling what there is.

Knows what the tasks give and when they fail. Leaves which jobs are meant to `job_selection`,
ending one to its supervisor, and what is known of one to its host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict, replace

from outlast.actions.argument_spec import Argument, Spec, boolean, seconds
from outlast.actions.job_selection import Chosen, Group, chosen, grouped, of_this_run
from outlast.actions.job_status import cause_of, note, registered_status
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.errors import ActionFailed, HostUnreachable, Refused
from outlast.jobs import JobSummary, list_jobs
from outlast.jobs import cancel as cancel_job
from outlast.outcome import Ok, Performed
from outlast.session import Standing

_LONGEST_GRACE = 3600.0
_TO_BE = "to_be_cancelled"
"""The state of a job that check mode has left alone."""

# -- ending ---------------------------------------------------------------------------------


def _grace(value: object) -> float:
    grace = seconds(value)
    if grace > _LONGEST_GRACE:
        raise ValueError(f"it is more than {_LONGEST_GRACE:g} seconds")
    return grace


_CANCEL = Spec(
    {
        "jobs": Argument(),
        "all": Argument(boolean, "bool", default=False),
        "grace": Argument(_grace, "float", default=2.0),
    }
)


class _End(Struct, frozen=True):
    """What became of a job that was to be ended."""

    job: Chosen
    state: str
    msg: str
    status: Mapping[str, object]


async def cancel(call: Call) -> Performed:
    """End jobs with all they have started; in check mode, tell which would be ended."""
    args = _CANCEL.check(call.args, call.written_as)
    wanted, grace = args["jobs"], args["grace"]
    if (wanted is None) == (not args["all"]):
        told = "one of" if wanted is None else "only one of"
        raise Refused(f"Say which jobs: {told} 'jobs' and 'all: true' is needed.")
    jobs = of_this_run(call, told=False) if wanted is None else chosen(call, wanted)
    ends = await _ended(call, jobs, grace if isinstance(grace, float) else 0.0)
    changed = any(end.state in ("cancelled", _TO_BE) for end in ends)
    payload: dict[str, object] = {"jobs": [_row(call, end) for end in ends]}
    bad = [f"{end.job}: {end.msg}" for end in ends if end.state in ("running", "unknown")]
    if bad:
        failure = action_failed({**payload, "msg": " ".join(bad)})
        return Performed(replace(failure, changed=changed))
    return Performed(Ok(payload, changed=changed))


async def _ended(call: Call, jobs: Sequence[Chosen], grace: float) -> list[_End]:
    groups = await grouped(call, jobs) if jobs else []
    if call.check_mode:
        ends = [end for group in groups for end in await _foretold(group)]
    else:
        async with call.aside():
            ends = await _all_ended(groups, grace)
        for end in ends:
            note(call, end.job.jid, end.status)
    by_jid = {end.job.jid: end for end in ends}
    return [by_jid[one.jid] for one in jobs]


async def _all_ended(groups: Sequence[Group], grace: float) -> list[_End]:
    try:
        async with asyncio.TaskGroup() as tasks:
            ending = [
                tasks.create_task(_end(group, one, grace))
                for group in groups
                for one in group.members
            ]
    except* (HostUnreachable, ActionFailed) as several:
        raise several.exceptions[0] from None
    return [task.result() for task in ending]


async def _end(group: Group, one: Chosen, grace: float) -> _End:
    session = await group.reopen()
    answer = await cancel_job(session, one.jid, group.async_dir, grace=grace)
    status = answer["status"]
    assert isinstance(status, Mapping)  # noqa: S101  # that is what the agent says
    return _End(one, str(answer["state"]), str(answer["msg"]), status)


async def _foretold(group: Group) -> list[_End]:
    """Give what ending the jobs would come to."""
    session = await group.reopen()
    standings = await session.job_wait(group.jids, group.async_dir, until="now")
    return [_prediction(*both) for both in zip(group.members, standings, strict=True)]


def _prediction(one: Chosen, standing: Standing) -> _End:
    cause = cause_of(standing.status)
    if cause == "unknown":
        return _End(one, "unknown", str(standing.status["msg"]), standing.status)
    if cause:
        return _End(one, "ended", "The job has ended already.", standing.status)
    return _End(one, _TO_BE, "The job would be cancelled.", standing.status)


def _row(call: Call, end: _End) -> dict[str, object]:
    return {
        **_known(end.job),
        "state": end.state,
        "msg": end.msg,
        "result": registered_status(call, end.status),
    }


def _known(one: Chosen) -> dict[str, object]:
    return {"ansible_job_id": one.jid, "name": one.name, "task": one.task}


# -- telling --------------------------------------------------------------------------------

_INFO = Spec({"jobs": Argument(), "results": Argument(boolean, "bool", default=False)})


async def info(call: Call) -> Performed:
    """Tell what is known of some jobs, or of all in the folder."""
    args = _INFO.check(call.args, call.written_as)
    wanted = args["jobs"]
    if wanted is None:
        jobs = []
        groups = [Group(call.session, call.async_dir)]
    else:
        jobs = chosen(call, wanted)
        groups = await grouped(call, jobs) if jobs else []
    rows: dict[str, dict[str, object]] = {}
    for group in groups:
        rows |= await _seen(call, group, with_results=bool(args["results"]))
    in_order = [rows[one.jid] for one in jobs] if jobs else list(rows.values())
    return Performed(Ok({"jobs": in_order}))


async def _seen(call: Call, group: Group, *, with_results: bool) -> dict[str, dict[str, object]]:
    session = await group.reopen()
    there = {one.jid: one for one in await list_jobs(session, group.async_dir)}
    members = group.members or [Chosen(jid, call.jobs.find(jid)) for jid in there]
    rows = {one.jid: _told(one, there.get(one.jid)) for one in members}
    ended = [jid for jid, row in rows.items() if row["state"] == "ended"]
    if with_results and ended:
        for standing in await session.job_wait(ended, group.async_dir, until="now"):
            rows[standing.jid]["result"] = registered_status(call, standing.status)
    return rows


def _told(one: Chosen, seen: JobSummary | None) -> dict[str, object]:
    if seen is None:
        return {**_known(one), "state": "unknown"}
    told = asdict(seen)
    del told["jid"]
    task, name = told.pop("name"), told.pop("label")
    return {**told, **_known(one), "task": one.task or task, "name": one.name or name}
