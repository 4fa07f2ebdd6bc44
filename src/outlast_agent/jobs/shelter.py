"""Out of the login session's reach: where systemd runs, jobs get a place of their own.

Knows that logind may end all that a session has left behind (`KillUserProcesses=yes`), that a
transient scope is not part of the session, who may have one, and what to say where nobody may.
A start never fails because of it. Leaves starting to `launching`.

    root                                    a scope of the system's manager
    a user whose manager stays (linger)     a scope of his own manager
    any other user                          the session: his manager would end with it, too
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import subprocess
from collections.abc import Callable

from outlast_agent.loop import Loop, Timer

SYSTEMD = "/run/systemd/system"
"""Is there where systemd runs the host."""
_LINGER = "/var/lib/systemd/linger"
_PATIENCE = 2.0
"""Seconds for systemd to answer, and for the move that it has promised."""
_LOOK_AGAIN = 0.01
_SESSION = re.compile(r"/user-(\d+)\.slice/session-")
_MANAGER = (
    "org.freedesktop.systemd1",
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
)
_LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
_ASK_LOGIND = (
    *("busctl", "get-property", *_LOGIND),
    *("KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers"),
)


def move_command(pid: int, uid: int, *, lingers: bool) -> list[str]:
    """Give what has *pid* moved into a scope of its own; nothing where that would be no help."""
    if uid != 0 and not lingers:
        return []
    whose = ["--system"] if uid == 0 else ["--user"]
    scope = "outlast-jobs-%d-%s.scope" % (pid, os.urandom(4).hex())
    properties = [
        "2",
        "PIDs",
        "au",
        "1",
        str(pid),
        "Description",
        "s",
        "Background jobs of Outlast",
    ]
    unit = ["ssa(sv)a(sa(sv))", scope, "fail", *properties, "0"]
    return ["busctl", *whose, "--quiet", "call", *_MANAGER, "StartTransientUnit", *unit]


def warning(cgroup: str, logind: str, name: Callable[[int], str], *, lingers: bool) -> str:
    """Give what to say of a process in *cgroup*, by logind's own answer; empty: it is safe."""
    session = _SESSION.search(cgroup)
    answers = [shlex.split(line) for line in logind.splitlines()]
    if session is None or len(answers) != 3 or answers[0][1:] != ["true"]:  # noqa: PLR2004  # three were asked for
        return ""
    user = name(int(session.group(1)))
    only, excluded = answers[1][2:], answers[2][2:]
    if user in excluded or (only and user not in only):
        return ""
    said = (
        "This host ends what %s has left running when a connection is closed "
        "(KillUserProcesses=yes in logind.conf), so this job ends when this one is" % user
    )
    if lingers:
        return said + ": systemd would not move it out of the login session."
    return said + ", unless `loginctl enable-linger %s` is run there before." % user


class Shelter:
    """Moves one process out of the login session, if that can be done."""

    def __init__(self, loop: Loop, pid: int, settled: Callable[[str], None]) -> None:
        self._loop = loop
        self._pid = pid
        self._settled: Callable[[str], None] | None = settled
        """Called once, with a warning or nothing."""
        self._before = _cgroup(pid)
        self._lingers = os.path.exists(os.path.join(_LINGER, _name(os.geteuid())))
        self._asked: subprocess.Popen[bytes] | None = None
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Move it, or find out whether that would have been needed."""
        if not os.path.isdir(SYSTEMD):
            self._settle("")
            return
        self._timer = self._loop.call_later(_PATIENCE, self._give_up)
        command = move_command(self._pid, os.geteuid(), lingers=self._lingers)
        if command:
            self._ask(command, self._moved)
        else:
            self._ask_logind()

    def _ask(self, command: list[str], answered: Callable[[int, str], None]) -> None:
        environment = {**os.environ, "XDG_RUNTIME_DIR": "/run/user/%d" % os.geteuid()}
        try:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:  # no busctl: an old systemd
            answered(127, "")
            return
        self._asked = process

        def exited(status: int) -> None:
            process.returncode = status
            self._asked = None
            assert process.stdout is not None  # noqa: S101  # we asked for a pipe
            said = process.stdout.read(4096).decode("utf-8", "replace")
            process.stdout.close()
            answered(status, said)

        self._loop.when_exited(process.pid, exited)

    def _moved(self, status: int, _said: str) -> None:
        if status == 0:
            self._look()
        else:
            self._ask_logind()

    def _look(self) -> None:
        """Wait for the move: systemd has only promised it."""
        if _cgroup(self._pid) != self._before:
            self._settle("")
        elif self._settled is not None:
            self._loop.call_later(_LOOK_AGAIN, self._look)

    def _ask_logind(self) -> None:
        if self._settled is not None and _SESSION.search(self._before):
            self._ask(list(_ASK_LOGIND), self._told)
        else:
            self._settle("")

    def _told(self, status: int, said: str) -> None:
        told = said if status == 0 else ""
        self._settle(warning(self._before, told, _name, lingers=self._lingers))

    def _give_up(self) -> None:
        """Go on without an answer."""
        if self._asked is not None:
            self._asked.kill()
        self._settle("")

    def _settle(self, said: str) -> None:
        settled, self._settled = self._settled, None
        if self._timer is not None:
            self._timer.cancel()
        if settled is not None:
            settled(said)


def _cgroup(pid: int) -> str:
    try:
        with open("/proc/%d/cgroup" % pid) as file:
            return file.read()
    except OSError:
        return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
