"""Processes an agent starts: their output gathered, their whole tree ended when asked.

Knows forks, pipes, process groups and /proc. Leaves what is run to others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping

from outlast_agent.channel import Inbox
from outlast_agent.loop import Loop
from outlast_agent.marks import carriers

OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of one stream that are kept; the rest is read and dropped, and the end says so."""
GRACE = 2.0
"""Seconds between asking a tree to end and ending it."""
_LAST = 1.0
"""Seconds a killed process may take to be gone; one that hangs in the kernel is left to it."""
_LOOK_AGAIN = 0.05


def fork(work: Callable[[], int], environment: Mapping[str, str]) -> tuple[int, int, int]:
    """Run *work* in a child with a session of its own; gives pid and the ends of its output."""
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become_child(out_end, err_end)
            os.environ.update(environment)
            code = work()
        finally:
            os._exit(code)  # whatever happened: there is but one agent
    os.close(out_end)
    os.close(err_end)
    return pid, out, err


def _become_child(out: int, err: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, place in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(fd, place)
    close_descriptors()
    # Nothing that was buffered for the agent's own streams may come out here.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    find_footing()


def close_descriptors() -> None:
    """Close all but stdin, stdout and stderr: a child must not keep the agent's pipes open."""
    try:
        highest = max(map(int, os.listdir("/proc/self/fd")))
    except OSError:
        highest = 4096
    os.closerange(3, highest + 1)


def find_footing() -> None:
    """Go where the present user may be when the current folder is none of those."""
    try:
        if os.access(os.getcwd(), os.F_OK | os.R_OK):
            return
    except OSError:
        pass  # it was removed
    for place in (os.path.expanduser("~"), "/"):
        try:
            os.chdir(place)
        except OSError:
            continue
        return


class Gathered:
    """One stream of a child, up to a limit."""

    def __init__(self, loop: Loop, fd: int, progress: Callable[[], None]) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._progress = progress
        self.inbox = Inbox(loop, fd, self._take, progress)

    def _take(self, data: bytes) -> None:
        if self._size < OUTPUT_LIMIT:
            self._parts.append(data[: OUTPUT_LIMIT - self._size])
        self._size += len(data)
        self._progress()

    def close(self) -> bytes:
        """Give what came, cut where it was too much."""
        self.inbox.close()
        if self._size > OUTPUT_LIMIT:
            cut = "\n[outlast kept %d of %d bytes of output]\n" % (OUTPUT_LIMIT, self._size)
            self._parts.append(cut.encode())
        return b"".join(self._parts)


class Gathering:
    """Waits for a child's end and its output.

    A process it left behind may hold the pipes for ever: once the child has ended they are
    given up when nothing came for *patience* seconds (stock waits a second for what a command
    started, and not at all for what a module did).
    """

    def __init__(
        self,
        loop: Loop,
        child: tuple[int, int, int],
        patience: float,
        finished: Callable[[int, bytes, bytes], None],
        mark: str = "",
    ) -> None:
        """*mark* is what all that it starts carries, if it has one."""
        self._loop = loop
        self._mark = mark
        self.pid, out, err = child
        self._patience = patience
        self._finished: Callable[[int, bytes, bytes], None] | None = finished
        self._status: int | None = None
        self._last_news = time.monotonic()
        self._out = Gathered(loop, out, self._news)
        self._err = Gathered(loop, err, self._news)
        loop.when_exited(self.pid, self._exited)

    def end_with(self, ended: Callable[[], None]) -> None:
        """End the whole tree, then call *ended* instead of what was to be called."""
        ending = Ending(self._loop, self.pid, self._mark)
        self._patience = 0
        self._finished = lambda _status, _out, _err: ending.when_over(ended)

    def _exited(self, status: int) -> None:
        self._status = status
        for stream in (self._out, self._err):
            stream.inbox.drain()
        self._look()

    def _news(self) -> None:
        self._last_news = time.monotonic()
        if self._status is not None and not self._open:
            self._end()

    @property
    def _open(self) -> bool:
        return self._out.inbox.open or self._err.inbox.open

    def _look(self) -> None:
        quiet = time.monotonic() - self._last_news
        if not self._open or quiet >= self._patience:
            self._end()
        elif self._finished is not None:
            self._loop.call_later(self._patience - quiet, self._look)

    def _end(self) -> None:
        finished, self._finished = self._finished, None
        if finished is not None and self._status is not None:
            finished(self._status, self._out.close(), self._err.close())


class Ending:
    """Ends a tree of processes: first asks, then insists."""

    def __init__(self, loop: Loop, pid: int, mark: str = "") -> None:
        self._loop = loop
        self._pid = pid
        self._mark = mark
        self._members: dict[int, str] = {}
        self._deadline = time.monotonic() + GRACE + _LAST
        self._signal(signal.SIGTERM)
        self._timer = loop.call_later(GRACE, self._insist)

    def _insist(self) -> None:
        self._signal(signal.SIGKILL)

    def when_over(self, ended: Callable[[], None]) -> None:
        """Call *ended* when nothing is left; to be called when the first process has ended."""
        if self._alive():
            self._signal(signal.SIGTERM)  # one may have been born while the first was asked
        self._look(ended)

    def _look(self, ended: Callable[[], None]) -> None:
        if self._alive() and time.monotonic() < self._deadline:
            self._loop.call_later(_LOOK_AGAIN, lambda: self._look(ended))
        else:
            self._timer.cancel()
            ended()

    def _alive(self) -> bool:
        if any(start_time(pid) == began for pid, began in self._members.items()):
            return True
        if any(start_time(pid) for pid in carriers(self._mark)):
            return True
        return any(_lives_in_group(pid, self._pid) for pid in _all_processes())

    def _signal(self, number: signal.Signals) -> None:
        # Those seen before are kept: once their parent is gone nothing tells whose they were.
        # Who has hidden from that before is known by the mark.
        for pid in [*descendants(self._pid), *carriers(self._mark)]:
            self._members.setdefault(pid, start_time(pid))
        # The first process before its children: it is to end by the signal, not because of them.
        _kill(os.killpg, self._pid, number)
        for pid, started in self._members.items():
            if started and start_time(pid) == started:
                _kill(os.kill, pid, number)


def _lives_in_group(pid: int, group: int) -> bool:
    """Tell the living from the dead whom nobody has buried yet: signals cannot."""
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z" and int(fields[2]) == group


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _kill(how: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    # It may be gone already, or another user's by now: then it is not ours to end.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        how(pid, number)


def descendants(pid: int) -> list[int]:
    """Give the processes below *pid*, in no other order than parents first."""
    children: dict[int, list[int]] = {}
    for process in _all_processes():
        children.setdefault(_parent(process), []).append(process)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/pid/stat behind the name, which may hold anything."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def start_time(pid: int) -> str:
    """Give what tells a process from a later one with the same number; empty: it is gone."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""
