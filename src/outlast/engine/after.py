"""What follows from a task's end on one host: counts, facts, registered results, the event.

One place applies effects, in one order, so that whoever comes next sees all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from msgspec import Struct

from outlast.engine.includes import Inclusion
from outlast.engine.labels import labelled
from outlast.engine.learned import NO_FACTS
from outlast.engine.ports import Wiring
from outlast.engine.results import HostResult, ItemResult
from outlast.engine.shelter import Shelter
from outlast.engine.standing import Standing
from outlast.errors import OutlastError
from outlast.events import Complained, TaskEnded, TaskLabel
from outlast.outcome import (
    Effect,
    Failed,
    Ok,
    Outcome,
    SetFacts,
    SetIncludedVars,
    SetStats,
    Skipped,
    Unreachable,
    censored,
)
from outlast.playbook.model import Task

_GATHERED = "_ansible_facts_gathered"
"""A fact by which stock knows, in a later play or run, that the others have been gathered."""


class Aftermath(Struct, frozen=True, kw_only=True):
    """Settles what tasks came to, for one company of hosts."""

    wiring: Wiring
    standing: Standing
    company: Sequence[str]
    notify: Callable[[str, str], None]
    """Takes a host and the name of the handler it wants; raises when there is none."""
    told: Callable[[], None]
    """To be called when a host is no longer in the play: its company may be asked about."""
    stats: dict[str, dict[str, object]]
    """Custom stats by host, `_run` for those of the whole run."""

    def settle(
        self,
        task: Task,
        label: TaskLabel,
        host: str,
        result: HostResult,
        *,
        shelter: Shelter,
        shared: bool,
    ) -> None:
        """Count, apply, register and tell, in that order."""
        self._count(task, label, host, result, shelter=shelter)
        if task.role is not None and not isinstance(result.outcome, Skipped | Unreachable):
            self.standing.role_tasks_run.add((task.role.identity, host))
        sharers = self._sharers() if shared else (host,)
        if isinstance(result.outcome, Ok):  # one that fails leaves nothing, ignored or not (stock)
            for item in result.items:
                self._apply(task, sharers, item)
        self._register(task, sharers, result)
        notified = _notified(result)
        for name in notified:
            self.notify(host, name)
        self._tell(
            _told_as(task, label, result), host, result, notified=notified, register=task.register
        )

    def started(
        self, task: Task, label: TaskLabel, host: str, result: HostResult, *, shared: bool
    ) -> None:
        """Register and tell that a task's jobs have started; it counts when they have ended."""
        self._register(task, self._sharers() if shared else (host,), result)
        self._tell(_told_as(task, label, result), host, result, over=False)

    def _sharers(self) -> tuple[str, ...]:
        return tuple(self.standing.reachable(self.company))

    def _count(
        self, task: Task, label: TaskLabel, host: str, result: HostResult, *, shelter: Shelter
    ) -> None:
        tally = self.standing.tally(host)
        included = any(item.include for item in result.items)
        match result.outcome:
            case Unreachable() if not result.ignored:
                tally.unreachable += 1
                self.standing.unreachable.add(host)
                self.told()
            case Failed() if not result.ignored:
                self._count_failure(task, label, host, result, shelter=shelter)
            case Skipped():
                tally.skipped += 1
            case Ok() if included:
                pass  # counted when the file is in
            case _:
                tally.ok += 1
                tally.ignored += isinstance(result.outcome, Failed | Unreachable)
                tally.changed += result.outcome.changed

    def _count_failure(
        self, task: Task, label: TaskLabel, host: str, result: HostResult, *, shelter: Shelter
    ) -> None:
        tally = self.standing.tally(host)
        self.standing.failing.add(host)
        if not shelter.awaits(notified=host in self.standing.handlers_due):
            self.standing.spent.add(host)
        self.told()
        if not shelter.rescue:
            tally.failed += 1
            self.standing.failed.add(host)
            return
        tally.rescued += 1
        facts = {
            "ansible_failed_task": _described(task, label, result),
            "ansible_failed_result": result.failed,
        }
        self.wiring.variables.set_facts(host, facts, cacheable=False)

    def not_included(self, label: TaskLabel, inclusion: Inclusion, error: OutlastError) -> None:
        """Fail the hosts whose file cannot be had; told once, and counted as failed.

        Even if it is rescued it is out of what comes after the batch (stock).
        """
        self.wiring.events.emit(Complained(error.chain, error.help_text))
        asked = {} if inclusion.include.role else {"include": inclusion.include.path}
        payload = {**asked, "reason": str(error)}
        for host in inclusion.hosts:
            self.standing.tally(host).failed += 1
            self.standing.failing.add(host)
            self.standing.condemned.add(host)
            self.wiring.events.emit(TaskEnded(task=label, host=host, outcome=Failed(payload)))
        self.told()

    def _apply(self, task: Task, sharers: Sequence[str], item: ItemResult) -> None:
        knowing = sharers
        if item.delegate_facts and item.delegate is not None:
            knowing = (item.delegate.name,)
        for effect in item.effects:
            for host in sharers if isinstance(effect, SetStats) else knowing:
                self._effect(host, effect)
        action = item.action or task.action
        if action.resolved in NO_FACTS or isinstance(item.outcome, Failed | Skipped):
            return
        facts = item.outcome.payload.get("ansible_facts")
        if isinstance(facts, dict):
            if action.resolved == "ansible.builtin.gather_facts":
                facts = {**facts, _GATHERED: True}
            for host in knowing:
                self.wiring.variables.add_ansible_facts(host, facts)

    def _effect(self, host: str, effect: Effect) -> None:
        match effect:
            case SetFacts(facts, cacheable):
                self.wiring.variables.set_facts(host, facts, cacheable=cacheable)
            case SetIncludedVars(variables):
                self.wiring.variables.add_included_vars(host, variables)
            case SetStats():
                self._add_stats(host if effect.per_host else "_run", effect)
            case _:
                assert_never(effect)

    def _add_stats(self, whose: str, effect: SetStats) -> None:
        """Keep custom stats; aggregated ones add up as stock's do, others replace."""
        kept = self.stats.setdefault(whose, {})
        for name, value in effect.data.items():
            before = kept.get(name)
            if not effect.aggregate or before is None or type(before) is not type(value):
                kept[name] = value
            elif isinstance(before, dict) and isinstance(value, dict):
                kept[name] = {**before, **value}
            else:
                kept[name] = before + value  # type: ignore[operator]  # two of one type, as stock

    def _register(self, task: Task, sharers: Sequence[str], result: HostResult) -> None:
        if task.register is None:
            return
        value = result.registered
        for sharer in sharers:
            self.wiring.variables.register(sharer, task.register, value)

    def _tell(
        self,
        label: TaskLabel,
        host: str,
        result: HostResult,
        *,
        notified: tuple[str, ...] = (),
        register: str | None = None,
        over: bool = True,
    ) -> None:
        beyond = register is not None and any(item.include for item in result.items)
        follows = {"follows": result.items[0].follows} if not result.looped else {}
        outcome: Outcome = censored(result.outcome) if result.no_log else result.outcome
        self.wiring.events.emit(
            TaskEnded(
                task=label,
                host=host,
                delegate=result.delegate.name if result.delegate else None,
                delegate_address=result.delegate.address if result.delegate else None,
                outcome=outcome,
                ignored=result.ignored,
                looped=result.looped,
                shown=result.shown,
                over=over,
                notified=notified,
                register=register,
                registered=result.registered if beyond and not result.no_log else None,
                **follows,
            )
        )


