"""A forked process on its way to being a job's program.

Knows what of ours must not reach the program: signals, descriptors, the umask, and where it is
to stand. Leaves limits to `resources`. It is part of every supervisor, so it imports nothing that
costs memory.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps in a megabyte of enums
import os

from outlast_agent.supervision.order import Order


def become_program(order: Order, streams: dict[int, int], tell: int) -> None:
    """Turn this forked process into the job's program; never returns.

    Why it could not be is told as an errno through *tell*.
    """
    error = 0
    try:
        os.setsid()
        os.umask(0o022)
        order.resources.enter()
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
