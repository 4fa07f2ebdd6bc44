"""Op `job.start`: have a background job started, and tell truly whether it was.

Knows each answer there may be, and that a job may run though who was to tell of it is gone.
Leaves what to start to `orders`, starting to `launching`, whether it may start to
`supervision.admission`, and what its folder may keep of others to `sweeping`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from outlast_agent import spool
from outlast_agent.agent import Agent
from outlast_agent.jobs import cancel as job_cancel
from outlast_agent.jobs import launching
from outlast_agent.jobs import names as job_names
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs.launching import Launcher
from outlast_agent.jobs.orders import carrier_of, forget_files, order_for
from outlast_agent.jobs.sweeping import Sweeper
from outlast_agent.request import Refused, Request
from outlast_agent.supervision import admission
from outlast_agent.supervision.supervisor import GRACE

_RECORDING = 0.5
"""Seconds after which a supervisor has recorded its job, if it ever will: it is a few syncs."""


def start(agent: Agent, request: Request) -> None:
    """Op `job.start`: answered with stock's start result once the job is recorded.

    A job that has the name already and is the same is answered instead, as `attached`. When as
    many jobs run as may, the answer is `full`, and nothing was started. A job whose start is
    withdrawn before that is ended: nobody would know that it runs.
    """
    _Start(agent, request).begin()


class _Start:
    """One start, from the order to its answer."""

    def __init__(self, agent: Agent, request: Request) -> None:
        self._agent = agent
        self._request = request
        self._order = order_for(agent, request)
        self._folder, self._jid = str(self._order["folder"]), str(self._order["jid"])
        self._keep = _keep(request)
        self._launcher = agent.lasting(Launcher, lambda: _launcher(agent))
        self._withdrawn = False

    def begin(self) -> None:
        """Hand the order over; the answer comes when it comes."""
        self._request.on_cancel = self._withdraw
        self._launcher.launch(self._order, self._told)

    def _withdraw(self) -> None:
        self._withdrawn = True

    def _told(self, refusal: str, jid: str, results_file: str) -> None:
        forget_files(self._agent, self._request)
        if refusal == launching.GONE:
            self._agent.loop.call_later(_RECORDING, self._look)
        else:
            self._answer(refusal, spool.Entry(self._folder, jid))

    def _look(self) -> None:
        """Find out by the spool whether a job was started of which nobody could tell."""
        ours = [entry for entry in _entries(self._folder) if self._is_ours(entry)]
        if ours:
            self._answer("", ours[0])
        else:
            self._answer(launching.GONE, spool.Entry(self._folder, ""))

    def _is_ours(self, entry: spool.Entry) -> bool:
        return entry.jid.rpartition(".")[0] == self._jid

    def _answer(self, refusal: str, entry: spool.Entry) -> None:
        if self._withdrawn:
            if self._is_ours(entry):
                _end(entry)
            self._request.cancelled()
        elif refusal == admission.FULL:
            self._request.reply({"full": True})
        elif refusal == admission.TAKEN:
            self._request.fail(job_names.conflict(entry, str(self._order["label"])))
        elif refusal:
            self._request.fail(refusal)
        else:
            self._started(entry)

    def _started(self, entry: spool.Entry) -> None:
        started: dict[str, object] = {
            "ansible_job_id": entry.jid,
            "started": True,
            "finished": False,
            "results_file": entry.results_file,
        }
        if not self._is_ours(entry):
            started.update(job_names.attached(entry))
        elif self._launcher.warning:
            started["warnings"] = [self._launcher.warning]
        self._request.reply(started)
        if self._keep is not None:
            sweeper = self._agent.lasting(Sweeper, lambda: Sweeper(self._agent.loop))
            sweeper.consider(self._folder, self._keep)


def _entries(folder: str) -> list[spool.Entry]:
    """Give the jobs that are recorded in a folder."""
    try:
        jids = os.listdir(os.path.join(folder, spool.PRIVATE))
    except OSError:
        return []
    entries = [spool.Entry(folder, jid) for jid in jids]
    return [entry for entry in entries if os.path.exists(entry.results_file)]


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
