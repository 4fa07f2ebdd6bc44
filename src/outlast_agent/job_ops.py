"""Ops about background jobs: start one, look at it, be told of its end, clean up after it.

Knows how a request becomes an answer, now or when a job ends. Leaves starting to `launching`,
what to start to `job_orders`, and what the spool says to `job_status`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from outlast_agent import job_status, spool
from outlast_agent.agent import Agent
from outlast_agent.job_orders import carrier_of, order_for
from outlast_agent.launching import Launcher
from outlast_agent.request import Request

_LOOK_AGAIN = 0.25
"""Seconds between two looks at a supervisor where the kernel cannot tell that it has ended."""


def start(agent: Agent, request: Request) -> None:
    """Op `job.start`: answered with stock's start result once the job is recorded.

    A job whose start is withdrawn before that is ended: nobody would know that it runs.
    """
    order = order_for(agent, request)
    withdrawn: list[bool] = []
    request.on_cancel = lambda: withdrawn.append(True)

    def answer(refusal: str, jid: str, results_file: str) -> None:
        if withdrawn:
            _end(jid)
            request.cancelled()
        elif refusal:
            request.fail(refusal)
        else:
            request.reply(
                {
                    "ansible_job_id": jid,
                    "started": True,
                    "finished": False,
                    "results_file": results_file,
                }
            )

    agent.lasting(Launcher, lambda: _launcher(agent)).launch(order, answer)


def _end(jid: str) -> None:
    """Ask the supervisor of a job that was just started, if it was, to end it."""
    pid = jid.rpartition(".")[2]
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)


def _launcher(agent: Agent) -> Launcher:
    launcher = Launcher(agent.loop, carrier_of(agent))
    agent.when_closing(launcher.close)
    return launcher


def status(_agent: Agent, request: Request) -> None:
    """Op `job.status`: what stock's async_status would say, and where the result lies."""
    request.reply(job_status.status(_entry(request)))


def cleanup(_agent: Agent, request: Request) -> None:
    """Op `job.cleanup`: forget a job; one that runs goes on."""
    request.reply(job_status.cleanup(_entry(request)))


def ended(agent: Agent, request: Request) -> None:
    """Op `job.ended`: answered when the job has ended, is lost, or is not there at all."""
    entry = _entry(request)
    watch = _Watch(agent, entry, request.reply)

    def cancel() -> None:
        watch.stop()
        request.cancelled()

    request.on_cancel = cancel
    watch.look()


def _entry(request: Request) -> spool.Entry:
    return spool.Entry(spool.expand(request.text("async_dir")), request.text("jid"))


class _Watch:
    """Waits for the end of one job's supervisor."""

    def __init__(self, agent: Agent, entry: spool.Entry, over: Callable[[], None]) -> None:
        self._loop = agent.loop
        self._entry = entry
        self._over = over
        self._fd = -1
        self._stopped = False

    def look(self) -> None:
        """Tell when it is over; else have us called again when that may have changed."""
        if self._stopped:
            return
        if not isinstance(job_status.look(self._entry), job_status.Unfinished):
            self.stop()
            self._over()
        elif not self._wait_for_supervisor():
            self._loop.call_later(_LOOK_AGAIN, self.look)

    def _wait_for_supervisor(self) -> bool:
        """Have the kernel wake us; tells whether it will."""
        pid = job_status.supervisor_pid(self._entry)
        open_pidfd = getattr(os, "pidfd_open", None)  # Python 3.9, Linux 5.3
        if self._fd >= 0 or not pid or open_pidfd is None:
            return False
        try:
            self._fd = open_pidfd(pid)
        except OSError:
            return False
        if job_status.supervisor_pid(self._entry) != pid:
            self._forget()  # it ended just now; the pid may be somebody else's
            return False
        self._loop.watch(self._fd, self._woken)
        return True

    def _woken(self) -> None:
        self._forget()
        self.look()

    def stop(self) -> None:
        """Wait no more."""
        self._stopped = True
        self._forget()

    def _forget(self) -> None:
        if self._fd >= 0:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = -1
