"""Whether a result counts as changed, failed and settled: changed_when, failed_when, until.

Knows the order of judgement and the keys it leaves in the result, both as in stock
(executor/task_executor.py of ansible-core 2.19). Every function computes and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from outlast.call import Evaluate
from outlast.errors import Cause, EvaluationError, joined
from outlast.outcome import Failed, Ok, Outcome, Skipped, Unreachable, Warned, registered
from outlast.playbook.model import Condition, Task
from outlast.values import Overlaid, Scope

Judged = TypeVar("Judged", bound=Outcome)
_UNKNOWN = "Unknown error."


def all_hold(conditions: Sequence[Condition], evaluate: Evaluate, scope: Scope) -> bool:
    """Tell whether every condition is true; the first false one ends the asking."""
    return all(evaluate.holds(one.source, scope, one.origin) for one in conditions)


class Judge(Struct, frozen=True):
    """Judges the attempts of one task on one host (for one item)."""

    task: Task
    evaluate: Evaluate
    scope: Scope

    def seen(self, outcome: Outcome) -> Scope:
        """Give the scope conditions see after an attempt: with the result registered."""
        if self.task.register is None:
            return self.scope
        return Overlaid({self.task.register: registered(outcome)}, self.scope)

    def judge(self, outcome: Outcome, attempt: int | None) -> Outcome:
        """Apply changed_when and failed_when; *attempt* is noted when there may be several."""
        if isinstance(outcome, Unreachable):
            return outcome
        if attempt is not None:
            outcome = with_payload(outcome, {"attempts": attempt})
        return outcome if isinstance(outcome, Skipped) else self._changed_then_failed(outcome)

    def _changed_then_failed(self, outcome: Ok | Failed) -> Outcome:
        keyword = "changed"
        try:
            if self.task.changed_when:
                changed = all_hold(self.task.changed_when, self.evaluate, self.seen(outcome))
                outcome = replace(outcome, changed=changed)
            keyword = "failed"
            if self.task.failed_when:
                failed = all_hold(self.task.failed_when, self.evaluate, self.seen(outcome))
                outcome = self._failed_when(outcome, failed=failed)
        except EvaluationError as error:
            return fail(with_payload(outcome, {f"{keyword}_when_result": str(error)}))
        return outcome

    @staticmethod
    def _failed_when(outcome: Ok | Failed, *, failed: bool) -> Ok | Failed:
        if failed:
            return fail(with_payload(outcome, {"failed_when_result": True}))
        payload = {**outcome.payload, "failed_when_result": False}
        if isinstance(outcome, Failed) and not outcome.told_by_action:
            traceback = payload.pop("exception", "(traceback unavailable)")
            payload["failed_when_suppressed_exception"] = traceback
        return Ok(payload, outcome.changed, outcome.notices)

    def is_settled(self, outcome: Outcome) -> bool:
        """Tell whether no further attempt is needed; without `until`, success is enough."""
        if isinstance(outcome, Unreachable):
            return True
        if not self.task.until:
            return not isinstance(outcome, Failed)
        return all_hold(self.task.until, self.evaluate, self.seen(outcome))


def with_payload(outcome: Judged, extra: Mapping[str, object]) -> Judged:
    """Give *outcome* with *extra* in its payload."""
    return replace(outcome, payload={**outcome.payload, **extra})


def forewarned(outcome: Judged, notices: Sequence[Warned]) -> Judged:
    """Give *outcome* with what was to be said before its action said anything."""
    if not notices:
        return outcome
    said = outcome.payload.get("warnings")
    texts = [*(one.text for one in notices), *(said if isinstance(said, list) else ())]
    outcome = replace(outcome, notices=(*notices, *outcome.notices))
    return with_payload(outcome, {"warnings": texts})


def fail(outcome: Outcome) -> Failed:
    """Turn an outcome into a failure that its action did not report itself.

    The reason is the result's own `msg`, else stock's `Unknown error.`
    """
    if isinstance(outcome, Failed):
        return outcome
    message = str(outcome.payload.get("msg", _UNKNOWN))
    why = (Cause(f"Action failed: {message}" if message else "Action failed."),)
    return Failed(outcome.payload, why, outcome.changed, outcome.notices)


def give_up(outcome: Outcome, retries: int) -> Outcome:
    """Give the outcome of a task whose attempts are used up without settling.

    A `failed_when` that said no has the last word, as in stock: but a playbook sees `failed`.
    """
    outcome = with_payload(outcome, {"attempts": retries})
    if outcome.payload.get("failed_when_result") is False:
        return with_payload(outcome, {"failed": True})
    return fail(outcome)


def explained(outcome: Outcome, task: Task) -> Outcome:
    """Put the task itself in front of a failure's explanation, and the text into `msg`.

    A task that nobody wrote has no place to be shown.
    """
    if not isinstance(outcome, Failed | Unreachable):
        return outcome
    why = (Cause("Task failed.", None if task.implicit else task.origin), *outcome.why)
    payload = dict(outcome.payload)
    payload.setdefault("msg", joined([cause.message for cause in why]))
    return replace(outcome, payload=payload, why=why)
