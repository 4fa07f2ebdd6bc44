"""What a run has to say, brought to its listeners from wherever it is said.

Notices arise on the loop and in worker threads (files are read there). Listeners are only
ever called from the thread that made this.
"""

from __future__ import annotations

import asyncio
import threading

from msgspec import Struct, field

from outlast.events import Event, EventSink, Noticed
from outlast.outcome import Notice


class Listeners(Struct, frozen=True):
    """Several sinks as one: each hears of every event, in this order."""

    sinks: tuple[EventSink, ...]

    def emit(self, event: Event) -> None:
        """Tell *event* to each."""
        for sink in self.sinks:
            sink.emit(event)


class Telling(Struct):
    """Hands notices to a sink."""

    sink: EventSink
    _home: int = field(default_factory=threading.get_ident)
    _loop: asyncio.AbstractEventLoop | None = None

    def run_begins(self) -> None:
        """From now on threads hand their notices to the loop that is running."""
        self._loop = asyncio.get_running_loop()

    def notice(self, notice: Notice) -> None:
        """Tell *notice*; may be called from any thread."""
        self.emit(Noticed(notice))

    def emit(self, event: Event) -> None:
        """Tell *event*; may be called from any thread."""
        if threading.get_ident() == self._home or self._loop is None:
            self.sink.emit(event)
        else:
            self._loop.call_soon_threadsafe(self.sink.emit, event)
