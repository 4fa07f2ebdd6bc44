"""The rows a run has written, should its file turn out to be broken and a new one be begun.

Knows that what a run says of itself, its tasks and its jobs is little and must not be lost, and
that of results there may be any number: the latest are kept, as many as there is room for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from outlast.ledger.statements import Statement
from outlast.ledger.writer import Row

ROOM: Final = 16 * 1024 * 1024
"""Bytes: some ten thousand results, as they come packed."""
_EACH: Final = 400
"""Bytes of a row beside its longer values."""


class Spare:
    """What was written, in the order of writing but for the few before the many."""

    def __init__(self) -> None:
        self._few: list[Statement] = []
        self._many: deque[tuple[Statement, int]] = deque()
        self._bytes = 0
        self.dropped = 0
        """How many rows there was no room for."""

    def keep(self, row: Row, written: Statement) -> None:
        """Keep *row*, which was written so."""
        if not row.plenty:
            self._few.append(written)
            return
        size = _EACH + sum(len(each) for each in written.values if isinstance(each, bytes | str))
        self._many.append((written, size))
        self._bytes += size
        while self._bytes > ROOM:
            _, size = self._many.popleft()
            self._bytes -= size
            self.dropped += 1

    def all(self) -> Iterator[Row]:
        """Give what is kept, to be written again."""
        yield from (Row(statement) for statement in self._few)
        yield from (Row(statement) for statement, _ in self._many)
