"""A group of a job's own from systemd: a transient scope with limits.

Knows how a scope is asked for, that it needs a process to be there for, and that a limit is
believed only when it is read from the kernel. Leaves groups to `cgroups`. It is part of every
supervisor, so it imports nothing that costs memory, and runs the one program it needs itself.
"""

from __future__ import annotations

import os
import time

from outlast_agent.supervision import cgroups

SYSTEMD = "/run/systemd/system"
"""Is there where systemd runs the host."""
_PATIENCE = 5.0
"""Seconds for systemd to answer, and for the move that it has promised."""
_MANAGER = (
    "org.freedesktop.systemd1",
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
)


def make(jid: str, memory: int, cpus: float) -> cgroups.Group:
    """Have systemd make a group with limits in bytes and CPUs (0: none); raises `NoGroup`."""
    holder, pipe = _holder()
    try:
        folders = _moved(holder, command(jid, holder, memory, cpus), memory > 0, cpus > 0)
    except (OSError, cgroups.NoGroup):
        os.close(pipe)
        raise
    group = cgroups.Group(folders.get("memory", ""), folders.get("cpu", ""))
    group.hold(holder, pipe)
    return group


def _moved(pid: int, asking: list[str], memory: bool, cpu: bool) -> dict[str, str]:  # noqa: FBT001  # which limits to see
    """Ask, and wait for the move that systemd only promises; give the limited groups."""
    before = cgroups.places(str(pid))
    if _run(asking) == 0:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            now = cgroups.places(str(pid))
            wanted = [name for name, asked in (("memory", memory), ("cpu", cpu)) if asked]
            folders = {name: now.get(name, now.get("", "")) for name in wanted}
            if now != before and cgroups.is_limited(folders):
                return folders
            time.sleep(0.01)
    raise cgroups.NoGroup("systemd gives this user no scope with limits")


def command(jid: str, pid: int, memory: int, cpus: float) -> list[str]:
    """Give what asks for a scope around *pid*."""
    whose = "--system" if os.geteuid() == 0 else "--user"
    properties = [("PIDs", "au", "1", str(pid)), ("Description", "s", "Outlast's job %s" % jid)]
    if memory > 0:
        properties += [("MemoryMax", "t", str(memory)), ("MemorySwapMax", "t", "0")]
    if cpus > 0:
        properties.append(("CPUQuotaPerSecUSec", "t", str(max(1000, int(cpus * 1_000_000)))))
    words = [word for each in properties for word in each]
    scope = "outlast-job-%s.scope" % jid
    unit = ["ssa(sv)a(sa(sv))", scope, "fail", str(len(properties)), *words, "0"]
    return ["busctl", whose, "--quiet", "call", *_MANAGER, "StartTransientUnit", *unit]


def _holder() -> tuple[int, int]:
    """Start a process that lives until the pipe is closed and is nobody's child.

    As a child of ours it would be taken for one of the job's.
    """
    waits, pipe = os.pipe()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        pid = os.fork()
        if pid == 0:
            os.close(pipe)
            os.close(tell)
            os.read(waits, 1)
        else:
            os.write(tell, b"%d" % pid)
        os._exit(0)
    os.close(waits)
    os.close(tell)
    os.waitpid(child, 0)
    said = os.read(told, 16)
    os.close(told)
    return int(said), pipe


def _run(argv: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            runtime = "/run/user/%d" % os.geteuid()
            os.execvpe(argv[0], argv, {**os.environ, "XDG_RUNTIME_DIR": runtime})  # noqa: S606  # no shell is wanted
        finally:
            os._exit(127)
    until = time.monotonic() + _PATIENCE
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > until:
            os.kill(pid, 9)
            return os.waitpid(pid, 0)[1]
        time.sleep(0.005)
