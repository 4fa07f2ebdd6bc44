"""Writing down what the engine tells.

Knows which events make history: what became of each task, of each item of a loop and of each
attempt, on each host, and what followed from it. What they hold is fit to be shown, so it is
fit to be kept. Leaves printing to `output`, and the form of what followed to `following`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from outlast.errors import joined
from outlast.events import (
    ActionBegins,
    Event,
    HostStarted,
    ItemEnded,
    PlayStarted,
    Retrying,
    TaskEnded,
    TaskLabel,
    TaskStarted,
)
from outlast.ledger import statements
from outlast.ledger.following import of_item, of_task
from outlast.ledger.payloads import as_json
from outlast.ledger.recording import Recording
from outlast.ledger.records import ResultKind
from outlast.ledger.statements import Told
from outlast.ledger.writer import Row
from outlast.outcome import CENSORED, Failed, Ok, Outcome, Skipped, Unreachable

_KINDS: Final[Mapping[type[Outcome], ResultKind]] = {
    Ok: "ok",
    Failed: "failed",
    Skipped: "skipped",
    Unreachable: "unreachable",
}


class _Clock(Struct):
    """When a host began with a task, and with its present item and attempt."""

    task: float = 0.0
    item: float = 0.0
    attempt: float = 0.0
    turn: int = 0


class LedgerSink:
    """Implements `events.EventSink` and `engine.ports.Intents`.

    Keeps of a play only what its results need.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._play = PlayStarted("")
        self._tasks = 0
        self._numbers: dict[int, int] = {}
        """A label's key to the task's number in the run."""
        self._clocks: dict[tuple[int, str], _Clock] = {}

    def begins(self, action: ActionBegins) -> Callable[[], Awaitable[None]]:
        """Write down that *action* is about to change a host; gives what waits for the disk."""
        number, run = self._number(action.task), self._recording.begun()
        said = statements.action_begins(run, number, action, at=time.time())
        return self._recording.put_on_disk(said)

    def emit(self, event: Event) -> None:
        """Take note of *event*."""
        match event:
            case ItemEnded(over=True):
                self._item_ended(event)
            case TaskEnded(over=True):
                self._task_ended(event)
            case Retrying():
                self._attempt_ended(event)
            case HostStarted(label, host, turn):
                now = time.monotonic()
                self._clocks[label.key, host] = _Clock(now, now, now, turn)
            case TaskStarted(label):
                self._number(label)
            case PlayStarted():
                self._play = event
                self._numbers.clear()  # a play's batches count its tasks anew
                self._clocks.clear()

    def _attempt_ended(self, event: Retrying) -> None:
        clock, now = self._clock(event), time.monotonic()
        told = _told(event, clock, now - clock.attempt)
        told = replace(told, position=event.item, attempt=event.attempt)
        clock.attempt = now
        self._put(event.task, told, event.outcome.payload)

    def _item_ended(self, event: ItemEnded) -> None:
        clock, now = self._clock(event), time.monotonic()
        label = as_json(event.label)
        told = replace(_told(event, clock, now - clock.item), item=label, position=event.index)
        clock.item = clock.attempt = now
        self._put(event.task, told, event.outcome.payload, of_item(event))

    def _task_ended(self, event: TaskEnded) -> None:
        clock = self._clock(event)
        self._clocks.pop((event.task.key, event.host), None)
        payload = event.outcome.payload
        if event.looped:  # its items stand there already
            payload = {key: value for key, value in payload.items() if key != "results"}
        told = replace(_told(event, clock, time.monotonic() - clock.task), ignored=event.ignored)
        self._put(event.task, told, payload, of_task(event))

    def _clock(self, event: ItemEnded | TaskEnded | Retrying) -> _Clock:
        """Give when it began; what never began took no time."""
        now = time.monotonic()
        return self._clocks.get((event.task.key, event.host)) or _Clock(now, now, now)

    def _put(
        self,
        label: TaskLabel,
        told: Told,
        payload: Mapping[str, object],
        follows: Mapping[str, object] | None = None,
    ) -> None:
        number, run = self._number(label), self._recording.begun()
        said = statements.result(run, number, told, at=time.time())
        self._recording.put(Row(said, (payload, follows or {}), plenty=True))

    def _number(self, label: TaskLabel) -> int:
        """Give the task's number in the run; the first time it is named, it is written down."""
        number = self._numbers.get(label.key)
        if number is None:
            self._tasks += 1
            number = self._numbers[label.key] = self._tasks
            run, play = self._recording.begun(), self._play
            said = statements.task(run, number, play.name, play.batch, label)
            self._recording.put(Row(said))
        return number


def _told(event: ItemEnded | TaskEnded | Retrying, clock: _Clock, seconds: float) -> Told:
    outcome = event.outcome
    return Told(
        host=event.host,
        delegate=event.delegate,
        turn=clock.turn,
        kind=_KINDS[type(outcome)],
        changed=outcome.changed,
        seconds=max(0.0, seconds),
        why=_why(outcome),
        censored=_censored(outcome),
    )


def _censored(outcome: Outcome) -> bool:
    """Tell whether *outcome* must not be shown, so that nothing of it came here."""
    return outcome.payload.get("censored") == CENSORED


def _why(outcome: Outcome) -> str:
    """Give the explanation as one sentence; of what must not be shown, none."""
    if not isinstance(outcome, Failed | Unreachable) or "censored" in outcome.payload:
        return ""
    return joined([cause.message for cause in outcome.why]) if outcome.why else ""
