"""Background jobs, as a run sees them: named, followed to their end, found again."""

from outlast.jobs.following import (
    MARGIN,
    Ended,
    JobEnd,
    OutOfReach,
    StillRuns,
    follow,
    new_jid,
)

__all__ = ["MARGIN", "Ended", "JobEnd", "OutOfReach", "StillRuns", "follow", "new_jid"]
