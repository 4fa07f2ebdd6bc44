"""async_status, and waiting for the job of a polled task.

Knows which keys stock adds to a job's own result. Leaves watching to `jobs` and to the
host: nobody here asks twice to learn that a job has ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from outlast.actions.argument_spec import Argument, Spec, text
from outlast.actions.done_here import OF_GROWTH, with_job
from outlast.actions.job_asking import Asking, say_lost
from outlast.actions.job_places import elsewhere
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.content.answers import judge_payload
from outlast.errors import HostUnreachable
from outlast.jobs import Ended, Hearing, JobEnd, OutOfReach, StillRuns, follow
from outlast.outcome import Detached, Outcome, Performed, registered

_SPEC = Spec(
    {
        "jid": Argument(text, "str", required=True),
        "mode": Argument(text, "str", default="status", choices=("status", "cleanup")),
    }
)


_STEP = 5
"""Seconds between the looks of stock's watcher."""
_NOT_FOUND = "could not find job"
"""What the host says of a job that was never there, or was removed."""


async def async_status(call: Call) -> Performed:
    """Tell how a background job stands, or remove what it left behind."""
    args = _SPEC.check(call.args, call.written_as)
    jid = str(args["jid"])
    if args["mode"] == "cleanup":
        session = await call.session()
        return Performed(reported(call, await session.job_cleanup(jid, call.async_dir)))
    asking = Asking.of(call, jid)
    hearing = _hearing(call, jid)
    status = await asking.status(call)
    outcome = reported(call, status)
    if cause_of(status) != "unknown" or not await _is_elsewhere(call, jid):
        note(call, jid, status)
    if outcome.payload.get("finished"):
        if hearing is not None:
            await asking.heard_out(hearing)
        return Performed(outcome)
    return Performed(outcome, news=lambda: asking.ended(call, hearing))


def _hearing(call: Call, jid: str) -> Hearing | None:
    """Give who is to hear the job while it is waited for, if anybody is."""
    if call.hear is None or call.voices is None:
        return None
    return Hearing(jid, call.async_dir, call.voices.of(call.host, jid), call.hear)


async def _is_elsewhere(call: Call, jid: str) -> bool:
    """Say where a job is that was not found, if this run knows; tells whether it does."""
    job = call.jobs.find(jid)
    if job is None:
        return False
    address = (await call.session()).address
    told = elsewhere(job, call.host, call.async_dir, address)
    if told:
        call.warn(told)
    return bool(told)


async def settle(
    call: Call, job: Detached, *, poll: float, on_poll: Callable[[], None]
) -> Performed:
    """Wait for the job of a polled task and judge its result.

    Raises `HostUnreachable` when the host was away until the waiting was over.
    """

    def lost(why: str) -> None:
        if call.job.reboots:
            call.say(f"ASYNC WAIT on {call.host}: its connection has ended, as a restart's does")
        else:
            say_lost(call, [job.jid], why)

    async def keep(result: Mapping[str, object]) -> bool:
        if _seen_too_early(call.limit, poll, result) or result.get("outlast_left_out"):
            return True
        if not call.no_log:
            await call.journal.keep(job.jid, result)
        return False

    end = await follow(
        await call.session(),
        job.jid,
        call.async_dir,
        poll=poll,
        limit=call.limit + call.job.grace if call.limit > 0 else call.limit,
        on_poll=on_poll,
        reopen=call.session,
        on_lost=lost,
        hearing=_hearing(call, job.jid),
        keep=keep,
    )
    return Performed(_outcome(call, job, end, poll))


