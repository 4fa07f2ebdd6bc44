"""Waiting for the end of a job's supervisor, woken by the kernel where it can.

Knows pidfds, and looking again where there are none. Leaves what is then known of the job to
`status`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from outlast_agent import spool
from outlast_agent.jobs import status as job_status
from outlast_agent.loop import Loop
from outlast_agent.request import Request

_LOOK_AGAIN = 0.08
"""Seconds between two looks at a supervisor where the kernel cannot tell that it has ended."""


def entry_of(request: Request) -> spool.Entry:
    """Give the job that a request is about."""
    return spool.Entry(spool.expand(request.text("async_dir")), request.text("jid"))


class Watch:
    """Waits until something holds of one job that its supervisor's end may bring about."""

    def __init__(
        self, loop: Loop, entry: spool.Entry, over: Callable[[], bool], told: Callable[[], None]
    ) -> None:
        """*told* is called once, as soon as *over* is true."""
        self._loop = loop
        self._entry = entry
        self._over = over
        self._told = told
        self._fd = -1
        self._stopped = False

    def look(self) -> None:
        """Tell when it is over; else have us called again when that may have changed."""
        if self._stopped:
            return
        if self._over():
            self.stop()
            self._told()
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
