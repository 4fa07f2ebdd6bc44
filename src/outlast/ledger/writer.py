"""Handing rows to the ledger while a run goes on, without waiting for it.

Knows that the event loop waits for the disk only where it asks to, and that the thread which
writes lives as long as there is something to write. Leaves writing to `writing`, and what is
written to `recording`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Final

from msgspec import Struct

from outlast.ledger.statements import Statement

_LONGEST: Final = 10.0
"""Seconds somebody waits for his row to be on disk: a disk that hangs must not hold a run."""
PARTING: Final = 10.0
"""Seconds the end of a run waits for its last rows; they take milliseconds."""


class Row(Struct, frozen=True):
    """Something to be written."""

    statement: Statement | Callable[[], Statement]
    """What must be looked up first is looked up in the writer's thread."""
    payloads: tuple[Mapping[str, object], ...] = ()
    """Are packed in the writer's thread and become the statement's last values; an empty one
    beyond the first is not there."""
    on_disk: Callable[[], None] | None = None
    """Called from the thread as soon as the row is safe, or will never be."""
    plenty: bool = False
    """There may be any number of its kind in a run."""


Rows = SimpleQueue[Row | None]
"""None: no more will come."""
Write = Callable[[Rows, list[str]], None]


class Writer:
    """Has rows written in the order they are put; its thread starts with the first of them."""

    def __init__(self, write: Write) -> None:
        """Make a writer whose thread runs *write*, which appends to `problems` what goes wrong."""
        self.problems: list[str] = []
        """For people; complete once `close` has returned."""
        self._write = write
        self._rows: Rows = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._hanging = False
        """Somebody has waited in vain: nobody else does, until the disk answers again."""

    def put(self, row: Row) -> None:
        """Have *row* written soon."""
        self._rows.put(row)
        if self._thread is None:
            arguments = (self._rows, self.problems)
            # A daemon: a disk that hangs must not keep the program from ending.
            self._thread = threading.Thread(
                target=self._write, args=arguments, name="ledger", daemon=True
            )
            self._thread.start()

    def put_on_disk(
        self,
        statement: Statement,
        payloads: tuple[Mapping[str, object], ...] = (),
        *,
        plenty: bool = False,
    ) -> Callable[[], Awaitable[None]]:
        """Have *statement* written at once; gives what waits for it, which may be left alone.

        That returns when *statement* and all that was put before it would survive a power cut,
        and as well when this is impossible: `problems` tells.
        """
        loop = asyncio.get_running_loop()
        written = loop.create_future()

        def on_disk() -> None:
            self._resolve(loop, written)

        self.put(Row(statement, payloads, on_disk=on_disk, plenty=plenty))
        return partial(self._written, written)

    async def _written(self, written: asyncio.Future[None]) -> None:
        if written.done() or self._hanging:
            return
        waiting = asyncio.timeout(_LONGEST)
        try:
            async with waiting:
                await asyncio.shield(written)  # others may wait for it as well
        except TimeoutError:
            if not waiting.expired():  # somebody else's: a bug, not ours to hide
                raise
            self._hangs()

    def close(self) -> None:
        """Return when all is written, or cannot be."""
        if self._thread is None:
            return
        self._rows.put(None)
        self._thread.join(PARTING)
        if self._thread.is_alive():
            self._hangs()

    def _hangs(self) -> None:
        self._hanging = True
        said = "The ledger could not be written in time; it may lack what this run did last."
        if said not in self.problems:
            self.problems.append(said)

    def _resolve(self, loop: asyncio.AbstractEventLoop, written: asyncio.Future[None]) -> None:
        """Let who waits for *written* go on; called from the thread."""

        def tell() -> None:
            self._hanging = False
            if not written.done():  # who waited was cancelled
                written.set_result(None)

        try:
            loop.call_soon_threadsafe(tell)
        except RuntimeError:
            return  # the loop has ended, and with it who waited
