"""Ops about one background job: look at it, be told of its end, clean up after it.

Knows how a request becomes an answer, now or when a job ends. Leaves starting to `start`,
waiting to `watch`, and what the spool says to `status`.
"""

from __future__ import annotations

from outlast_agent.agent import Agent
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs.watch import Watch, entry_of
from outlast_agent.request import Request


def status(_agent: Agent, request: Request) -> None:
    """Op `job.status`: what stock's async_status would say, and where the result lies."""
    request.reply(job_status.status(entry_of(request)))


def cleanup(_agent: Agent, request: Request) -> None:
    """Op `job.cleanup`: forget a job; one that runs goes on."""
    request.reply(job_status.cleanup(entry_of(request)))


def ended(agent: Agent, request: Request) -> None:
    """Op `job.ended`: answered when the job has ended, is lost, or is not there at all."""
    entry = entry_of(request)

    def over() -> bool:
        return not isinstance(job_status.look(entry), job_status.Unfinished)

    watch = Watch(agent.loop, entry, over, request.reply)

    def cancel() -> None:
        watch.stop()
        request.cancelled()

    request.on_cancel = cancel
    watch.look()
