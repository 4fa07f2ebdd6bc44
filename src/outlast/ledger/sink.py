"""Writing down what the engine tells.

Knows which events make history: what became of each task, and of each item of a loop, on
each host. What they hold is fit to be shown, so it is fit to be kept. Leaves printing to
`output`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from outlast.errors import joined
from outlast.events import (
    Event,
    HostStarted,
    ItemEnded,
    PlayStarted,
    TaskEnded,
    TaskLabel,
    TaskStarted,
)
from outlast.ledger import statements
from outlast.ledger.payloads import as_json
from outlast.ledger.recording import Recording
from outlast.ledger.records import ResultKind
from outlast.ledger.statements import Told
from outlast.ledger.writer import Row
from outlast.outcome import Failed, Ok, Outcome, Skipped, Unreachable

_KINDS: Final[Mapping[type[Outcome], ResultKind]] = {
    Ok: "ok",
    Failed: "failed",
    Skipped: "skipped",
    Unreachable: "unreachable",
}


class _Clock(Struct):
    """When a host began with a task, and with its present item."""

    task: float
    item: float


class LedgerSink:
    """Implements `events.EventSink`; keeps of a play only what its results need."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._play = ""
        self._tasks = 0
        self._numbers: dict[int, int] = {}
        """A label's key to the task's number in the run."""
        self._clocks: dict[tuple[int, str], _Clock] = {}

    def emit(self, event: Event) -> None:
        """Take note of *event*."""
        match event:
            case ItemEnded():
                self._item_ended(event)
            case TaskEnded():
                self._task_ended(event)
            case HostStarted(label, host):
                now = time.monotonic()
                self._clocks[label.key, host] = _Clock(now, now)
            case TaskStarted(label):
                self._number(label)
            case PlayStarted(name):
                self._play = name
                self._numbers.clear()  # a play's batches count its tasks anew
                self._clocks.clear()

    def _item_ended(self, event: ItemEnded) -> None:
        clock, now = self._clocks.get((event.task.key, event.host)), time.monotonic()
        seconds = 0.0
        if clock is not None:
            seconds, clock.item = now - clock.item, now
        told = self._told(event, seconds, item=as_json(event.label))
        self._put(told, event.outcome.payload)

    def _task_ended(self, event: TaskEnded) -> None:
        clock = self._clocks.pop((event.task.key, event.host), None)
        seconds = 0.0 if clock is None else time.monotonic() - clock.task
        payload = event.outcome.payload
        if event.shown == "never":  # facts: large, full of the host's environment, and stale
            payload = {}
        if event.looped:  # its items stand there already
            payload = {key: value for key, value in payload.items() if key != "results"}
        self._put(self._told(event, seconds, ignored=event.ignored), payload)

    def _told(
        self,
        event: ItemEnded | TaskEnded,
        seconds: float,
        *,
        item: str | None = None,
        ignored: bool = False,
    ) -> Told:
        return Told(
            task=self._number(event.task),
            host=event.host,
            delegate=event.delegate,
            item=item,
            kind=_KINDS[type(event.outcome)],
            changed=event.outcome.changed,
            ignored=ignored,
            seconds=seconds,
            why=_why(event.outcome),
        )

    def _put(self, told: Told, payload: Mapping[str, object]) -> None:
        said = statements.result(self._recording.begun(), told, at=time.time())
        self._recording.put(Row(said, payload))

    def _number(self, label: TaskLabel) -> int:
        """Give the task's number in the run; the first time it is named, it is written down."""
        number = self._numbers.get(label.key)
        if number is None:
            self._tasks += 1
            number = self._numbers[label.key] = self._tasks
            run = self._recording.begun()
            self._recording.put(Row(statements.task(run, number, self._play, label)))
        return number


def _why(outcome: Outcome) -> str:
    """Give the explanation as one sentence; of what must not be shown, none."""
    if not isinstance(outcome, Failed | Unreachable) or "censored" in outcome.payload:
        return ""
    return joined([cause.message for cause in outcome.why]) if outcome.why else ""
