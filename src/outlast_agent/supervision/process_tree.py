"""Everything a job has started, found and signalled as one.

Knows that a process group is not enough: what calls `setsid` leaves it. A supervisor is made
the *subreaper* of its descendants, so that an orphan becomes its child and stays in sight.
Leaves it to `supervisor` when something is ended. Where the host has no /proc, the group is
all there is.
"""

from __future__ import annotations

import os
from _collections_abc import Iterable

from outlast_agent import spool

_PR_SET_CHILD_SUBREAPER = 36
_RTLD_NOW = 2


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant that loses its own; tells if it worked.

    `prctl` is not in the standard library but through ctypes, whose Python part alone would
    cost every running job a quarter of a megabyte; its C part does this one call as well.
    """
    try:
        import _ctypes  # not everywhere, and wanted by supervisors alone

        this_program = _ctypes.dlopen(None, _RTLD_NOW)  # type: ignore[arg-type]  # None is libc and all
        prctl = _ctypes.dlsym(this_program, "prctl")
        return _ctypes.call_function(prctl, (_PR_SET_CHILD_SUBREAPER, 1)) == 0  # type: ignore[no-any-return]  # untyped
    except (ImportError, AttributeError, OSError):
        return False


def descendants(root: int) -> list[tuple[int, int]]:
    """Give (pid, process group) of every living process below *root*, the nearest first."""
    children: dict[int, list[tuple[int, int]]] = {}
    for name in _processes():
        fields = spool.process_fields(int(name))
        if fields and fields[0] not in ("Z", "X"):
            children.setdefault(int(fields[1]), []).append((int(name), int(fields[2])))
    found: list[tuple[int, int]] = []
    below = [root]
    for pid in below:
        for child in children.get(pid, ()):
            found.append(child)
            below.append(child[0])
    return found


def family(root: int) -> list[int]:
    """Give *root* and every process below it, without a look at all others of the host.

    Nothing but *root* on a kernel that does not list children.
    """
    found = [root]
    for pid in found:
        try:
            threads = os.listdir("/proc/%d/task" % pid)
        except OSError:
            continue
        for thread in threads:
            children = spool.first_line("/proc/%d/task/%s/children" % (pid, thread))
            found += [int(child) for child in children.split()]
    return found


def _processes() -> list[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def signal_tree(leader: int, number: int, more: Iterable[int] = ()) -> int:
    """Signal all that this process has started (0: only count); gives how many there were.

    *leader* is the job's own process, which leads a group; *more* are known to be the job's.
    """
    # The job's own process first: it is to end by the signal, not because its children have.
    living = dict.fromkeys([*(pid for pid, _ in descendants(os.getpid())), *more])
    if not living:
        return _signal_group(leader, number)
    for pid in living:
        _send(pid, number)
    return len(living)


def _signal_group(leader: int, number: int) -> int:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return 0
    except PermissionError:
        pass  # there is one, and it is another user's
    return 1


def _send(pid: int, number: int) -> None:
    try:  # noqa: SIM105  # contextlib would cost every running job a third of a megabyte
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
