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
    "job.start": "job_start:start",
    "job.status": "job_ops:status",
    "job.cleanup": "job_ops:cleanup",
    "job.ended": "job_ops:ended",
    "job.room": "job_room:room",
    "job.wait": "job_wait:wait",
    "job.list": "job_list:listed",
    "job.prune": "job_list:prune",
    "job.cancel": "job_cancel:cancel",
    "job.logs": "job_logs:logs",
}
"""Op to module and function of this package."""
