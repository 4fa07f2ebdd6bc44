"""The jobs of one task while they start: one of the task's own, or one for each item of its loop.

Filled by whoever carries the task to its host, read by whoever has to say that it has begun.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct, field

from outlast.engine.results import HostResult, ItemResult, sum_up


class Begun(Struct):
    """What is known of a task's jobs while they start: one of the task's, or one of each item's."""

    expected: int | None = None
    """How many there are at first; None: there is no loop, or its list is not yet known."""
    looped: bool = False
    started: dict[int, ItemResult] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    """Those that started, and those that ended without."""
    said: asyncio.Event = field(default_factory=asyncio.Event)
    """Enough is known for the task's first answer."""

    def expect(self, number: int) -> None:
        """Say that there is a loop, of which so many items can start at once."""
        self.expected, self.looped = number, True
        self._look()

    def start(self, number: int, result: ItemResult) -> None:
        """Say that a job has started; of an item's later attempts nobody needs to hear."""
        if number not in self.done:
            self.started[number] = result
        self.end(number)

    def end(self, number: int) -> None:
        """Say that of this one nothing more will start."""
        self.done.add(number)
        self._look()

    def _look(self) -> None:
        if len(self.done) >= (1 if self.expected is None else self.expected):
            self.said.set()

    @property
    def result(self) -> HostResult:
        """The task's first answer."""
        items = tuple(self.started[number] for number in sorted(self.started))
        return sum_up(items) if self.looped else HostResult(outcome=items[0].outcome, items=items)
