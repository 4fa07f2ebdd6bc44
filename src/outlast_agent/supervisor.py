"""The process that stays with one job from its start to its end.

Knows how to run a program, how to end a whole process tree when its time is up, when it has
been silent for too long or when somebody says so, and in which order all this is recorded:
first that the job exists, then that somebody is told, at last how it ended. Leaves keeping
its output to `output`, and the form of the result to `job_result`, which is loaded when the
job is over, because a supervisor may live for days and is to stay small: it imports nothing
it does not need while it waits.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in a megabyte of enums
import os
import select
import time
from _collections_abc import Callable

from outlast_agent import admission, process_tree, spool
from outlast_agent.output import NAMES, Output

GRACE = 2.0
"""Seconds a job has between the request to end and its being killed."""
GIVE_UP = 3.0
"""Seconds after which what does not even die of SIGKILL (another user's) is left alone."""
_BLOCK = 65536


class Order:
    """What a supervisor is told to do: plain data, as it came from the agent."""

    def __init__(self, fields: dict[str, object]) -> None:
        self.folder = str(fields["folder"])
        self.jid = str(fields["jid"])
        self.wish = admission.Wish(fields)
        self.facts = str(fields["facts"])
        """The text of job.json, without its closing brace."""
        self.limit = _seconds(fields["limit"])
        self.idle_limit = _seconds(fields["idle_limit"])
        """Seconds of silence after which it is ended; 0: it may be silent."""
        argv = fields["argv"]
        self.argv = [str(word) for word in argv] if isinstance(argv, (list, tuple)) else []
        """Empty: there is nothing to run, `finish` holds the result already."""
        # Descriptor of the program to number of the stream: a module's own stdout is its answer.
        self.streams = {1: 3, 2: 4, 3: 1, 4: 2} if fields.get("answers") else {1: 1, 2: 2}
        self.executable = str(fields["executable"])
        self.cwd = str(fields["cwd"])
        environment = fields["environment"]
        self.environment = environment if isinstance(environment, dict) else {}
        payload = fields.pop("payload")  # or it would stay in memory as long as the job lives
        self.payload = payload if isinstance(payload, bytes) else b""
        """What the job reads from its standard input."""
        self.patience = _seconds(fields["patience"])
        """Seconds without output after which a pipe that the ended job's children still hold is
        left alone."""
        self.finish = fields["finish"]
        """Given to `job_result`, which alone understands it."""
        files = fields.get("files")
        self.files = files if isinstance(files, list) else []
        """What it needs and the agent has: path, and the folder in the job's own that it gets."""


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


class Ending:
    """How a job's process ended: what `job_result` makes a result of."""

    def __init__(self) -> None:
        self.cause = ""
        """One of `spool.CAUSES`, as far as it can be told from outside the result."""
        self.trouble = ""
        """What kept us from staying with it to its end; empty: nothing."""
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
        self._output = Output(entry, self._poll)
        self._input = -1
        self._rest = memoryview(order.payload)
        self._exited = False
        self._deadline = 0.0
        self._kill_at = 0.0
        self._give_up_at = 0.0
        self._cancelled = False
        self._wake = -1

    def run(self) -> Ending:
        """Run the job to its end; gives how it ended."""
        self.ending.began = time.time()
        self._start()
        now = self._output.last = time.monotonic()
        self._deadline = now + self._order.limit if self._order.limit > 0 else float("inf")
        while not self._over():
            for fd, _ in self._poll.poll(self._patience()):
                self._serve(fd)
            self._reap()
            self._mind_the_clock()
        self.ending.ended = time.time()
        self.ending.output_lost = self._output.lost
        return self.ending

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
            next_look = min(self._deadline, self._idle_at())
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
            hard = now >= self._kill_at
            self.ending.survivors = process_tree.signal_tree(
                self.ending.pid, _signal.SIGKILL if hard else 0
            )
        elif not self._exited:
            self.ending.cause = self._why_now(now)
            if self.ending.cause:
                self._kill_at = now + GRACE
                self._kill_within(now)
                self.ending.survivors = process_tree.signal_tree(self.ending.pid, _signal.SIGTERM)

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
            grace = float(asked) if asked else GRACE
            first = self._give_up_at == 0
            self._kill_at = now + grace if first else min(self._kill_at, now + grace)
        self._give_up_at = self._kill_at + GIVE_UP


def become_program(order: Order, streams: dict[int, int], tell: int) -> None:
    """Turn this forked process into the job's program; never returns.

    Why it could not be is told as an errno through *tell*.
    """
    error = 0
    try:
        os.setsid()
        os.umask(0o022)
        beyond = max(streams) + 1
        tell = _at_least(tell, beyond)
        sources = {number: _at_least(fd, beyond) for number, fd in streams.items()}
        for number, fd in sources.items():
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


def _at_least(fd: int, lowest: int) -> int:
    """Give *fd*, or a double of it, that is in nobody's way below *lowest*."""
    while fd < lowest:
        fd = os.dup(fd)
    return fd


def supervise(
    fields: dict[str, object],
    tell: Callable[[tuple[str, str, str]], None],
    finish: Callable[[Order, spool.Entry, Ending], None],
) -> None:
    """Record a job, tell that it is recorded (or why not), run it, record its end.

    What is told is (refusal, jid, results file); see `admission.record_start`.
    """
    order = Order(fields)
    entry = spool.Entry(order.folder, "%s.%d" % (order.jid, os.getpid()))
    supervisor = Supervisor(order, entry)
    try:
        supervisor.listen()
        spool.open_folder(entry.folder)
        streams = tuple(NAMES[number] for number in order.streams.values())
        facts = _signed(order.facts, entry.jid)
        said = admission.record_start(entry, facts, order.wish, streams)
        if said[1] == entry.jid:
            spool.take_in(entry, order.files)
    except (spool.SpoolRefused, OSError) as refusal:
        said = (str(refusal), "", "")
    tell(said)
    if said[1] != entry.jid:
        return  # it is not to run, or another one does already
    _show_name()
    process_tree.adopt_orphans()
    finish(order, entry, _run(supervisor) if order.argv else _not_run())


def _not_run() -> Ending:
    ending = Ending()
    ending.cause = "exited"
    ending.began = ending.ended = time.time()
    return ending


def _run(supervisor: Supervisor) -> Ending:
    try:
        return supervisor.run()
    except Exception as error:  # noqa: BLE001  # no process, no descriptor, or a bug: nobody else can tell
        if supervisor.ending.pid:
            process_tree.signal_tree(supervisor.ending.pid, _signal.SIGKILL)
        supervisor.ending.cause = "failed"
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
