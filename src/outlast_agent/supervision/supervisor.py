"""Running one job's program from its start to its end.

Knows how to end a whole process tree when its time is up, when it has been silent for too long
or when somebody says so. Leaves keeping its output to `output`, and what is recorded of the job
to `supervising`. It is part of every supervisor, so it imports nothing that costs memory.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in a megabyte of enums
import os
import select
import time
from _collections_abc import Callable

from outlast_agent import spool
from outlast_agent.supervision import process_tree
from outlast_agent.supervision.order import Ending, Order
from outlast_agent.supervision.output import Output
from outlast_agent.supervision.program import become_program

GRACE = 2.0
"""Seconds between the request to end and its being killed, unless a job has asked for others."""
GIVE_UP = 3.0
"""Seconds after which what does not even die of SIGKILL (another user's) is left alone."""
MOST_KNOWN = 4096
"""Processes of a job that are remembered."""
_BLOCK = 65536


class Supervisor:
    """Runs one program, keeps its output, ends it in time."""

    def __init__(self, order: Order, entry: spool.Entry) -> None:
        self.ending = Ending()
        self._order = order
        self._entry = entry
        self._poll = select.poll()
        self._output = Output(entry, self._poll)
        self._input = -1
        self._rest = memoryview(order.payload)
        self._exited = False
        self._deadline = 0.0
        self._kill_at = 0.0
        self._give_up_at = 0.0
        self._cancelled = False
        self._wake = -1
        self._look_at = 0.0
        """When to see once more which processes the job has."""

    def run(self) -> Ending:
        """Run the job to its end; gives how it ended."""
        self.ending.began = time.time()
        self._start()
        now = self._output.last = self.ending.since = time.monotonic()
        self._deadline = now + self._order.limit if self._order.limit > 0 else float("inf")
        while not self._over():
            for fd, _ in self._poll.poll(self._patience()):
                self._serve(fd)
            self._reap()
            self._mind_the_clock()
        # Whatever becomes of the host's clock meanwhile: no job ends before it has begun.
        self.ending.ended = max(
            time.time(), self.ending.began + time.monotonic() - self.ending.since
        )
        self.ending.output_lost = self._output.lost
        return self.ending

    def conclude(self, ending: Ending, finish: Callable[[Ending], None]) -> None:
        """Have *finish* record how the program ended."""
        finish(ending)

    def listen(self) -> None:
        """Have the end of a child, and SIGTERM, wake the poll; before anybody knows the job."""
        self._wake, tell = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(tell, False)
        _signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
        _signal.signal(_signal.SIGTERM, self._cancel)
        self._poll.register(self._wake, select.POLLIN)

    def _cancel(self, _number: int, _frame: object) -> None:
        self._cancelled = True

    # -- the program --------------------------------------------------------------------

    def _start(self) -> None:
        pipes = {number: os.pipe() for number in self._order.streams}
        if self._order.payload:
            pipes[0] = os.pipe()[::-1]
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            become_program(self._order, {n: theirs for n, (_, theirs) in pipes.items()}, tell)
        os.close(tell)
        for number, (ours, theirs) in pipes.items():
            os.close(theirs)
            os.set_blocking(ours, False)
            self._adopt(number, ours)
        said = os.read(told, 16)  # ends when exec has closed the other end
        os.close(told)
        self.ending.pid = pid
        self.ending.error = int(said) if said else 0
        try:  # noqa: SIM105  # contextlib would cost every running job a third of a megabyte
            spool.put(self._entry.path("child"), "%d %d\n" % (pid, spool.process_start(pid)))
        except OSError:
            pass  # it only helps to say what a lost job has left; the job itself can do without

    def _adopt(self, number: int, fd: int) -> None:
        if number == 0:
            self._input = fd
            self._poll.register(fd, select.POLLOUT)
        else:
            self._output.adopt(self._order.streams[number], fd)

    # -- what wakes us ------------------------------------------------------------------

    def _serve(self, fd: int) -> None:
        if fd == self._wake:
            os.read(fd, 512)
        elif fd == self._input:
            self._feed()
        else:
            self._output.keep(fd)

    def _feed(self) -> None:
        try:
            self._rest = self._rest[os.write(self._input, self._rest[:_BLOCK]) :]
        except BlockingIOError:
            return
        except OSError:  # it closed its input or died: not ours to judge
            self._rest = self._rest[:0]
        if not self._rest:
            self._rest = memoryview(b"")
            self._order.payload = b""
            self._poll.unregister(self._input)
            os.close(self._input)
            self._input = -1

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.ending.pids.add(pid)
            if pid == self.ending.pid:
                self._exited = True
                self._judge(status)
                self._output.drain()

    def _judge(self, status: int) -> None:
        ending = self.ending
        signalled = os.WIFSIGNALED(status)
        ending.rc = -os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
        if ending.cause == "":
            ending.cause = "signalled" if signalled else "exited"
        if ending.error:
            ending.cause = "failed"

    # -- time ---------------------------------------------------------------------------

    def _over(self) -> bool:
        if not self._exited:
            return self._give_up_at > 0 and time.monotonic() > self._give_up_at
        if self._kill_at > 0:
            return self.ending.survivors == 0 or time.monotonic() > self._give_up_at
        return not self._output.open or self._cancelled or time.monotonic() >= self._silence_at()

    def _patience(self) -> float:
        """Milliseconds until something is to be done without being asked."""
        if self._kill_at > 0:
            next_look = time.monotonic() + 0.05  # a tree that dies tells us only of its root
        elif self._exited:
            next_look = self._silence_at()
        else:
            next_look = min(self._deadline, self._idle_at(), self._look_at)
        if next_look == float("inf"):
            return -1
        return max(0.0, min(next_look - time.monotonic(), 3600.0)) * 1000

    def _silence_at(self) -> float:
        """When to stop listening to what the ended program has left behind."""
        return min(self._output.last + self._order.patience, self._deadline)

    def _idle_at(self) -> float:
        """When it has been silent for too long."""
        idle = self._order.idle_limit
        return self._output.last + idle if idle > 0 else float("inf")

    def _mind_the_clock(self) -> None:
        now = time.monotonic()
        if self._kill_at > 0:
            if self._cancelled:  # perhaps once more, by somebody with less patience
                self._kill_within(now)
            self._signal(_signal.SIGKILL if now >= self._kill_at else 0)
        elif not self._exited:
            self.ending.cause = self._why_now(now)
            if self.ending.cause:
                self._kill_at = now + self._order.grace
                self._kill_within(now)
                self._signal(_signal.SIGTERM)
            elif now >= self._look_at:
                self._look_around(now)

    def _look_around(self, now: float) -> None:
        """See which processes the job has: later somebody may ask whose one was that was killed.

        Ever less often: what takes much memory is not born just before.
        """
        if len(self.ending.pids) < MOST_KNOWN:
            self.ending.pids.update(process_tree.family(self.ending.pid))
        self._look_at = now + max(1.0, min(now - self.ending.since, 3600.0))

    def kill(self) -> None:
        """Kill all that is the job's, without waiting for it."""
        if self.ending.pid:
            self._signal(_signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """Signal all that is the job's (0: only count)."""
        resources = self._order.resources
        if number == _signal.SIGKILL:
            resources.kill()
        self.ending.survivors = process_tree.signal_tree(self.ending.pid, number, resources.pids())

    def _why_now(self, now: float) -> str:
        """Give why it is to be ended; empty: it may go on."""
        if self._cancelled:
            return "cancelled"
        if now >= self._deadline:
            return "limit"
        return "idle" if now >= self._idle_at() else ""

    def _kill_within(self, now: float) -> None:
        """Have it killed after the grace that it has."""
        if self._cancelled:
            self._cancelled = False
            asked = spool.first_line(self._entry.path("grace"))
            grace = float(asked) if asked else self._order.grace
            first = self._give_up_at == 0
            self._kill_at = now + grace if first else min(self._kill_at, now + grace)
        self._give_up_at = self._kill_at + GIVE_UP
