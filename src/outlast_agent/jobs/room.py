"""Op `job.room`: told when one more job may run in a folder.

Knows that a place becomes free when a supervisor ends, and lets the kernel say so. Leaves who
gets it to `supervision.admission`: between the answer and the start another one may be faster.
"""

from __future__ import annotations

from outlast_agent import spool
from outlast_agent.agent import Agent
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs.watch import Watch
from outlast_agent.request import Refused, Request
from outlast_agent.supervision import admission


def room(agent: Agent, request: Request) -> None:
    """Op `job.room`: answered when fewer than `most` of the folder's jobs run."""
    most = request.number("most")
    if most < 1:
        raise Refused("there is never room for %g jobs" % most)
    _Wait(agent, request, spool.expand(request.text("async_dir")), most).look()


class _Wait:
    """One request that waits for a place, and what it watches meanwhile."""

    def __init__(self, agent: Agent, request: Request, folder: str, most: float) -> None:
        self._loop = agent.loop
        self._request = request
        self._folder = folder
        self._most = most
        self._watches: dict[str, Watch] = {}
        request.before_answer = self._stop

    def look(self) -> None:
        """Answer when there is room; else watch whatever runs."""
        running = admission.running(self._folder)
        if len(running) < self._most:
            self._request.reply()
            return
        for entry in running:
            if entry.jid not in self._watches:
                self._watch(entry)

    def _watch(self, entry: spool.Entry) -> None:
        def over() -> bool:
            return not job_status.supervisor_pid(entry)

        def told() -> None:
            self._watches.pop(entry.jid, None)
            if self._request.open:
                self.look()

        watch = self._watches[entry.jid] = Watch(self._loop, entry, over, told)
        watch.look()

    def _stop(self) -> None:
        for watch in self._watches.values():
            watch.stop()
        self._watches.clear()
