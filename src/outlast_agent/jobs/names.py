"""What is said of a job whose name is asked for again.

Knows the sentences. Leaves whose a name is to `supervision.admission`, which decides it while
nobody else can, and what is known of a job to `summary`.
"""

from __future__ import annotations

import time

from outlast_agent import spool
from outlast_agent.jobs import summary as job_summary


def attached(entry: spool.Entry) -> dict[str, object]:
    """Give what a start adds to its answer when the job is there already."""
    known = job_summary.summary(entry) or {}
    return {"attached": True, "age": known.get("age", 0.0)}


def conflict(entry: spool.Entry, name: str) -> str:
    """Say that a name belongs to a job that runs something else, and what can be done."""
    known = job_summary.summary(entry) or {}
    started = known.get("started")
    since = ""
    if isinstance(started, (int, float)):
        since = ", which was started at %s" % time.strftime("%F %T", time.localtime(started))
    if known.get("state") == "running":
        stands = " and still runs"
        todo = "Wait for it, or end it (outlast jobs cancel %s)" % entry.jid
    else:
        stands = " and has ended (%s)" % known.get("cause", "unknown")
        todo = "Clear it away (async_status with jid=%s and mode=cleanup)" % entry.jid
    return (
        "The name %r belongs to job %s%s%s; it runs something else than this task. %s, or name"
        " this task's job differently." % (name, entry.jid, since, stands, todo)
    )
