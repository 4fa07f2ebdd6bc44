"""Background jobs, as a run sees them: named, followed to their end, found again."""

from outlast.jobs.contact import Contact, Reopen
from outlast.jobs.following import (
    MARGIN,
    Ended,
    JobEnd,
    OutOfReach,
    StillRuns,
    follow,
    new_jid,
    until_ended,
)
from outlast.jobs.speaking import Hearing
from outlast.jobs.tending import JobSummary, cancel, list_jobs, logs, prune
from outlast.jobs.waiting import Lot, Waited, wait_for

__all__ = [
    "MARGIN",
    "Contact",
    "Ended",
    "Hearing",
    "JobEnd",
    "JobSummary",
    "Lot",
    "OutOfReach",
    "Reopen",
    "StillRuns",
    "Waited",
    "cancel",
    "follow",
    "list_jobs",
    "logs",
    "new_jid",
    "prune",
    "until_ended",
    "wait_for",
]
