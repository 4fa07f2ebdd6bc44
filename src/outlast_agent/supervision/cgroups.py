"""A control group of a job's own: where the kernel counts and limits all its processes together.

Knows both versions of control groups, where a process has its place in them, and how a limit is
written. Leaves asking systemd, which owns all groups of a host that it runs, to `scopes`, and
what is asked of a group to `resources`. It is part of every supervisor, so it imports nothing
that costs memory.
"""

from __future__ import annotations

import os
import time

from outlast_agent import spool

_PREFIX = "outlast-"
_REMOVAL = 0.2
"""Seconds for the last process to be gone from a group that is to be removed."""
_PERIOD = 100_000
_LONGEST_PERIOD = 1_000_000
_SMALLEST_QUOTA = 1000


class NoGroup(Exception):
    """There cannot be one, for the reason that is told."""


class Group:
    """Where one job's processes are, in one hierarchy or two."""

    def __init__(self, memory: str, cpu: str) -> None:
        """Folders; empty: that is not limited."""
        self._memory = memory
        self._folders = [folder for folder in (memory, cpu) if folder]
        if memory == cpu:
            self._folders.pop()
        self._kills = 0
        self._holder = 0
        self._pipe = -1

    def hold(self, holder: int, pipe: int) -> None:
        """Keep a group that would end with the job's last process, before its end was counted.

        The process *holder* is no part of the job; it ends when *pipe* is closed.
        """
        self._holder, self._pipe = holder, pipe

    def enter(self) -> None:
        """Put this process in, and all that it will start."""
        for folder in self._folders:
            _write(folder, "cgroup.procs", "0")

    def pids(self) -> list[int]:
        """Give all processes in it."""
        found: set[int] = set()
        for folder in self._folders:
            for place in _below(folder):
                found.update(map(int, _read(place, "cgroup.procs").split()))
        return sorted(found - {self._holder})

    def kill(self) -> None:
        """Kill all at once, also what is just being started; does nothing on an old kernel."""
        self.memory_kills()
        for folder in self._folders:
            try:  # noqa: SIM105  # contextlib would cost every running job a third of a megabyte
                _write(folder, "cgroup.kill", "1")
            except OSError:
                pass  # who asks goes on to kill them one by one

    def memory_kills(self) -> int:
        """Give how many of its processes the kernel has killed for want of memory."""
        if not self._memory:
            return 0
        if os.path.exists(os.path.join(self._memory, "memory.events")):
            now = _count(_read(self._memory, "memory.events"))
        else:
            now = sum(_count(_read(place, "memory.oom_control")) for place in _below(self._memory))
        self._kills = max(self._kills, now)  # none are left to be read in a group that is gone
        return self._kills

    def remove(self) -> None:
        """Remove it; what a job has left behind stays where it is, and so does its group."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        until = time.monotonic() + _REMOVAL
        for folder in self._folders:
            while not _removed(folder) and time.monotonic() < until and not self.pids():
                time.sleep(0.01)


def make(jid: str, memory: int, cpus: float) -> Group:
    """Make a group below the present one, with limits in bytes and CPUs (0: none).

    Raises `NoGroup`.
    """
    name = "%s%s" % (_PREFIX, jid)
    made: list[str] = []
    try:
        folders = {}
        for wanted in _hierarchies(memory > 0, cpus > 0):
            folder = _make_folder(wanted, name)
            made.append(folder)
            folders.update(dict.fromkeys(wanted, folder))
        limit(folders, memory, cpus)
    except (OSError, NoGroup) as error:
        for folder in made:
            _removed(folder)
        raise NoGroup(_why(error)) from error
    return Group(folders.get("memory", ""), folders.get("cpu", ""))


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return "%s: %s" % (error.strerror, error.filename) if error.filename else str(error)
    return str(error)


def limit(folders: dict[str, str], memory: int, cpus: float) -> None:
    """Write the limits of a group; raises `OSError`."""
    if memory > 0 and os.path.exists(os.path.join(folders["memory"], "memory.max")):
        _write(folders["memory"], "memory.max", "%d" % memory)
        _write_if_there(folders["memory"], "memory.swap.max", "0")
    elif memory > 0:
        _write(folders["memory"], "memory.limit_in_bytes", "%d" % memory)
        _write_if_there(folders["memory"], "memory.memsw.limit_in_bytes", "%d" % memory)
    if cpus > 0:
        period = _PERIOD if cpus * _PERIOD >= _SMALLEST_QUOTA else _LONGEST_PERIOD
        quota = max(_SMALLEST_QUOTA, int(cpus * period))
        if os.path.exists(os.path.join(folders["cpu"], "cpu.max")):
            _write(folders["cpu"], "cpu.max", "%d %d" % (quota, period))
        else:
            _write(folders["cpu"], "cpu.cfs_period_us", "%d" % period)
            _write(folders["cpu"], "cpu.cfs_quota_us", "%d" % quota)


def is_limited(folders: dict[str, str]) -> bool:
    """Tell whether each of these groups has a limit of what it is there for."""
    said = [
        _read(folder, "memory.max") or _read(folder, "memory.limit_in_bytes")
        if controller == "memory"
        else _read(folder, "cpu.max") or _read(folder, "cpu.cfs_quota_us")
        for controller, folder in folders.items()
    ]
    # Version 1 says -1 of the CPU, and of the memory a number that no host has.
    return all(
        text and not text.startswith(("max", "-1")) and len(text.split()[0]) < len(str(1 << 60))
        for text in said
    )


def places(pid: str = "self") -> dict[str, str]:
    """Give the folder of a process's group by controller; `""` is version 2's, for what is left."""
    own = {}
    for line in _read("/proc/%s" % pid, "cgroup").splitlines():
        _, names, path = line.split(":", 2)
        own.update(dict.fromkeys(names.split(","), path))
    found: dict[str, str] = {}
    for line in _read("/proc/self", "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        for name in options.split(",") if kind == "cgroup" else [""]:
            if name in own and name not in found:
                path = own[name] if root == "/" else _beneath(own[name], root)
                found[name] = os.path.join(mounted, path.lstrip("/")).rstrip("/")
    return found


def _beneath(path: str, root: str) -> str:
    """Give what *path* is called where *root* is the top, as in a container."""
    return path[len(root) :] if path == root or path.startswith(root + "/") else ""


def _hierarchies(memory: bool, cpu: bool) -> list[list[str]]:  # noqa: FBT001  # each asks for one
    """Give which controllers are wanted together in one group."""
    wanted = [name for name, asked in (("memory", memory), ("cpu", cpu)) if asked]
    first = [name for name in wanted if name in places()]  # version 1
    second = [name for name in wanted if name not in first]
    return [[name] for name in first] + ([second] if second else [])


def _make_folder(wanted: list[str], name: str) -> str:
    here = places()
    if wanted[0] in here:
        parent = here[wanted[0]]
    elif "" in here:
        parent = _parent_with(wanted, here[""])
    else:
        raise NoGroup("it has no control groups")
    _sweep(parent)
    folder = os.path.join(parent, name)
    os.mkdir(folder)
    return folder


def _parent_with(wanted: list[str], folder: str) -> str:
    """Give the nearest group of version 2 that passes these controllers on to those below it."""
    while True:
        if set(wanted) <= set(_read(folder, "cgroup.subtree_control").split()):
            return folder
        above = os.path.dirname(folder)
        if not os.path.exists(os.path.join(above, "cgroup.procs")):
            break
        folder = above
    # The top of all may have processes of its own and pass on what it has.
    _write(folder, "cgroup.subtree_control", " ".join("+" + name for name in wanted))
    return folder


def _sweep(parent: str) -> None:
    """Remove groups whose supervisors are gone: killed, or before what they had started."""
    for name in os.listdir(parent):
        pid = name.rpartition(".")[2]
        if name.startswith(_PREFIX) and pid.isdigit() and not spool.process_start(int(pid)):
            _removed(os.path.join(parent, name))


def _below(folder: str) -> list[str]:
    """Give a group and all that a job has made in it, the deepest last."""
    return [place for place, _, _ in os.walk(folder)]


def _removed(folder: str) -> bool:
    """Remove a group with all below it; tells if it is gone."""
    for place in reversed(_below(folder)):
        try:
            os.rmdir(place)
        except OSError:
            return False
    return True


def _count(text: str) -> int:
    for line in text.splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return int(count)
    return 0


def _read(folder: str, name: str) -> str:
    try:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    text = b""
    try:
        block = os.read(fd, 65536)
        while block:
            text += block
            block = os.read(fd, 65536)
    except OSError:
        return ""
    finally:
        os.close(fd)
    return text.decode("utf-8", "replace")


def _write_if_there(folder: str, name: str, text: str) -> None:
    if os.path.exists(os.path.join(folder, name)):
        _write(folder, name, text)


def _write(folder: str, name: str, text: str) -> None:
    fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        error.filename = os.path.join(folder, name)
        raise
    finally:
        os.close(fd)
