"""The agent's two ends of the pipe to whoever asks.

Knows bytes that come and go without anybody waiting for them. Leaves their meaning to
`agent`, and their form to `wire`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable

from outlast_agent.loop import Loop, set_nonblocking

_READ = 256 * 1024
PATIENCE = 8 * 1024 * 1024
"""Bytes waiting to be written at which it is time to read no more."""


class Outbox:
    """Writes to a descriptor as fast as the other end reads; gives up when it is gone."""

    def __init__(self, loop: Loop, fd: int, when_drained: Callable[[], None]) -> None:
        self._loop = loop
        self._fd: int | None = set_nonblocking(fd)
        self._queue: deque[bytes] = deque()
        self._when_drained = when_drained
        self._last = False
        self.waiting = 0

    def send(self, pieces: Iterable[bytes]) -> None:
        """Write *pieces* in order, now or as soon as it goes."""
        if self._fd is None:
            return
        idle = not self._queue
        for piece in pieces:
            self._queue.append(piece)
            self.waiting += len(piece)
        if idle:
            self._flush()

    def _flush(self) -> None:
        while self._queue and self._fd is not None:
            try:
                written = os.write(self._fd, self._queue[0])
            except BlockingIOError:
                self._loop.watch_writable(self._fd, self._go_on)
                return
            except OSError:  # nobody reads any more; whoever reads from there will notice
                self.close()
                return
            self.waiting -= written
            if written < len(self._queue[0]):
                self._queue[0] = self._queue[0][written:]
            else:
                self._queue.popleft()
        if self._fd is not None:
            self._loop.unwatch_writable(self._fd)
        if self._last:
            self.close()

    def finish(self) -> None:
        """Close as soon as all is written."""
        self._last = True
        if not self._queue:
            self.close()

    def _go_on(self) -> None:
        self._flush()
        if self.waiting < PATIENCE:
            self._when_drained()

    def close(self) -> None:
        """Write nothing more and close the descriptor."""
        if self._fd is not None:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = None
            self._queue.clear()
            self.waiting = 0


class Inbox:
    """Reads what comes and hands it on; may be told to pause."""

    def __init__(
        self, loop: Loop, fd: int, deliver: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._fd: int | None = set_nonblocking(fd)
        self._deliver = deliver
        self._ended = ended
        self.paused = True
        self.resume()

    def pause(self) -> None:
        """Read no more until `resume`."""
        if self._fd is not None and not self.paused:
            self.paused = True
            self._loop.unwatch(self._fd)

    def resume(self) -> None:
        """Read again."""
        if self._fd is not None and self.paused:
            self.paused = False
            self._loop.watch(self._fd, self._read)

    def _read(self) -> None:
        if self._fd is None:
            return
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return
        except OSError:  # a pty says EIO when its other end is closed
            data = b""
        if data:
            self._deliver(data)
        else:
            self.close()
            self._ended()

    def drain(self) -> None:
        """Read all that is there already, whoever else may still hold the other end."""
        while self._fd is not None:
            try:
                data = os.read(self._fd, _READ)
            except OSError:
                return
            if not data:
                return
            self._deliver(data)

    @property
    def open(self) -> bool:
        """Tell whether more may come."""
        return self._fd is not None

    def close(self) -> None:
        """Read no more and close the descriptor."""
        if self._fd is not None:
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = None
