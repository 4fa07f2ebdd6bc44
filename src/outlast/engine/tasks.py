"""One task on a set of hosts: fanned out, told, counted, and its effects applied.

Knows for how many reasons others have to fail with a host; `sharing` has them fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from outlast.engine.after import Aftermath
from outlast.engine.debugging import Debugging
from outlast.engine.labels import Labels
from outlast.engine.loops import HostTask
from outlast.engine.meta import ONCE_UNDER_FREE
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Thinking
from outlast.engine.results import HostResult
from outlast.engine.scopes import scope_of
from outlast.engine.settling import Answers, Settling
from outlast.engine.sharing import Company, Round, Sharing
from outlast.engine.shelter import OPEN, Shelter
from outlast.engine.standing import Standing
from outlast.engine.stepping import Stepping
from outlast.engine.terms import TermsReader
from outlast.errors import Cause, EvaluationError, OutlastError, PlaybookError
from outlast.events import HostStarted, Noticed, TaskLabel, TaskStarted
from outlast.outcome import Failed, Unreachable, Warned
from outlast.playbook.late_names import OMITTED_NAME
from outlast.playbook.model import LateName, Task
from outlast.values import OMIT, Scope, Template

_ONCE_FOR_ALL = frozenset({"ansible.builtin.pause", "ansible.builtin.add_host"})


class Doing(Struct, frozen=True, kw_only=True):
    """One task on its way through a set of hosts."""

    task: Task
    label: TaskLabel
    shelter: Shelter
    once: bool
    """One host does it for all."""
    speaker: str | None
    """The host whose result is everybody's: `run_once` says so, an action of its own accord
    does not."""


class Done(Struct, frozen=True):
    """A task is through on its hosts."""

    this: Doing
    results: dict[str, HostResult]
    """Of the hosts it ran on."""


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
    sharing: Sharing
    settling: Settling
    debugging: Debugging

    async def run(
        self, task: Task, hosts: Sequence[str], *, shelter: Shelter = OPEN, handler: bool = False
    ) -> Done | None:
        """Run *task* on *hosts* and say what it came to; None: its tags are not wanted.

        No child outlives this call. Who goes on is to be asked for (`survivors`).

        *shelter*: what waits for those that fail here.
        """
        if not handler and not self.wiring.tags.select(task.keywords.tags):
            return None  # of handlers, those who notify have been selected
        scope = scope_of(self.wiring, task, hosts[0])
        if not self.company.lockstep:
            self._check_alone(task, scope)
        if not await self._stepped(task, hosts[0], handler=handler):
            return None
        speaker = self._speaker(task, hosts)
        asked, once = self._chosen(task, hosts, speaker)
        if (late := task.action.late) is not None and self.company.lockstep:
            asked, once = self._named_early(task, late, asked, once=once)
        label = self._announce(task, scope, handler=handler)
        this = Doing(task=task, label=label, shelter=shelter, once=once, speaker=speaker)
        results = await self._fan_out(this, asked)
        return Done(this, results)

    async def _stepped(self, task: Task, host: str, *, handler: bool) -> bool:
        stepping = Stepping(self.wiring, self.standing, self.debugging.floor)
        alone = None if self.company.lockstep else host
        return await stepping.wanted(task, handler=handler, host=alone)

    def _announce(self, task: Task, scope: Scope, *, handler: bool) -> TaskLabel:
        label = self.labels.label(task, scope, handler=handler)
        if self.company.lockstep:
            self.wiring.events.emit(TaskStarted(label))
        return label

    def _check_alone(self, task: Task, scope: Scope) -> None:
        """Refuse, or tell of, what asks hosts that do not wait for each other to do so."""
        if task.action.resolved in _ONCE_FOR_ALL:
            raise OutlastError(
                f"The '{task.action.name}' module bypasses the host loop, which is currently not "
                "supported in the free strategy and would instead execute for every host in the "
                "inventory list.",
                task.origin,
            )
        if self.reader.run_once(task, scope):
            self._warn(ONCE_UNDER_FREE)

    def _chosen(
        self, task: Task, hosts: Sequence[str], speaker: str | None
    ) -> tuple[Sequence[str], bool]:
        """Give which of *hosts* carry *task* out, and whether the last does it for all."""
        if not self.company.lockstep:
            if self._fatal(task):
                self._warn(
                    "Using any_errors_fatal with the free strategy is not supported, "
                    "as tasks are executed independently on each host"
                )
            return hosts, False
        if task.action.resolved in _ONCE_FOR_ALL:
            return hosts[:1], True
        if speaker is None:
            return hosts, False
        return hosts[: hosts.index(speaker) + 1], True

    def _speaker(self, task: Task, hosts: Sequence[str]) -> str | None:
        """Give the first of *hosts* for which `run_once` says yes: nobody comes after it."""
        written = task.keywords.run_once
        if written is None or not self.company.lockstep:
            return None
        for host in hosts if isinstance(written, Template) else hosts[:1]:
            if self.reader.run_once(task, scope_of(self.wiring, task, host)):
                return host
        return None

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

    def _warn(self, text: str) -> None:
        self.wiring.events.emit(Noticed(Warned(text)))

    async def _fan_out(self, this: Doing, hosts: Sequence[str]) -> dict[str, HostResult]:
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
            given = self.reader.given(task, "throttle", throttle, scope)
            limit = int(0 if given is None else given)  # type: ignore[call-overload]  # caught
        except (TypeError, ValueError, EvaluationError) as error:
            text = "Failed to convert the throttle value to an integer."
            why = error.chain if isinstance(error, EvaluationError) else (Cause(str(error)),)
            raise OutlastError(text, task.keywords.places.get("throttle"), causes=why) from error
        return asyncio.Semaphore(limit) if limit > 0 else None

    async def _on_host(self, this: Doing, host: str, turns: asyncio.Semaphore | None) -> HostResult:
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

    def _turn(self, this: Doing, host: str, *, after: int = -1) -> int:
        """Tell that *host* begins; gives how often it has before, *after* being the last time."""
        label = this.label
        turn = self.labels.identities.turn(label.identity, host, handler=label.handler)
        turn = max(turn, after + 1)
        self.wiring.events.emit(HostStarted(label, host, turn))
        return turn

    def _work(self, this: Doing, host: str) -> HostTask:
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

    async def _told(self, this: Doing, work: HostTask) -> tuple[HostResult, HostTask | None]:
        """Run *work* and tell its result; gives that, and what a person wants run instead."""
        result = await work.run()
        async with self.debugging.floor:
            before = self.debugging.before(work)
            self.after.settle(
                work.task,
                this.label,
                work.host,
                result,
                shelter=this.shelter,
                shared=work.host == this.speaker,
            )
            return result, await self.debugging.looked_at(work, result, before)

    def _settles(self, this: Doing, host: str) -> bool:
        if not this.task.async_limit:  # nearly always: spare it the making of a scope
            return False
        return self.settling.wanted(this.task, scope_of(self.wiring, this.task, host))

    def _answers(self, this: Doing, host: str) -> Answers:
        """Give what is done with the two answers of a task that is judged when its jobs end."""

        shared = host == this.speaker

        def ended(result: HostResult) -> None:
            self.after.settle(this.task, this.label, host, result, shelter=OPEN, shared=shared)
            if _is_failed(result):
                all_fail = self._marks(this, failed=(host,)) > 0
                self.standing.fall(self.company.hosts if all_fail else (host,))

        started = partial(self.after.started, this.task, this.label, host, shared=shared)
        return Answers(started=started, ended=ended)

    # -- who goes on -------------------------------------------------------------------------

    def survivors(
        self, done: Done, hosts: Sequence[str], missing: Collection[str] = ()
    ) -> list[str]:
        """Give those of *hosts*, which were at the task, who go on.

        *missing*: those who failed after it, as there was no file for them to include.
        """
        results = done.results
        failed = {*missing, *(host for host, result in results.items() if _is_failed(result))}
        lost = {host for host, result in results.items() if _is_lost(result)}
        marks = 0
        if failed or lost:
            marks = self._marks(done.this, failed=failed.difference(missing))
        return self.sharing.after(
            Round(
                hosts=hosts,
                failed=failed,
                ignored={h for h, result in results.items() if isinstance(result.outcome, Failed)},
                # a host that was not reached counts above even if that is ignored (stock)
                lost={host for host in lost if not results[host].ignored},
                marks=marks,
            )
        )

    def _marks(self, this: Doing, *, failed: Collection[str]) -> int:
        """Give how often all fail with those that *failed*, or could not be reached or go on."""
        if not self.company.lockstep or not (this.once or self._fatal(this.task)):
            return 0
        # `ignore_errors`, of the unreachable too, counts as it is written; `run_once` fails the
        # others of its own accord (stock).
        return (not this.task.keywords.ignore_errors) + (this.speaker in failed)

    def _fatal(self, task: Task) -> bool:
        """Tell whether one that fails fails all; stock looks at it unevaluated."""
        written = task.keywords.any_errors_fatal
        return self.wiring.settings.any_errors_fatal if written is None else bool(written)


def _is_failed(result: HostResult) -> bool:
    return isinstance(result.outcome, Failed) and not result.ignored


def _is_lost(result: HostResult) -> bool:
    return isinstance(result.outcome, Unreachable)
