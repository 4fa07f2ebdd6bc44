"""The lean process that every supervisor is forked from.

Knows how to take orders from the agent, one after another, and how to let go of what it
starts: a new session, no descriptor of ours, no way back. Leaves the job itself to
`supervisor`. It exists because a supervisor lives as long as its job: forked from the agent,
it would keep the agent's 25 MB for all that time; forked from here it keeps three.

Orders and answers are marshalled, each behind its length: both ends are the same Python, one
started by the other, and json alone would cost each supervisor a megabyte.
"""

from __future__ import annotations

import marshal
import os
from _collections_abc import Callable

from outlast_agent.spool import Entry, write_all
from outlast_agent.supervision.order import Ending, Order
from outlast_agent.supervision.supervising import supervise

LARGEST_ORDER = 256 * 1024 * 1024
FIRST = 3
"""The lowest descriptor above the standard ones."""


class Spawner:
    """Starts a supervisor for every order, and forgets it."""

    def __init__(self, finish: Callable[[Order, Entry, Ending], None]) -> None:
        self._finish = finish
        """Records a job's end; called in the supervisor."""

    def serve(self, orders: int, answers: int) -> None:
        """Carry out the orders that come in on one descriptor until it is closed."""
        while True:
            order = receive(orders)
            if not isinstance(order, dict):
                return
            send(answers, self.launch(order))
            del order  # it may hold a module and all it imports

    def launch(self, order: dict[str, object]) -> object:
        """Start a job's supervisor; give (refusal, jid, results file).

        When the refusal is empty, the job is recorded on the disk: this one, or the one of
        another id that is the same.
        """
        report, tell = os.pipe()
        try:
            go_between = os.fork()
        except OSError as error:
            os.close(report)
            os.close(tell)
            return ("could not start a process for the job: %s" % error, "", "")
        if go_between == 0:
            self._let_go(order, tell)
        os.close(tell)
        answer = receive(report)
        os.close(report)
        os.waitpid(go_between, 0)
        if answer is None:
            return ("the job's supervisor ended before it had recorded the job", "", "")
        return answer

    def _let_go(self, order: dict[str, object], tell: int) -> None:
        """Become two processes: one that ends at once, and the supervisor, which has no parent."""
        status = 1
        try:
            os.setsid()
            if os.fork() == 0:
                # Not a session's leader: it can never be given a terminal.
                tell = _close_all_but(tell)
                supervise(order, lambda answer: _report(tell, answer), self._finish)
            status = 0
        finally:
            os._exit(status)


def _close_all_but(kept: int) -> int:
    if kept != FIRST:
        os.dup2(kept, FIRST, inheritable=False)
    os.closerange(FIRST + 1, 256)  # the spawner itself never has more
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    return FIRST


def _report(tell: int, answer: object) -> None:
    send(tell, answer)
    os.close(tell)


def send(fd: int, value: object) -> None:
    """Write one value behind its length."""
    body = marshal.dumps(value)  # type: ignore[arg-type]  # plain data by its writers' care
    write_all(fd, len(body).to_bytes(4, "big") + body)


def receive(fd: int) -> object:
    """Read one value; None when the other end has closed."""
    head = read_exactly(fd, 4)
    if head is None:
        return None
    size = int.from_bytes(head, "big")
    body = read_exactly(fd, size) if size <= LARGEST_ORDER else None
    # What is read here was written by the agent that started us, or by our own child.
    return None if body is None else marshal.loads(body)  # noqa: S302


def read_exactly(fd: int, size: int) -> bytes | None:
    """Read *size* bytes; None when the end comes first."""
    parts = []
    while size > 0:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