def _told_as(task: Task, label: TaskLabel, result: HostResult) -> TaskLabel:
    return labelled(label, task.action, result.items[-1].action) if result.items else label


def _notified(result: HostResult) -> tuple[str, ...]:
    """Give the handlers it asks for, as often as it does; who failed asks for none.

    If one item changed something, all that ran ask, changed or not (stock).
    """
    if isinstance(result.outcome, Failed | Unreachable) or not result.outcome.changed:
        return ()
    return tuple(name for item in result.items for name in item.notify)


def _described(task: Task, label: TaskLabel, result: HostResult) -> dict[str, object]:
    """Give a failed task for `ansible_failed_task`.

    Its arguments are those it ran with. Of a loop, and of a task that did not come to have any,
    they are as they are written, and evaluated when they are asked for.
    """
    words = task.keywords
    given = None if result.looped else result.items[0].args
    action = result.items[-1].action or task.action
    return {
        "name": label.own_name,
        "action": action.name,
        "args": dict(action.args if given is None else given),
        "register": task.register,
        "async_val": getattr(task.async_limit, "text", task.async_limit),
        "poll": getattr(task.poll, "text", task.poll),
        "tags": sorted(words.tags),
        "when": [getattr(one.source, "text", one.source) for one in words.when],
        "notify": [getattr(name, "text", name) for name in words.notify],
    }
