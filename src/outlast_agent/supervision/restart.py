"""The supervisor of a job that restarts its host, up to the moment at which the host goes down.

    ASYNC_DIR/.outlast/JID/program.json   what the program came to, if it ended before the host did
    ASYNC_DIR/.outlast/JID/leaving        its supervisor was told to go, by a host that goes down

Knows that such a job is not over when its program is, and that a SIGTERM without a word of
whoever cancels comes from a host that goes down. Leaves what the job came to, once the host is
up again, to `jobs.restarted`. It is such a job's supervisor: it imports nothing that costs memory.
"""

from __future__ import annotations

import os
import time
from _collections_abc import Callable

from outlast_agent import spool
from outlast_agent.supervision.order import Ending
from outlast_agent.supervision.supervisor import Supervisor

PROGRAM, LEAVING = "program.json", "leaving"
_MOMENT = 0.5
"""Seconds between the end of a program, which the host that goes down has ended, and our own
SIGTERM: all processes are told to go in one sweep, but we need not be the first."""


class RestartSupervisor(Supervisor):
    """Ends and records nothing when the host goes down."""

    _leaving = False

    def _goes_down(self) -> bool:
        """Tell whether the host does."""
        if self._cancelled and not os.path.exists(self._entry.path("grace")):
            self._leaving = True
        return self._leaving

    def _over(self) -> bool:
        return self._goes_down() or super()._over()

    def _mind_the_clock(self) -> None:
        if not self._goes_down():
            super()._mind_the_clock()

    def conclude(self, ending: Ending, finish: Callable[[Ending], None]) -> None:
        """Have the end recorded, unless the host goes down.

        *finish* keeps how a program ended well for later, and is called again when the host has
        not gone down in time.
        """
        if ending.rc and ending.cause in ("exited", "signalled") and not self._leaving:
            self._pause(_MOMENT)  # perhaps it was the host that ended it
        if not self._goes_down():
            finish(ending)
            if ending.cause != "exited":
                return
            self._pause(self._deadline - time.monotonic())
            if not self._goes_down():
                ending.cause = "cancelled" if self._cancelled else "limit"
                finish(ending)
                return
        self._leave()

    def _pause(self, seconds: float) -> None:
        """Wait, unless we are told to end."""
        until = time.monotonic() + seconds
        while not self._cancelled and time.monotonic() < until:
            left = max(0.0, min(until - time.monotonic(), 3600.0))
            for fd, _ in self._poll.poll(left * 1000):
                self._serve(fd)
            self._reap()

    def _leave(self) -> None:
        """Say that we have gone because we were told to."""
        self._output.drain()
        try:
            spool.put(self._entry.path(LEAVING), "%r\n" % time.time())
            spool.sync_folder(self._entry.private)
        except OSError:
            pass  # it can only be read by now: then nobody can call the job lost either
