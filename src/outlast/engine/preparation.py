"""What a task comes to on one host, before anything is done: all of its templates evaluated.

Decides, in stock's order: delegate, conditions, the loop's error, keywords, arguments. A
task that is not to run here needs neither its loop nor its arguments to be sound. Only
computes; doing is the business of `attempts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.call import Evaluate
from outlast.engine.arguments import Arguments, ArgumentsReader
from outlast.engine.delegation import Delegate, as_written, delegate_of
from outlast.engine.ports import Wiring
from outlast.engine.reached import Reached
from outlast.engine.results import Include, ItemResult
from outlast.engine.terms import Terms, TermsReader
from outlast.engine.verdict import all_hold, explained, forewarned
from outlast.errors import EvaluationError, joined
from outlast.events import Noticed
from outlast.outcome import Failed, Ok, Outcome, Skipped, Warned
from outlast.playbook.model import ActionCall, Task
from outlast.playbook.role_options import role_wanted
from outlast.values import Scope

T = TypeVar("T")

_INCLUDES = frozenset({"ansible.builtin.include_tasks", "ansible.builtin.include_role"})
_MASKED = "Invalid no_log value for task, output will be masked."


class Ready(Struct, frozen=True):
    """Everything is known; the action can be asked."""

    terms: Terms
    delegate: Delegate | None
    action: ActionCall
    """With the name it came to, if that was a template."""
    arguments: Arguments


class Preparation(Struct, frozen=True, kw_only=True):
    """Prepares one task for one host and item."""

    wiring: Wiring
    reader: TermsReader
    task: Task
    scope: Scope

    def prepare(self, loop_error: EvaluationError | None = None) -> Ready | ItemResult:
        """Give what is to be done, or the result when there is nothing to do.

        *loop_error* is what kept the loop's list from being made.
        """
        delegate = as_written(self.task, self.scope)
        try:
            delegate = delegate_of(self.task, self._written_in(), self.wiring)
            if skipped := self._not_to_run():
                return self._ended(skipped, delegate)
            if loop_error is not None:
                raise loop_error
            terms = self.reader.read(self.task, self.scope)
            ready = self._ready(terms, delegate)
            if isinstance(ready, Ready) and self.task.action.resolved in _INCLUDES:
                return self._include(ready)
        except EvaluationError as error:
            return self.refused(error, delegate)
        return ready

    def _ready(self, terms: Terms, delegate: Delegate | None) -> Ready | ItemResult:
        action = called(self.task.action, self.wiring.evaluate, self.scope)
        try:
            return Ready(terms, delegate, action, self._arguments.read(action, self.scope))
        except EvaluationError as error:
            refused = replace(self.refused(error, delegate), action=action)
            notices = self._arguments.notices(action)
            return replace(refused, outcome=forewarned(refused.outcome, notices))

    def _written_in(self) -> Scope:
        """Give the scope without what the delegate itself decides."""
        return self.scope.base if isinstance(self.scope, Reached) else self.scope

    def refused(self, error: EvaluationError, delegate: Delegate | None = None) -> ItemResult:
        """Give the failure of a task that came to nothing; `ignore_errors` may apply to it."""
        return self._failed(explained(Failed(why=error.chain), self.task), delegate)

    def no_loop(self, error: EvaluationError) -> ItemResult:
        """Give the failure of a loop that cannot be made; in stock it stands outside the task."""
        message = joined([cause.message for cause in error.chain])
        return self._failed(Failed({"msg": message}, why=error.chain), None)

    def _failed(self, outcome: Outcome, delegate: Delegate | None) -> ItemResult:
        reached = replace(delegate, address=None) if delegate else None  # not reached: as stock
        return replace(self._ended(outcome, reached), ignore_errors=self._ignored())

    def _ended(self, outcome: Outcome, delegate: Delegate | None) -> ItemResult:
        """Give *outcome* as the result; where nobody knows whether it may be shown, hidden."""
        try:
            no_log = self.reader.no_log(self.task, self.scope)
        except EvaluationError as error:
            no_log = True
            self.wiring.events.emit(Noticed(Warned(_MASKED, why=error.chain)))
        return ItemResult(outcome=outcome, no_log=no_log, delegate=delegate)

    def _ignored(self) -> bool:
        try:
            return self.reader.ignore_errors(self.task, self.scope)
        except EvaluationError:
            return bool(self.task.keywords.ignore_errors)  # as stock: by what is written

    def _not_to_run(self) -> Skipped | None:
        for condition in self.task.keywords.when:
            if not all_hold((condition,), self.wiring.evaluate, self.scope):
                reason = "Conditional result was False"
                source = getattr(condition.source, "text", condition.source)
                return Skipped({"skip_reason": reason, "false_condition": source})
        return None

    def arguments(self) -> Arguments:
        """Give the arguments, evaluated, defaults included; raises `EvaluationError`."""
        action = called(self.task.action, self.wiring.evaluate, self.scope)
        return self._arguments.read(action, self.scope)

    @property
    def _arguments(self) -> ArgumentsReader:
        warns = self.wiring.settings.inject_facts_as_vars
        return ArgumentsReader(evaluate=self.wiring.evaluate, warns=warns)

    def _include(self, ready: Ready) -> ItemResult:
        include = self._include_of(ready.arguments.given)
        if include is None:
            nothing = EvaluationError("No include file was specified to the include")
            return self.refused(nothing, ready.delegate)
        args = ready.arguments.given
        said: dict[str, object] = {"include_args": args}
        if include.role is None:
            others = {name: it for name, it in args.items() if name != "_raw_params"}
            said = {"include": include.path, "include_args": others}
        return ItemResult(
            outcome=Ok(said),
            include=replace(include, no_log=ready.terms.no_log),
            args=args,
            ignore_errors=ready.terms.ignore_errors,
            no_log=ready.terms.no_log,
        )

    def _include_of(self, args: Mapping[str, object]) -> Include | None:
        variables = dict(self.task.keywords.vars)
        if self.task.action.resolved == "ansible.builtin.include_role":
            wanted = role_wanted(args, self.task.action.origin, self.task.places)
            return Include(path=wanted.name, role=wanted, variables=variables)
        path = args.get("_raw_params") or args.get("file")
        return Include(path=str(path), variables=variables) if path else None


def called(action: ActionCall, evaluate: Evaluate, scope: Scope) -> ActionCall:
    """Give *action* with its name evaluated, if that is a template; raises `EvaluationError`."""
    if action.late is None:
        return action
    return action.late.called(action, evaluate.render(action.late.template, scope))


class Thinking(Struct, frozen=True):
    """Evaluates on the loop what only computes, in a thread what may read or run something."""

    evaluate: Evaluate
    _blocking: dict[int, tuple[Task, bool]] = field(default_factory=dict)

    async def over(self, task: Task, scope: Scope, think: Callable[[], T]) -> T:
        """Give what *think* gives; it evaluates templates of *task* in *scope*."""
        _, blocks = self._blocking.setdefault(id(task), (task, self._may_block(task, scope)))
        return await asyncio.to_thread(think) if blocks else think()

    def _may_block(self, task: Task, scope: Scope) -> bool:
        words = task.keywords
        written: list[object] = [task.action.args, words.environment, words.delegate_to]
        written += [condition.source for condition in words.when]
        if task.loop is not None:
            if task.loop.lookup is not None:
                return True
            written.append(task.loop.items)
        return self.evaluate.may_block(written, scope)
