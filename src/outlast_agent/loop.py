"""One thread that waits for descriptors, timers and children, and calls whoever asked.

Knows when something happens. Leaves what is done about it to the callbacks, which must not
block: everything a host is asked at the same time shares this loop.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Timer:
    """A call that is due later, unless it is cancelled first."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the call; harmless when it was made already."""
        self.callback = None


class Loop:
    """Calls back when a descriptor is ready, a time has come or a child has ended."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._ready: dict[int, dict[int, Callable[[], None]]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._exits: dict[int, Callable[[int], None]] = {}
        self._running = False
        self._woken, self._wake = _nonblocking_pipe()
        self._old_handler = signal.signal(signal.SIGCHLD, _note)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self.watch(self._woken, self._reap)

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call *callback* whenever *fd* can be read."""
        self._register(fd, READ, callback)

    def watch_writable(self, fd: int, callback: Callable[[], None]) -> None:
        """Call *callback* whenever *fd* can be written."""
        self._register(fd, WRITE, callback)

    def _register(self, fd: int, event: int, callback: Callable[[], None]) -> None:
        wanted = self._ready.setdefault(fd, {})
        change = self._selector.modify if wanted else self._selector.register
        wanted[event] = callback
        change(fd, sum(wanted))

    def unwatch(self, fd: int) -> None:
        """Watch *fd* no more; to be called before it is closed."""
        if self._ready.pop(fd, None) is not None:
            self._selector.unregister(fd)

    def unwatch_writable(self, fd: int) -> None:
        """Watch *fd* for reading alone."""
        wanted = self._ready.get(fd, {})
        if wanted.pop(WRITE, None):
            if wanted:
                self._selector.modify(fd, sum(wanted))
            else:
                self.unwatch(fd)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* when *seconds* have passed."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._count), timer))
        return timer

    def when_exited(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call *callback* with the wait status of our child *pid* when it has ended."""
        self._exits[pid] = callback
        self.call_later(0, self._reap)  # its signal may have come already

    def run(self) -> None:
        """Serve until `stop` is called."""
        self._running = True
        while self._running:
            for key, events in self._selector.select(self._timeout()):
                for event in (READ, WRITE):
                    # an earlier callback may have unwatched it
                    callback = self._ready.get(key.fd, {}).get(event)
                    if events & event and callback and self._running:
                        callback()
            self._fire()

    def stop(self) -> None:
        """Have `run` return after the present callback."""
        self._running = False

    def close(self) -> None:
        """Give back the descriptors and the signal."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self._old_handler)
        self._selector.close()
        os.close(self._woken)
        os.close(self._wake)

    def _timeout(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _fire(self) -> None:
        now = time.monotonic()
        while self._running and self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback:
                callback()

    def _reap(self) -> None:
        _drain(self._woken)
        for pid in list(self._exits):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # somebody else waited for it: how it ended is unknown
                ended, status = pid, 0
            if ended:
                self._exits.pop(pid)(status)


def exit_code(status: int) -> int:
    """Give the code of a wait status, negative for a signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def set_nonblocking(fd: int) -> int:
    """Have reads and writes of *fd* return at once; gives *fd*."""
    os.set_blocking(fd, False)
    return fd


def _nonblocking_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    return set_nonblocking(reader), set_nonblocking(writer)


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def _note(_signal: int, _frame: object) -> None:
    """Let the wake-up descriptor be written: without a handler the signal is ignored."""
