"""What a job may take of its host: a share of its CPUs, so much of its memory, its turn.

Knows what was asked for, and that a job whose limits cannot be kept is not started. Leaves
groups to `cgroups` and `scopes`. It is part of every supervisor, so it imports nothing that
costs memory.
"""

from __future__ import annotations

import os
from _collections_abc import Iterable

from outlast_agent.supervision import cgroups, scopes

_SELF = 0


class NotPossible(Exception):
    """The job must not be started: what is asked for it cannot be had here."""


class Resources:
    """The limits of one job."""

    def __init__(self, nice: int = 0, memory: int = 0, cpus: float = 0.0) -> None:
        """*memory* in bytes; 0: that is not limited."""
        self._nice = nice
        self._memory = memory
        self._cpus = cpus
        self._group: cgroups.Group | None = None

    def prepare(self, jid: str) -> None:
        """Make sure that the limits can be kept; raises `NotPossible`."""
        if self._nice < 0:
            self._try_nice()
        if self._memory > 0 or self._cpus > 0:
            make = scopes.make if os.path.isdir(scopes.SYSTEMD) else cgroups.make
            try:
                self._group = make(jid, self._memory, self._cpus)
                self._try_group(self._group)
            except cgroups.NoGroup as error:
                self.leave()
                raise NotPossible(self._no_group(str(error))) from error

    def _try_nice(self) -> None:
        before = os.getpriority(os.PRIO_PROCESS, _SELF)
        try:
            os.setpriority(os.PRIO_PROCESS, _SELF, before + self._nice)
        except OSError as error:
            raise NotPossible(
                "The job was not started: outlast_nice %d would take precedence over others, which "
                "only root may give (or whoever has CAP_SYS_NICE or a limit RLIMIT_NICE that allows"
                " it) on this host." % self._nice
            ) from error
        os.setpriority(os.PRIO_PROCESS, _SELF, before)

    def _try_group(self, group: cgroups.Group) -> None:
        """See that a process of this user gets in."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                group.enter()
                status = 0
            except OSError as error:
                status = error.errno or 1
            finally:
                os._exit(status)
        status = os.waitpid(pid, 0)[1]
        if status:
            why = os.strerror(os.WEXITSTATUS(status)) if os.WIFEXITED(status) else "it was killed"
            raise cgroups.NoGroup("no process gets into the group: %s" % why)

    def _no_group(self, why: str) -> str:
        asked = {"outlast_memory_limit": self._memory, "outlast_cpu_limit": self._cpus}
        names = " and ".join(name for name, value in asked.items() if value > 0)
        return (
            "The job was not started: %s cannot be kept on this host (%s). It takes a control "
            "group that this user may make: root has them, other users where systemd runs the host "
            "and `loginctl enable-linger` was said for them." % (names, why)
        )

    def enter(self) -> None:
        """Put this process, which is to become the job's, under the limits."""
        if self._nice:
            os.nice(self._nice)
        if self._group is not None:
            self._group.enter()

    def pids(self) -> Iterable[int]:
        """Give the processes that are known to be the job's by its limits alone."""
        return () if self._group is None else self._group.pids()

    def kill(self) -> None:
        """Kill all of them at once, where that can be done."""
        if self._group is not None:
            self._group.kill()

    def leave(self) -> int:
        """Give back what was made for the job, and how many of its processes memory has cost."""
        if self._group is None:
            return 0
        kills = self._group.memory_kills()
        self._group.remove()
        self._group = None
        return kills
