"""async_status, and waiting for the job of a polled task.

Knows which keys stock adds to a job's own result. Leaves watching to `jobs` and to the
host: nobody here asks twice to learn that a job has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from outlast.actions.argument_spec import Argument, Spec, text
from outlast.actions.saying import action_failed
from outlast.call import Call, Session
from outlast.content.answers import judge_payload
from outlast.errors import HostUnreachable
from outlast.jobs import Ended, OutOfReach, StillRuns, follow
from outlast.outcome import Detached, Outcome, Performed, Warned

_SPEC = Spec(
    {
        "jid": Argument(text, "str", required=True),
        "mode": Argument(text, "str", default="status", choices=("status", "cleanup")),
    }
)


async def async_status(call: Call) -> Performed:
    """Tell how a background job stands, or remove what it left behind."""
    args = _SPEC.check(call.args, call.written_as)
    jid = str(args["jid"])
    session = await call.session()
    if args["mode"] == "cleanup":
        return Performed(reported(call, await session.job_cleanup(jid, call.async_dir)))
    status = await session.job_status(jid, call.async_dir)
    outcome = reported(call, status)
    if outcome.payload.get("finished"):
        return Performed(outcome)
    return Performed(outcome, news=lambda: _ended(session, jid, call.async_dir))


async def _ended(session: Session, jid: str, async_dir: str) -> None:
    """Return when asking again is worth it: the job has ended, or the host is gone."""
    try:
        await session.job_ended(jid, async_dir)
    except HostUnreachable:
        return


async def settle(
    call: Call, job: Detached, *, poll: float, on_poll: Callable[[], None]
) -> Performed:
    """Wait for the job of a polled task and judge its result.

    Raises `HostUnreachable` when the host was away until the waiting was over.
    """
    lost: list[str] = []
    end = await follow(
        await call.session(),
        job.jid,
        call.async_dir,
        poll=poll,
        limit=call.limit,
        on_poll=on_poll,
        reopen=call.session,
        on_lost=lost.append,
    )
    match end:
        case Ended(payload):
            outcome = reported(call, {**payload, "results_file": job.results_file})
        case StillRuns(payload):
            outcome = _overdue(call, payload)
        case OutOfReach(why):
            raise HostUnreachable(why)
    for why in lost:
        said = f"The connection to {call.host} was lost while job {job.jid} ran, and opened again: "
        outcome = replace(outcome, notices=(*outcome.notices, Warned(said + why)))
    return Performed(outcome)


def reported(call: Call, status: Mapping[str, object]) -> Outcome:
    """Give the outcome of a status: the job's own result, with what stock adds to it."""
    told = {"stdout": "", "stderr": "", "started": False, "finished": False} | dict(status)
    for key in ("started", "finished"):
        told[key] = bool(told[key])
    return judge_payload(told)


def _overdue(call: Call, status: Mapping[str, object]) -> Outcome:
    limit = int(call.limit) if call.limit == int(call.limit) else call.limit
    last = reported(call, status).payload
    msg = f"async task did not complete within the requested time - {limit}s"
    return action_failed({"msg": msg, "async_result": dict(last)})
