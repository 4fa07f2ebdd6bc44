"""What can be asked of an agent, and the function that answers it.

A module is imported when it is first asked for: an agent that runs only commands never pays
for the rest. Leaves how an op is written to `wire`, and calling it to `agent`.
"""

from __future__ import annotations

OPS = {
    "alive": "runs:alive",
    "parcel": "runs:receive",
    "run": "runs:run",
    "become": "identity:become",
    "file.inspect": "files:inspect",
    "file.read": "files:read",
    "file.store": "files:store",
    "file.discard": "files:discard",
    "job.start": "jobs.start:start",
    "job.status": "jobs.one:status",
    "job.cleanup": "jobs.one:cleanup",
    "job.ended": "jobs.one:ended",
    "job.room": "jobs.room:room",
    "job.wait": "jobs.wait:wait",
    "job.list": "jobs.listing:listed",
    "job.prune": "jobs.listing:prune",
    "job.cancel": "jobs.cancel:cancel",
    "job.logs": "jobs.logs:logs",
}
"""Op to module and function of this package."""
