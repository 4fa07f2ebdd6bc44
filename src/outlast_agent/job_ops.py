"""Ops about background jobs: start one, look at it, be told of its end, clean up after it.

Knows how a request becomes an answer, now or when a job ends. Leaves starting to `launching`,
what to start to `job_orders`, waiting to `job_watch`, what the spool says to `job_status`, and
what it may keep to `sweeping`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from outlast_agent import admission, job_cancel, job_names, job_status, spool
from outlast_agent.agent import Agent
from outlast_agent.job_orders import carrier_of, forget_files, order_for
from outlast_agent.job_watch import Watch, entry_of
from outlast_agent.launching import Launcher
from outlast_agent.request import Refused, Request
from outlast_agent.supervisor import GRACE
from outlast_agent.sweeping import Sweeper


def start(agent: Agent, request: Request) -> None:
    """Op `job.start`: answered with stock's start result once the job is recorded.

    A job that has the name already and is the same is answered instead, as `attached`. When as
    many jobs run as may, the answer is `full`, and nothing was started. A job whose start is
    withdrawn before that is ended: nobody would know that it runs.
    """
    order, keep = order_for(agent, request), _keep(request)
    folder = str(order["folder"])
    withdrawn: list[bool] = []
    request.on_cancel = lambda: withdrawn.append(True)

    launcher = agent.lasting(Launcher, lambda: _launcher(agent))

    def answer(refusal: str, jid: str, results_file: str) -> None:
        forget_files(agent, request)
        entry = spool.Entry(folder, jid)
        ours = jid.rpartition(".")[0] == order["jid"]
        if withdrawn:
            if ours:
                _end(entry)
            request.cancelled()
        elif refusal == admission.FULL:
            request.reply({"full": True})
        elif refusal == admission.TAKEN:
            request.fail(job_names.conflict(entry, str(order["label"])))
        elif refusal:
            request.fail(refusal)
        else:
            request.reply(
                {
                    "ansible_job_id": jid,
                    "started": True,
                    "finished": False,
                    "results_file": results_file,
                    **({} if ours else job_names.attached(entry)),
                    **({"warnings": [launcher.warning]} if launcher.warning and ours else {}),
                }
            )
            if keep is not None:
                agent.lasting(Sweeper, lambda: Sweeper(agent.loop)).consider(folder, keep)

    launcher.launch(order, answer)


def _keep(request: Request) -> Mapping[str, float] | None:
    """Give what the folder may keep of ended jobs; None: nobody has said."""
    keep = request.body.get("keep")
    if keep is None:
        return None
    names = ("days", "jobs", "bytes", "age")
    if not isinstance(keep, dict) or not all(isinstance(keep.get(n), (int, float)) for n in names):
        raise Refused("what is kept is said by the numbers %s" % ", ".join(names))
    return keep


def _end(entry: spool.Entry) -> None:
    """Ask the supervisor of a job that was just started, if it still lives, to end it."""
    pid = job_status.supervisor_pid(entry)
    if pid:
        with contextlib.suppress(Refused):
            job_cancel.ask(entry, pid, GRACE)


def _launcher(agent: Agent) -> Launcher:
    launcher = Launcher(agent.loop, carrier_of(agent))
    agent.when_closing(launcher.close)
    return launcher


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
