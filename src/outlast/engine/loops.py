"""One task on one host, over its loop when it has one.

Knows how items are named, labelled, paced and added up, as stock does. What happens to
each item is the business of `attempts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from outlast.attempt import Attempt
from outlast.engine.attempts import Attempts
from outlast.engine.beginning import Begun
from outlast.engine.delegation import as_written
from outlast.engine.forks import Fork
from outlast.engine.job_terms import JobTermsReader
from outlast.engine.labels import labelled
from outlast.engine.loop_control import Control, ControlReader
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Preparation, Thinking
from outlast.engine.reached import Reached
from outlast.engine.results import HostResult, Include, ItemResult, sum_up
from outlast.engine.scopes import scope_of
from outlast.engine.side_by_side import side_by_side
from outlast.engine.terms import TermsReader
from outlast.engine.verdict import all_hold, with_payload
from outlast.errors import EvaluationError, UndefinedVariable, first_of
from outlast.events import ItemEnded, Noticed, TaskLabel
from outlast.names import named
from outlast.outcome import Failed, SetFacts, Warned, censored
from outlast.playbook.model import Loop, Task
from outlast.values import Overlaid, Scope, nowhere

OnStart: TypeAlias = Callable[[ItemResult], None] | None
_DEBUG = "ansible.builtin.debug"
_CENSORED_LABEL = "(censored due to no_log)"


class HostTask(Struct, frozen=True, kw_only=True):
    """A task on its way to one host."""

    wiring: Wiring
    reader: TermsReader
    thinking: Thinking
    forks: asyncio.Semaphore
    task: Task
    label: TaskLabel
    host: str
    turn: int = 0

    begun: Begun | None = None
    """Hears of the jobs that start; the task is then judged when they end."""
    scope: Scope | None = None
    """What the task sees, if that is known already."""
    origin: Task | None = None
    """The task as it is written, where a person has changed it."""

    async def run(self) -> HostResult:
        """Give what became of the task on this host, each item reported as it ended."""
        scope = self.scope
        if scope is None:
            scope = scope_of(self.wiring, self.task, self.host)
        if self.task.loop is None:
            return _single(await self._once(scope, self._starts(0, lambda it: it)))
        try:
            return await self._loop(self.task.loop, scope)
        except EvaluationError as error:
            preparation = Preparation(
                wiring=self.wiring, reader=self.reader, task=self.task, scope=scope
            )
            return _single(preparation.no_loop(error))

    async def _once(
        self, scope: Scope, on_start: OnStart = None, item: int | None = None
    ) -> ItemResult:
        with Fork(self.forks) as fork:
            return await self._attempts(scope, fork, on_start, item).run()

    def _attempts(
        self, scope: Scope, fork: Fork, on_start: OnStart = None, item: int | None = None
    ) -> Attempts:
        return Attempts(
            wiring=self.wiring,
            reader=self.reader,
            thinking=self.thinking,
            fork=fork,
            task=self.task,
            label=self.label,
            host=self.host,
            scope=Reached(scope, self.task, self.host, self.wiring),
            on_start=on_start,
            attempt=Attempt(task=self.label.identity, turn=self.turn, item=item),
        )

    def _starts(self, number: int, told: Callable[[ItemResult], ItemResult]) -> OnStart:
        """Give what hears of the start of item *number*, and *told* of the first alone."""
        begun = self.begun
        if begun is None:
            return None

        def start(result: ItemResult) -> None:
            if number not in begun.done:
                begun.start(number, told(result))

        return start

    async def _loop(self, loop: Loop, scope: Scope) -> HostResult:
        try:
            think = partial(self._items, loop, scope)
            items = await self.thinking.over(self.task, scope, think)
        except UndefinedVariable as error:
            # a false condition makes the list unnecessary
            with Fork(self.forks) as fork:
                return _single(await self._attempts(scope, fork).run(loop_error=error))
        if not items:
            return sum_up((), as_written(self.task, scope))
        control = ControlReader(self.wiring.evaluate, scope).read(loop.control)
        if control.loop_var in scope:
            self._warn_of_reuse(control)
        limit = self._limit(loop, scope, len(items))
        if limit > 1 or self.begun is not None:
            beside = await self._side_by_side(control, items, scope, limit)
            return sum_up(tuple(beside), as_written(self.task, scope))
        with Fork(self.forks) as fork:
            results = [result async for result in self._each(control, items, scope, fork)]
        return sum_up(tuple(results), as_written(self.task, scope))

    def _limit(self, loop: Loop, scope: Scope, items: int) -> int:
        """Give how many items may be under way at a time: one, but for those that are jobs."""
        if not self.task.async_limit:
            return 1
        unset = 1 if self.begun is None else max(1, items)
        limit = JobTermsReader(self.wiring.evaluate, scope).loop_limit(unset)
        if limit > 1 and loop.control.break_when:
            raise EvaluationError(
                "break_when ends a loop after an item, so its items cannot run side by side.",
                loop.origin,
                help_text="Leave out break_when, or the variable outlast_loop_limit.",
            )
        return limit

    def _items(self, loop: Loop, scope: Scope) -> list[object]:
        if loop.lookup is not None:
            return self.wiring.evaluate.lookup(
                loop.lookup, loop.items, scope, action=self.task.action.name
            )
        try:
            items = self.wiring.evaluate.render(loop.items, scope)
        except EvaluationError as error:
            if isinstance(loop.items, list) and error.origin is None:
                error.origin = loop.origin  # what is wrong in a list is wrong with the list
            raise
        if not isinstance(items, list):
            kind = type(items).__name__
            raise EvaluationError(
                f"The `loop` value must resolve to a 'list', not {kind!r}.",
                loop.origin,
                help_text="Provide a list of items/templates, or a template resolving to a list.",
            )
        return items

    async def _each(
        self, control: Control, items: list[object], scope: Scope, fork: Fork
    ) -> AsyncIterator[ItemResult]:
        """Carry out one item after the other; *fork* is kept in between, as long as they act."""
        known: dict[str, object] = {}
        for index, names in enumerate(_names(control, items)):
            if control.pause and index:
                fork.give()
                await asyncio.sleep(control.pause)
            item_scope = Overlaid({**known, **names}, scope)
            result = await self._attempts(item_scope, fork, item=index).run()
            result = self._dressed(result, control, names, item_scope)
            known |= _learnt(self.task, result)
            after = Overlaid({**known, **names}, scope)
            result = self._report(result, control, after, index)
            yield result
            if control.break_when and all_hold(control.break_when, self.wiring.evaluate, after):
                break

    async def _side_by_side(
        self, control: Control, items: list[object], scope: Scope, limit: int
    ) -> list[ItemResult]:
        """Carry out all items, *limit* at a time; none knows what another came to."""
        names = list(_names(control, items))
        scopes = [Overlaid(one, scope) for one in names]
        if self.begun is not None:
            self.begun.expect(min(limit, len(items)))

        def told(number: int, result: ItemResult, *, over: bool = True) -> ItemResult:
            learnt = Overlaid(_learnt(self.task, result), scopes[number])
            dressed = self._dressed(result, control, names[number], learnt)
            return self._report(dressed, control, learnt, number, over=over)

        async def work(number: int) -> ItemResult:
            on_start = self._starts(number, partial(told, number, over=False))
            result = await self._once(scopes[number], on_start, item=number)
            if self.begun is not None:
                self.begun.end(number)
            return result

        works = [partial(work, number) for number in range(len(items))]
        try:
            return await side_by_side(works, limit=limit, pause=control.pause, told=told)
        except* EvaluationError as group:
            raise first_of(group) from None

    def _dressed(
        self, result: ItemResult, control: Control, names: Mapping[str, object], scope: Scope
    ) -> ItemResult:
        """Put the item and its names beside the result, as stock registers them."""
        include = result.include
        if include is not None:
            include = self._included(include, control, names, scope)
        return replace(result, extra=names, include=include)

    def _included(
        self, include: Include, control: Control, names: Mapping[str, object], scope: Scope
    ) -> Include:
        label = names[control.loop_var]
        if control.label:
            label = self.wiring.evaluate.render(control.label, scope)
        known = {named(name, control.named_at): value for name, value in names.items()}
        return replace(
            include,
            variables={**include.variables, **known},
            label=label,
            looped=True,
        )

    def _report(
        self,
        result: ItemResult,
        control: Control,
        scope: Scope,
        index: int,
        *,
        over: bool = True,
    ) -> ItemResult:
        """Tell of the item; gives the result, failed if its label cannot be evaluated."""
        if result.include is not None:
            return result  # the inclusion itself is what is shown
        label = scope[control.loop_var]
        if control.label:
            try:
                label = self.wiring.evaluate.render(control.label, scope)
            except UndefinedVariable as error:
                result = _unlabelled(result, error)
                if control.loop_var != "item" or self.task.action.resolved == _DEBUG:
                    label = None  # stock looks for `item` in what is left to be shown
        outcome = with_payload(result.outcome, result.extra)
        if result.no_log:
            outcome, label = censored(outcome), _CENSORED_LABEL
        self.wiring.events.emit(
            ItemEnded(
                task=labelled(self.label, self.task.action, result.action),
                host=self.host,
                delegate=result.delegate.name if result.delegate else None,
                delegate_address=result.delegate.address if result.delegate else None,
                outcome=outcome,
                label=label,
                index=index,
                shown=result.shown,
                follows=result.follows,
            )
        )
        return result

    def _warn_of_reuse(self, control: Control) -> None:
        text = f"The loop variable {control.loop_var!r} is already in use."
        hint = (
            "You should set the `loop_var` value in the `loop_control` option for the task "
            "to something else to avoid variable collisions and unexpected behavior."
        )
        place = control.named_at or nowhere(control.loop_var)
        self.wiring.events.emit(Noticed(Warned(text, place, help_text=hint)))


def _unlabelled(result: ItemResult, error: UndefinedVariable) -> ItemResult:
    """Fail an item because of its label, as stock does: with a message and without a cause."""
    text = f"Failed to template loop_control.label: {error}"
    payload = {**result.outcome.payload, "msg": text}
    outcome = Failed(payload, changed=result.outcome.changed, notices=result.outcome.notices)
    return replace(result, outcome=outcome)


def _single(result: ItemResult) -> HostResult:
    return HostResult(outcome=result.outcome, items=(result,))


def _names(control: Control, items: list[object]) -> Iterator[dict[str, object]]:
    """Yield, for each item, the variables it is known by."""
    for index, item in enumerate(items):
        names: dict[str, object] = {control.loop_var: item, "ansible_loop_var": control.loop_var}
        if control.index_var:
            names |= {control.index_var: index, "ansible_index_var": control.index_var}
        if control.extended:
            names["ansible_loop"] = _extended(control, items, index)
        yield names


def _extended(control: Control, items: list[object], index: int) -> dict[str, object]:
    length = len(items)
    extended: dict[str, object] = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index + 1 == length,
        "length": length,
        "revindex": length - index,
        "revindex0": length - index - 1,
    }
    if control.extended_allitems:
        extended["allitems"] = items
    if index + 1 < length:
        extended["nextitem"] = items[index + 1]
    if index:
        extended["previtem"] = items[index - 1]
    return extended


def _learnt(task: Task, result: ItemResult) -> dict[str, object]:
    """What the next item knows of this one: its result, and the facts it set."""
    learnt: dict[str, object] = {}
    for effect in result.effects:
        if isinstance(effect, SetFacts) and not result.delegate_facts:
            learnt |= effect.facts
    if task.register is not None:
        learnt[task.register] = result.registered
    return learnt
