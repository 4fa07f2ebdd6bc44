"""One task on a set of hosts: fanned out, told, counted, and its effects applied.

Decides who fails with whom (run_once, any_errors_fatal, max_fail_percentage). What becomes
of those who fail is the business of `blocks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.engine.after import Aftermath
from outlast.engine.debugging import Debugging
from outlast.engine.labels import Labels
from outlast.engine.loops import HostTask
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Thinking
from outlast.engine.results import HostResult
from outlast.engine.scopes import scope_of
from outlast.engine.settling import Answers, Settling
from outlast.engine.standing import Standing
from outlast.engine.stepping import Stepping
from outlast.engine.terms import TermsReader
from outlast.errors import EvaluationError, NotSupportedYet, OutlastError, PlaybookError
from outlast.events import HostStarted, NoHostsLeft, Noticed, TaskLabel, TaskStarted
from outlast.outcome import Failed, Unreachable, Warned
from outlast.playbook.conversions import to_bool, to_int
from outlast.playbook.late_names import OMITTED_NAME
from outlast.playbook.model import LateName, Task
from outlast.values import OMIT, Scope, Template

_ONCE_FOR_ALL = frozenset({"ansible.builtin.pause", "ansible.builtin.add_host"})


class Round(Struct, frozen=True, kw_only=True):
    """One task on its way through a set of hosts."""

    task: Task
    label: TaskLabel
    sheltered: bool
    """A `rescue` waits for those that fail."""
    once: bool
    """One host does it for all."""
    shared: bool
    """All know what it came to: `run_once` says so, an action of its own accord does not."""


class Done(Struct, frozen=True):
    """A task is through on its hosts."""

    survivors: list[str]
    label: TaskLabel
    results: dict[str, HostResult] = field(default_factory=dict)
    """Of the hosts it ran on."""


class Company(Struct, frozen=True, kw_only=True):
    """The hosts that go through a play together: a batch, or one host under `free`."""

    hosts: tuple[str, ...]
    lockstep: bool
    """Banners come with the task, and failures may be shared."""
    debugged: bool = False
    """A person looks at what fails."""
    max_fail_percentage: float | None = None


class TaskRunner(Struct, frozen=True, kw_only=True):
    """Runs tasks for one company of hosts."""

    wiring: Wiring
    standing: Standing
    company: Company
    forks: asyncio.Semaphore
    reader: TermsReader
    thinking: Thinking
    labels: Labels
    after: Aftermath
    settling: Settling
    debugging: Debugging

    async def run(
        self, task: Task, hosts: Sequence[str], *, sheltered: bool = False, handler: bool = False
    ) -> Done | None:
        """Run *task* on *hosts* and say who goes on; None: its tags are not wanted.

        No child outlives this call.

        *sheltered*: a `rescue` waits for those that fail here, and the recap counts them so.
        """
        if not handler and not self.wiring.tags.select(task.keywords.tags):
            return None  # of handlers, those who notify have been selected
        if not await self._stepped(task, handler=handler):
            return None
        scope = scope_of(self.wiring, task, hosts[0])
        once = self._once(task, scope)
        asked = hosts[:1] if once else hosts
        if (late := task.action.late) is not None and self.company.lockstep:
            asked, once = self._named_early(task, late, asked, once=once)
        label = self._announce(task, scope, handler=handler)
        shared = self.company.lockstep and self._flag(task, "run_once", scope)
        this = Round(task=task, label=label, sheltered=sheltered, once=once, shared=shared)
        results = await self._fan_out(this, asked)
        return Done(self._survivors(this, hosts, results), label, results)

    async def _stepped(self, task: Task, *, handler: bool) -> bool:
        if self.wiring.step and not self.company.lockstep:
            raise NotSupportedYet("--step is not supported yet but with the linear strategy")
        return await Stepping(self.wiring, self.standing).wanted(task, handler=handler)

    def _announce(self, task: Task, scope: Scope, *, handler: bool) -> TaskLabel:
        label = self.labels.label(task, scope, handler=handler)
        if self.company.lockstep:
            self.wiring.events.emit(TaskStarted(label))
        return label

    def _once(self, task: Task, scope: Scope) -> bool:
        """Tell whether one host does it for all."""
        asked = self._flag(task, "run_once", scope)
        if self.company.lockstep:
            return asked or task.action.resolved in _ONCE_FOR_ALL
        if task.action.resolved in _ONCE_FOR_ALL:
            raise OutlastError(
                f"The '{task.action.name}' module bypasses the host loop, which is currently not "
                "supported in the free strategy and would instead execute for every host in the "
                "inventory list.",
                task.origin,
            )
        if self._fatal(task, scope):
            self._warn(
                "Using any_errors_fatal with the free strategy is not supported, "
                "as tasks are executed independently on each host"
            )
        if asked:
            self._warn(
                "Using run_once with the free strategy is not currently supported. This task "
                "will still be executed for every host in the inventory list."
            )
        return False

    def _named_early(
        self, task: Task, late: LateName, hosts: Sequence[str], *, once: bool
    ) -> tuple[Sequence[str], bool]:
        """Give which of *hosts* carry out a task whose action's name is a template.

        Names are evaluated for all before anything is done, as stock does it: what is undefined
        in one ends the run, and nobody comes after the first that does it for all.
        """
        for number, host in enumerate(hosts, start=1):
            if self._name_early(task, late, host) in _ONCE_FOR_ALL:
                return hosts[:number], True
        return hosts, once

    def _name_early(self, task: Task, late: LateName, host: str) -> str:
        """Give the full name of what *task* is on *host*; none where the task fails of it."""
        scope = scope_of(self.wiring, task, host)
        try:
            name = self.wiring.evaluate.render(late.template, scope)
        except EvaluationError as error:
            raise OutlastError(error.message, error.origin, causes=error.causes) from error
        if name is OMIT:
            raise PlaybookError(OMITTED_NAME, late.template.origin)
        try:
            return late.called(task.action, name).resolved
        except EvaluationError:
            return ""

    def _flag(self, task: Task, name: str, scope: Scope, *, unset: bool = False) -> bool:
        value = getattr(task.keywords, name)
        if isinstance(value, Template):
            value = self.wiring.evaluate.render(value, scope)
        return unset if value is None else to_bool(value)

    def _warn(self, text: str) -> None:
        self.wiring.events.emit(Noticed(Warned(text)))

    async def _fan_out(self, this: Round, hosts: Sequence[str]) -> dict[str, HostResult]:
        turns = self._turns(this.task, hosts[0])
        async with asyncio.TaskGroup() as group:
            children = {
                host: group.create_task(
                    self._on_host(this, host, turns), name=f"{this.label.name} @ {host}"
                )
                for host in hosts
            }
        return {host: child.result() for host, child in children.items()}

    def _turns(self, task: Task, host: str) -> asyncio.Semaphore | None:
        """Give what `throttle` leaves of the hosts at a time; a turn lasts until the job ends."""
        throttle = task.keywords.throttle
        if throttle is None:
            return None
        scope = scope_of(self.wiring, task, host)
        try:
            limit = to_int(self.wiring.evaluate.render(throttle, scope))
        except (ValueError, EvaluationError) as error:
            text = "Failed to convert the throttle value to an integer."
            where = getattr(throttle, "origin", task.places.get("throttle"))
            why = error.chain if isinstance(error, EvaluationError) else ()
            raise OutlastError(text, where, causes=why) from error
        return asyncio.Semaphore(limit) if limit > 0 else None

    async def _on_host(self, this: Round, host: str, turns: asyncio.Semaphore | None) -> HostResult:
        async with AsyncExitStack() as held:
            if turns is not None:
                await held.enter_async_context(turns)
            work = self._work(this, host)
            if self._settles(this, host):
                return await self.settling.begin(work, self._answers(this, host))
            if self.debugging.possible(this.task):
                work = replace(work, scope=scope_of(self.wiring, this.task, host))
            while True:
                result, instead = await self._told(this, work)
                if instead is None:
                    return result
                work = replace(instead, turn=self._turn(this, host, after=work.turn))

    def _turn(self, this: Round, host: str, *, after: int = -1) -> int:
        """Tell that *host* begins; gives how often it has before, *after* being the last time."""
        label = this.label
        turn = self.labels.identities.turn(label.identity, host, handler=label.handler)
        turn = max(turn, after + 1)
        self.wiring.events.emit(HostStarted(label, host, turn))
        return turn

    def _work(self, this: Round, host: str) -> HostTask:
        return HostTask(
            wiring=self.wiring,
            reader=self.reader,
            thinking=self.thinking,
            forks=self.forks,
            task=this.task,
            label=this.label,
            host=host,
            turn=self._turn(this, host),
        )

    async def _told(self, this: Round, work: HostTask) -> tuple[HostResult, HostTask | None]:
        """Run *work* and tell its result; gives that, and what a person wants run instead."""
        result = await work.run()
        async with self.debugging.floor:
            before = self.debugging.before(work)
            self.after.settle(
                work.task,
                this.label,
                work.host,
                result,
                rescued=this.sheltered,
                shared=this.shared,
            )
            return result, await self.debugging.looked_at(work, result, before)

    def _settles(self, this: Round, host: str) -> bool:
        if not this.task.async_limit:  # nearly always: spare it the making of a scope
            return False
        return self.settling.wanted(this.task, scope_of(self.wiring, this.task, host))

    def _answers(self, this: Round, host: str) -> Answers:
        """Give what is done with the two answers of a task that is judged when its jobs end."""

        def ended(result: HostResult) -> None:
            self.after.settle(
                this.task, this.label, host, result, rescued=False, shared=this.shared
            )
            if _is_failed(result):
                all_fail = self._fails_all(this, host)
                self.standing.fall(self.company.hosts if all_fail else (host,))

        started = partial(self.after.started, this.task, this.label, host, shared=this.shared)
        return Answers(started=started, ended=ended)

    # -- who goes on -------------------------------------------------------------------------

    def _survivors(
        self, this: Round, hosts: Sequence[str], results: dict[str, HostResult]
    ) -> list[str]:
        failed = {host for host, result in results.items() if _is_failed(result)}
        lost = {h for h, result in results.items() if isinstance(result.outcome, Unreachable)}
        if (failed or lost) and self._fails_all(this, next(iter(results))):
            self._fail_the_others(this, hosts, failed)
            return []  # a host that was not reached counts here even if that is ignored (stock)
        lost = {host for host in lost if not results[host].ignored}
        if self._too_many_failed():
            self.standing.batch_broken = True
            self.wiring.events.emit(NoHostsLeft())
            self.wiring.events.emit(NoHostsLeft())  # stock says it twice
            return []
        return [host for host in hosts if host not in failed and host not in lost]

    def _fail_the_others(self, this: Round, hosts: Sequence[str], failed: set[str]) -> None:
        """Have the rest of the company fail too, each where it is; *hosts* are at this task.

        As in stock, where one that others fail with is out of what comes after the batch even
        if it is rescued, and is failed twice for `run_once`: a rescue beside it misses it.
        """
        elsewhere = set(self.company.hosts) - self.standing.unreachable
        others = {*elsewhere, *hosts} - failed
        self.standing.condemned.update(others)
        twice = this.shared and bool(failed)
        self.standing.strike(others.difference(hosts), times=1 + twice)
        if twice:
            self.standing.reeling.update(others.intersection(hosts))
        self.after.told()

    def _fails_all(self, this: Round, host: str) -> bool:
        if not self.company.lockstep:
            return False
        scope = scope_of(self.wiring, this.task, host)
        if not (this.once or self._fatal(this.task, scope)):
            return False
        return not self._flag(this.task, "ignore_errors", scope)  # of the unreachable too (stock)

    def _fatal(self, task: Task, scope: Scope) -> bool:
        unset = self.wiring.settings.any_errors_fatal
        try:
            return self._flag(task, "any_errors_fatal", scope, unset=unset)
        except EvaluationError:
            return True  # the task has failed of it; as stock: by what is written

    def _too_many_failed(self) -> bool:
        limit = self.company.max_fail_percentage
        if limit is None or not self.company.lockstep:
            return False
        out = self.standing.barred & set(self.company.hosts)
        return len(out) / len(self.company.hosts) * 100 > limit


def _is_failed(result: HostResult) -> bool:
    return isinstance(result.outcome, Failed) and not result.ignored
