"""Op `job.cancel`: have a job ended by the one process that knows all of it.

Knows that a supervisor ends its job when it is asked to, and how it is told of the patience it
is to have. Leaves the ending to `supervision`, and what became of it to `status`.
"""

from __future__ import annotations

import os
import signal

from outlast_agent import spool
from outlast_agent.agent import Agent
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs.watch import Watch, entry_of
from outlast_agent.request import Refused, Request
from outlast_agent.supervision import restart
from outlast_agent.supervision.supervisor import GIVE_UP, GRACE

_MARGIN = 5.0
"""Seconds for the end to be recorded, beyond those in which it must have come."""
_LONGEST_GRACE = 3600.0


def cancel(agent: Agent, request: Request) -> None:
    """Op `job.cancel`: answered when the job is over, or cannot be ended."""
    entry = entry_of(request)
    grace = _own_grace(entry) if request.body.get("grace") is None else request.number("grace")
    if not 0 <= grace <= _LONGEST_GRACE:
        raise Refused(
            "a job can be given 0 to %d s to end itself, not %g" % (_LONGEST_GRACE, grace)
        )
    supervisor = 0 if "/" in entry.jid else job_status.supervisor_pid(entry)
    if not supervisor:
        request.reply(_not_ended(entry))
        return
    ask(entry, supervisor, grace)
    watch = Watch(
        agent.loop,
        entry,
        lambda: not job_status.supervisor_pid(entry),
        lambda: request.reply(_over(entry)),
    )

    def give_up() -> None:
        watch.stop()
        request.reply(_not_ended(entry))

    def withdrawn() -> None:
        watch.stop()
        request.cancelled()  # the job ends all the same

    timer = agent.loop.call_later(grace + GIVE_UP + _MARGIN, give_up)
    request.before_answer = timer.cancel
    request.on_cancel = withdrawn
    watch.look()


def _own_grace(entry: spool.Entry) -> float:
    job = {} if "/" in entry.jid else job_status.record(entry, "job.json") or {}
    grace = job.get("grace")
    return float(grace) if isinstance(grace, (int, float)) else GRACE


def ask(entry: spool.Entry, supervisor: int, grace: float) -> None:
    """Ask the supervisor to end its job: first how, then that; raises `Refused`."""
    try:
        spool.put(entry.path("grace"), "%r\n" % float(grace))
        os.kill(supervisor, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it ended just now
    except OSError as error:
        raise Refused("Job %s cannot be cancelled: %s." % (entry.jid, error.strerror)) from error


def _over(entry: spool.Entry) -> dict[str, object]:
    status = job_status.status(entry)
    end = job_status.record(entry, "end.json") or {}
    if end.get("cause") != "cancelled":
        said = "The job had ended before it could be cancelled."
        return {"state": "ended", "msg": said, "status": status}
    left = end.get("survivors")
    said = "The job was cancelled."
    if left:
        said = "The job was cancelled, but %s of its processes could not be ended." % left
    return {"state": "cancelled", "msg": said, "status": status}


def _not_ended(entry: spool.Entry) -> dict[str, object]:
    status = job_status.status(entry)
    state = job_status.look(entry)
    if isinstance(state, job_status.Unknown):
        return {"state": "unknown", "msg": "could not find job", "status": status}
    if isinstance(state, job_status.Finished):
        return {"state": "ended", "msg": "The job has ended already.", "status": status}
    if os.path.exists(entry.path(restart.LEAVING)):
        said = (
            "The job's host is going down, as the job has wanted; it cannot be cancelled any more."
        )
    elif job_status.record(entry, "job.json") is None:
        said = "The job was started by Ansible itself, which keeps no record of its processes."
    else:
        said = "The job has been asked to end, but has not ended yet."
    return {"state": "running", "msg": said, "status": status}
