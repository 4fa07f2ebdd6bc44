"""Background jobs, as a run sees them: named, followed to their end, found again."""

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
from outlast.jobs.tending import JobSummary, cancel, list_jobs, logs, prune

__all__ = [
    "MARGIN",
    "Ended",
    "JobEnd",
    "JobSummary",
    "OutOfReach",
    "StillRuns",
    "cancel",
    "follow",
    "list_jobs",
    "logs",
    "new_jid",
    "prune",
    "until_ended",
]
