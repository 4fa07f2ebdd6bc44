"""Running the program's one coroutine.

Knows that waiting for a child process must not cost a thread: before Python 3.12 asyncio
starts one for each unless it is told otherwise. Leaves everything else to asyncio.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* to its end in a new event loop; an interrupt cancels it."""
    if not gc.isenabled():  # at rest while the program started (`cli.program`)
        gc.freeze()  # what stands by now stays: the collector need not look through it again
        gc.enable()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    return _watched_loop if sys.version_info < (3, 12) and _has_pidfd() else None


def _watched_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    watcher = asyncio.PidfdChildWatcher()
    watcher.attach_loop(loop)
    asyncio.get_event_loop_policy().set_child_watcher(watcher)
    return loop


def _has_pidfd() -> bool:
    """Ask the kernel: an old one, or a sandbox, may not know how."""
    try:
        os.close(os.pidfd_open(os.getpid()))
        signal.pidfd_send_signal  # noqa: B018  # Python was built with it
    except (AttributeError, OSError):
        return False
    return True