def _outcome(call: Call, job: Detached, end: JobEnd, poll: float) -> Outcome:
    """Give what a task came to whose job was followed to *end*, and note it."""
    match end:
        case Ended(payload) if _seen_too_early(call.limit, poll, payload):
            note(call, job.jid, payload)
            said = {name: payload[name] for name in ("stdout", "stderr") if name in payload}
            return _overdue(call, {**job.payload, **said})
        case Ended(payload) if job.known is not None:
            note(call, job.jid, payload)
            return with_job(job.known, {**job.payload, "finished": True})
        case Ended(payload) if call.job.name and cause_of(payload) == "unknown":
            note(call, job.jid, payload)
            return reported(call, {**payload, "msg": _taken_away(call, job)})
        case Ended(payload):
            note(call, job.jid, payload)
            if payload.get("outlast_left_out"):
                call.warn(
                    f"The output of job {job.jid} was too much for its result. All of it is still "
                    f"on {call.host}: outlast jobs logs {job.jid}"
                )
            return reported(call, {**payload, "results_file": job.results_file})
        case StillRuns(payload):
            call.journal.learnt(job.jid, call.host, "running", "beyond its limit")
            return _overdue(call, payload)
        case OutOfReach(why):
            call.journal.learnt(job.jid, call.host, "presumed", why)
            raise HostUnreachable(why)


def _seen_too_early(limit: float, poll: float, result: Mapping[str, object]) -> bool:
    """Tell whether stock's last look at this job would have come before its end.

    Stock looks at multiples of *poll* and gives up with the first that reaches the limit; its
    watcher ends a job at the limit only up to 5 s, else at the next multiple of 5. In between
    it says something else than `Timeout exceeded`, and leaves the job's file where it is. Ours
    has ended by then; what a playbook sees is the same.
    """
    if not _out_of_time(result) or poll == math.inf:
        return False
    last_look = math.ceil(limit / poll) * poll
    return limit > _STEP and last_look < math.ceil(limit / _STEP) * _STEP


def _out_of_time(result: Mapping[str, object]) -> bool:
    """Tell whether these are stock's words for a job that its limit has ended."""
    return result.get("msg") == "Timeout exceeded" and "child_pid" in result


def note(call: Call, jid: str, status: Mapping[str, object]) -> None:
    """Note what the host said; of the result only how it ended, which is no secret."""
    if not status.get("finished"):
        call.journal.learnt(jid, call.host, "running", "")
        return
    cause = cause_of(status)
    if cause == "unknown":
        call.journal.learnt(jid, call.host, "unknown", _NOT_FOUND)
    else:
        rc = status.get("rc")
        known = rc if isinstance(rc, int) and not isinstance(rc, bool) else None
        call.journal.learnt(jid, call.host, "joined", cause, known)


def cause_of(status: Mapping[str, object]) -> str:
    """Give why a job has ended, as far as its result tells; empty: it runs."""
    if not status.get("finished"):
        return ""
    if status.get("failed") and status.get("msg") == _NOT_FOUND:
        return "unknown"
    if _out_of_time(status):
        return "limit"
    return str(status.get("outlast_cause") or ("failed" if status.get("failed") else "exited"))


def _taken_away(call: Call, job: Detached) -> str:
    return (
        f"Job {job.jid} is over, but its result is gone: somebody else who waited for the job named"
        f" {call.job.name!r} has taken it away. With poll: 0 and async_status it stays until it is"
        " cleaned up."
    )


def reported(call: Call, status: Mapping[str, object]) -> Outcome:
    """Give the outcome of a status: the job's own result, with what stock adds to it."""
    told = {"stdout": "", "stderr": "", "started": False, "finished": False} | dict(status)
    for key in ("started", "finished"):
        told[key] = bool(told[key])
    own = {}
    if told.pop(OF_GROWTH, False):
        own = {key: told.pop(key) for key in ("add_host", "add_group") if key in told}
    outcome = judge_payload(told)
    return replace(outcome, payload={**outcome.payload, **own}) if own else outcome


def registered_status(call: Call, status: Mapping[str, object]) -> dict[str, object]:
    """Give a status as async_status would have it registered."""
    told = registered(reported(call, status))
    told.pop("invocation", None)  # as the engine does
    return told


def _overdue(call: Call, status: Mapping[str, object]) -> Outcome:
    limit = int(call.limit) if call.limit == int(call.limit) else call.limit
    last = reported(call, status).payload
    msg = f"async task did not complete within the requested time - {limit}s"
    return action_failed({"msg": msg, "async_result": dict(last)})
