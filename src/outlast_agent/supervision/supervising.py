"""What the process does that stays with one job, in order.

Knows that the job is recorded first, that somebody is told next, and at last, when its program
has been run, how it ended. Leaves running the program to `supervisor`, a job that restarts its
host to `restart`, and the form of the result to `result`, which is loaded when the job is over,
because a supervisor may live for days and is to stay small: it imports nothing it does not need
while it waits.
"""

from __future__ import annotations

import os
import time
from _collections_abc import Callable

from outlast_agent import spool
from outlast_agent.supervision import admission, process_tree
from outlast_agent.supervision.order import Ending, Order
from outlast_agent.supervision.output import NAMES
from outlast_agent.supervision.resources import NotPossible
from outlast_agent.supervision.restart import RestartSupervisor
from outlast_agent.supervision.supervisor import Supervisor


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
    supervisor = _supervisor_of(order, entry)
    try:
        order.resources.prepare(entry.jid)
        supervisor.listen()
        spool.open_folder(entry.folder)
        streams = tuple(NAMES[number] for number in order.streams.values())
        facts = _signed(order.facts, entry.jid)
        said = admission.record_start(entry, facts, order.wish, streams)
        if said[1] == entry.jid:
            spool.take_in(entry, order.files)
    except (spool.SpoolRefused, NotPossible, OSError) as refusal:
        said = (str(refusal), "", "")
    if said[1] != entry.jid:  # it is not to run, or another one does already
        order.resources.leave()
        tell(said)
        return
    tell(said)
    _show_name()
    process_tree.adopt_orphans()
    ending = _run(supervisor) if order.argv else _not_run()
    ending.memory_kills = order.resources.leave()
    supervisor.conclude(ending, lambda ending: finish(order, entry, ending))


def _supervisor_of(order: Order, entry: spool.Entry) -> Supervisor:
    if order.reboots and order.argv:
        return RestartSupervisor(order, entry)
    return Supervisor(order, entry)


def _not_run() -> Ending:
    ending = Ending()
    ending.cause = "exited"
    ending.began = ending.ended = time.time()
    return ending


def _run(supervisor: Supervisor) -> Ending:
    try:
        return supervisor.run()
    except Exception as error:  # noqa: BLE001  # no process, no descriptor, or a bug: nobody else can tell
        supervisor.kill()
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
        os.write(fd, spool.TITLE.encode())
    finally:
        os.close(fd)
