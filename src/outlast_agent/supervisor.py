"""The process that stays with one job from its start to its end.

Knows how to run a program whose output goes to the spool as it comes, how to end a whole
process tree when the time is up, and in which order all this is recorded: first that the job
exists, then that somebody is told, at last how it ended. Leaves the form of the result to
`job_result`, which is loaded when the job is over, because a supervisor may live for days and
is to stay small: it imports nothing it does not need while it waits.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in a megabyte of enums
import os
import select
import time
from _collections_abc import Callable

from outlast_agent import process_tree, spool

GRACE = 2.0
"""Seconds a job has between the request to end and its being killed."""
GIVE_UP = 3.0
"""Seconds after which what does not even die of SIGKILL (another user's) is left alone."""
LARGEST_SPOOL = 1 << 30
"""Bytes of one stream that are kept: a job that never stops talking must not fill the disk."""
_BLOCK = 65536
_FULLEST_PIPE = 1 << 20
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class Order:
    """What a supervisor is told to do: plain data, as it came from the agent."""

    def __init__(self, fields: dict[str, object]) -> None:
        self.folder = str(fields["folder"])
        self.jid = str(fields["jid"])
        self.facts = str(fields["facts"])
        """The text of job.json, without its closing brace."""
        limit = fields["limit"]
        self.limit = float(limit) if isinstance(limit, (int, float)) else 0.0
        argv = fields["argv"]
        self.argv = [str(word) for word in argv] if isinstance(argv, (list, tuple)) else []
        """Empty: there is nothing to run, `finish` holds the result already."""
        self.executable = str(fields["executable"])
        self.cwd = str(fields["cwd"])
        environment = fields["environment"]
        self.environment = environment if isinstance(environment, dict) else {}
        payload = fields.pop("payload")  # or it would stay in memory as long as the job lives
        self.payload = payload if isinstance(payload, bytes) else b""
        """What the job reads from its standard input."""
        patience = fields["patience"]
        self.patience = float(patience) if isinstance(patience, (int, float)) else 0.0
        """Seconds without output after which a pipe that the ended job's children still hold is
        left alone."""
        self.finish = fields["finish"]
        """Given to `job_result`, which alone understands it."""


class Ending:
    """How a job's process ended: what `job_result` makes a result of."""

    def __init__(self) -> None:
        self.cause = ""
        """`exit`, `signal`, `limit`, `cancelled`, `not started` or `broken`."""
        self.trouble = ""
        """What kept us from running it or from staying with it, when it is `broken`."""
        self.pid = 0
        self.rc = 0
        """Exit code, or minus the signal's number."""
        self.error = 0
        """The errno because of which the program could not be started."""
        self.began = 0.0
        self.ended = 0.0
        self.survivors = 0
        """Processes that could not be ended."""
        self.output_lost = False
        """Not all of the output was kept: the disk was full, or it was too much."""


class Supervisor:
    """Runs one program, keeps its output, ends it in time."""

    def __init__(self, order: Order, entry: spool.Entry) -> None:
        self.ending = Ending()
        self._order = order
        self._entry = entry
        self._poll = select.poll()
        self._outputs: dict[int, int] = {}
        """Pipe to spool file."""
        self._room: dict[int, int] = {}
        """Pipe to the bytes its spool file may still take."""
        self._input = -1
        self._rest = memoryview(order.payload)
        self._exited = False
        self._last_output = 0.0
        self._deadline = 0.0
        self._kill_at = 0.0
        self._give_up_at = 0.0
        self._cancelled = False
        self._wake = -1

    def run(self) -> Ending:
        """Run the job to its end; gives how it ended."""
        self._listen()
        self.ending.began = time.time()
        self._start()
        now = time.monotonic()
        self._last_output = now
        self._deadline = now + self._order.limit if self._order.limit > 0 else float("inf")
        while not self._over():
            for fd, _ in self._poll.poll(self._patience()):
                self._serve(fd)
            self._reap()
            self._mind_the_clock()
        self.ending.ended = time.time()
        return self.ending

    def _listen(self) -> None:
        """Have the end of a child, and SIGTERM, wake the poll."""
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
        pipes = {1: os.pipe(), 2: os.pipe()}
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
            return
        self._outputs[fd] = spool.open_output(self._entry, "stdout" if number == 1 else "stderr")
        self._room[fd] = LARGEST_SPOOL
        self._poll.register(fd, _READABLE)

    # -- what wakes us ------------------------------------------------------------------

    def _serve(self, fd: int) -> None:
        if fd == self._wake:
            os.read(fd, 512)
        elif fd == self._input:
            self._feed()
        else:
            self._keep(fd)

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

    def _keep(self, fd: int) -> bool:
        """Keep a block of output; tells whether there was one."""
        try:
            block = os.read(fd, _BLOCK)
        except BlockingIOError:
            return False
        if not block:
            self._poll.unregister(fd)
            os.close(fd)
            os.close(self._outputs.pop(fd))
            return False
        self._last_output = time.monotonic()
        self._write(fd, block[: self._room[fd]])
        self.ending.output_lost |= len(block) > self._room[fd]
        self._room[fd] = max(0, self._room[fd] - len(block))
        return True

    def _write(self, fd: int, block: bytes) -> None:
        try:
            spool.write_all(self._outputs[fd], block)
        except OSError:
            # A full disk is no reason to stop the job: it is read, so that it can go on.
            self.ending.output_lost = True

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.ending.pid:
                self._exited = True
                self._judge(status)
                self._drain()

    def _drain(self) -> None:
        """Keep all that the program has said itself, and little of who goes on after it."""
        for fd in list(self._outputs):
            for _ in range(_FULLEST_PIPE // _BLOCK):
                if not self._keep(fd):
                    break

    def _judge(self, status: int) -> None:
        ending = self.ending
        signalled = os.WIFSIGNALED(status)
        ending.rc = -os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
        if ending.cause == "":
            ending.cause = "signal" if signalled else "exit"
        if ending.error:
            ending.cause = "not started"

    # -- time ---------------------------------------------------------------------------

    def _over(self) -> bool:
        if not self._exited:
            return self._give_up_at > 0 and time.monotonic() > self._give_up_at
        if self._kill_at > 0:
            return self.ending.survivors == 0 or time.monotonic() > self._give_up_at
        return not self._outputs or time.monotonic() >= self._silence_at()

    def _patience(self) -> float:
        """Milliseconds until something is to be done without being asked."""
        if self._kill_at > 0:
            next_look = time.monotonic() + 0.05  # a tree that dies tells us only of its root
        elif self._exited:
            next_look = self._silence_at()
        else:
            next_look = self._deadline
        if next_look == float("inf"):
            return -1
        return max(0.0, min(next_look - time.monotonic(), 3600.0)) * 1000

    def _silence_at(self) -> float:
        """When to stop listening to what the ended program has left behind."""
        return min(self._last_output + self._order.patience, self._deadline)

    def _mind_the_clock(self) -> None:
        now = time.monotonic()
        if self._kill_at > 0:
            hard = now >= self._kill_at
            self.ending.survivors = process_tree.signal_tree(
                self.ending.pid, _signal.SIGKILL if hard else 0
            )
        elif not self._exited and (self._cancelled or now >= self._deadline):
            self.ending.cause = "cancelled" if self._cancelled else "limit"
            self._kill_at = now + GRACE
            self._give_up_at = self._kill_at + GIVE_UP
            self.ending.survivors = process_tree.signal_tree(self.ending.pid, _signal.SIGTERM)


def become_program(order: Order, streams: dict[int, int], tell: int) -> None:
    """Turn this forked process into the job's program; never returns.

    Why it could not be is told as an errno through *tell*.
    """
    error = 0
    try:
        os.setsid()
        os.umask(0o022)
        for number, fd in streams.items():
            os.dup2(fd, number)
        _signal.set_wakeup_fd(-1)
        for number in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT, _signal.SIGPIPE):
            _signal.signal(number, _signal.SIG_DFL)  # what is ignored stays so across exec
        if order.cwd:
            os.chdir(order.cwd)
        environment = {**os.environ, **order.environment}
        os.execvpe(order.executable, order.argv, environment)  # noqa: S606  # the user's choice
    except OSError as failure:
        error = failure.errno or 1
    finally:
        os.write(tell, b"%d" % error)
        os._exit(127)


def supervise(
    fields: dict[str, object],
    tell: Callable[[tuple[str, str, str]], None],
    finish: Callable[[Order, spool.Entry, Ending], None],
) -> None:
    """Record a job, tell that it is recorded (or why not), run it, record its end."""
    order = Order(fields)
    entry = spool.Entry(order.folder, "%s.%d" % (order.jid, os.getpid()))
    try:
        spool.open_folder(entry.folder)
        spool.record_start(entry, _signed(order.facts, entry.jid))
    except spool.SpoolRefused as refusal:
        tell((str(refusal), "", ""))
        return
    tell(("", entry.jid, entry.results_file))
    _show_name()
    process_tree.adopt_orphans()
    finish(order, entry, _run(order, entry))


def _run(order: Order, entry: spool.Entry) -> Ending:
    if not order.argv:
        ending = Ending()
        ending.cause = "exit"
        ending.began = ending.ended = time.time()
        return ending
    supervisor = Supervisor(order, entry)
    try:
        return supervisor.run()
    except Exception as error:  # noqa: BLE001  # no process, no descriptor, or a bug: nobody else can tell
        if supervisor.ending.pid:
            process_tree.signal_tree(supervisor.ending.pid, _signal.SIGKILL)
        supervisor.ending.cause = "broken"
        supervisor.ending.trouble = "%s: %s" % (type(error).__name__, error)
        supervisor.ending.ended = time.time()
        return supervisor.ending


def _signed(facts: str, jid: str) -> str:
    """Complete job.json with what only the supervisor knows: who it is."""
    pid = os.getpid()
    return '%s, "jid": "%s", "supervisor": {"pid": %d, "start": %d}, "boot_id": "%s"}\n' % (
        facts,
        jid,
        pid,
        spool.process_start(pid),
        spool.boot_id(),
    )


def _show_name() -> None:
    """Let `ps` and `top` show what this process is."""
    try:
        fd = os.open("/proc/self/comm", os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(fd, b"outlast-job")
    finally:
        os.close(fd)
