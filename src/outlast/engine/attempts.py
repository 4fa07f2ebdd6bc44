"""One task on one host for one item: attempts, background job, verdict.

Each step adds one concern and calls the next. A fork is held only while the host works for
us: waiting, be it for a retry or for a background job, keeps nobody else from starting.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from outlast.attempt import Attempt
from outlast.call import Call
from outlast.engine.calling import Calling, grow
from outlast.engine.delegation import Delegate
from outlast.engine.forks import Fork
from outlast.engine.learned import knowing
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Preparation, Ready, Thinking
from outlast.engine.results import ItemResult
from outlast.engine.terms import Terms, TermsReader
from outlast.engine.verdict import Judge, explained, fail, forewarned, give_up
from outlast.errors import (
    ActionFailed,
    Cause,
    EvaluationError,
    HostUnreachable,
)
from outlast.events import (
    Complained,
    JobEnded,
    JobPolled,
    Retrying,
    TaskLabel,
)
from outlast.outcome import (
    Detached,
    Failed,
    News,
    Ok,
    Outcome,
    Performed,
    Unreachable,
    censored,
    gave_up,
)
from outlast.playbook.model import Task
from outlast.values import Scope

_DEFAULT_RETRIES = 3
_MOMENT = 0.3
"""Seconds an attempt may wait for news before it counts as one that failed: stock's own
question takes longer, so a job that ends meanwhile shows no retry there either."""


class Attempts(Struct, frozen=True, kw_only=True):
    """Carries one task to one host; made anew for each item of a loop."""

    wiring: Wiring
    reader: TermsReader
    thinking: Thinking
    fork: Fork
    """Held when there is work, given up to wait; whoever gave it takes it back in the end."""
    task: Task
    label: TaskLabel
    host: str
    scope: Scope
    attempt: Attempt
    """The first; those after it differ in their number."""
    on_start: Callable[[ItemResult], None] | None = None
    """Hears that a job has started, and has the task wait for its end, though `poll` is 0."""

    async def run(self, loop_error: EvaluationError | None = None) -> ItemResult:
        """Give what became of it; *loop_error* is what kept the loop's list from being made."""
        preparation = Preparation(
            wiring=self.wiring, reader=self.reader, task=self.task, scope=self.scope
        )
        think = partial(preparation.prepare, loop_error)
        ready = await self.thinking.over(self.task, self.scope, think)
        if isinstance(ready, ItemResult):
            return ready
        try:
            return await self._attempts(ready)
        except EvaluationError as error:
            refused = preparation.refused(error, ready.delegate)
            outcome = forewarned(refused.outcome, ready.arguments.notices)
            return replace(refused, outcome=outcome)

    async def _attempts(self, ready: Ready) -> ItemResult:
        terms = ready.terms
        retries = self._retries(terms)
        calling = Calling(
            wiring=self.wiring,
            task=self.task,
            label=self.label,
            host=self.host,
            scope=self.scope,
            ready=ready,
            patience=retries * max(terms.delay, 1),
        )
        for attempt in range(1, retries + 2):
            counted = attempt if retries else None
            call = calling.call(replace(self.attempt, number=attempt))
            performed, outcome, settled = await self._judged(call, ready, counted)
            if settled:
                break
            self.fork.give()
            if performed.news is not None and await _within(_MOMENT, performed.news):
                performed, outcome, settled = await self._judged(call, ready, counted)
                if settled:
                    break
            if attempt <= retries:
                self._tell_retry(outcome, attempt, retries, ready, performed)
                await self._pause(terms.delay, performed.news)
        else:
            outcome = give_up(outcome, retries)
            if gave_up(outcome) and not (terms.no_log or performed.secret):
                why = explained(fail(outcome), self.task)
                assert isinstance(why, Failed)  # noqa: S101  # what `fail` gives
                self.wiring.events.emit(Complained(why.why, with_results=True))
        return ItemResult(
            outcome=explained(outcome, self.task),
            effects=performed.effects,
            notify=terms.notify,
            ignore_errors=terms.ignore_errors,
            ignore_unreachable=terms.ignore_unreachable,
            action=ready.action,
            args=ready.arguments.given,
            delegate_facts=terms.delegate_facts,
            no_log=terms.no_log or performed.secret,
            shown=performed.shown,
            growth=performed.growth,
            delegate=_told(ready.delegate, performed),
        )

    async def _judged(
        self, call: Call, ready: Ready, attempt: int | None
    ) -> tuple[Performed, Outcome, bool]:
        """Perform once and judge that; last comes whether no further attempt is needed."""
        performed = await self._attempt(call, ready)
        assert not isinstance(performed.outcome, Detached), "a job is settled by now"  # noqa: S101
        told = forewarned(performed.outcome, ready.arguments.notices)
        if performed.cut_short:  # there is no result to be judged, nor one to try for again
            return performed, told, True
        judge = Judge(self.task, self.wiring.evaluate, self._knowing(ready, performed))
        outcome = judge.judge(told, attempt)
        if performed.growth is not None and isinstance(outcome, Ok):
            changed = grow(self.wiring, performed.growth)
            outcome = judge.judge(replace(told, changed=changed), attempt)
        return performed, outcome, attempt is None or judge.is_settled(outcome)

    def _knowing(self, ready: Ready, performed: Performed) -> Scope:
        """Give what the task's conditions are judged in."""
        if not (self.task.until or self.task.changed_when or self.task.failed_when):
            return self.scope
        return knowing(
            self.scope,
            ready.action.resolved,
            performed,
            elsewhere=ready.delegate is not None and ready.terms.delegate_facts,
            inject=self.wiring.settings.inject_facts_as_vars,
        )

    def _retries(self, terms: Terms) -> int:
        if terms.retries is not None:
            return max(0, terms.retries)
        return _DEFAULT_RETRIES if self.task.until else 0

    @staticmethod
    async def _pause(delay: float, news: News | None) -> None:
        """Wait as long as the user said, or until there is news worth asking for."""
        await _within(delay if delay >= 0 else 1, news or asyncio.Event().wait)

    def _tell_retry(
        self, outcome: Outcome, attempt: int, retries: int, ready: Ready, performed: Performed
    ) -> None:
        shown = censored(outcome) if ready.terms.no_log or performed.secret else outcome
        delegate = ready.delegate
        self.wiring.events.emit(
            Retrying(
                task=self.label,
                host=self.host,
                retries_left=retries + 1 - attempt,
                outcome=shown,
                item=self.attempt.item,
                attempt=attempt,
                delegate=delegate.name if delegate else None,
                delegate_address=delegate.address if delegate else None,
                shown=performed.shown,
            )
        )

    async def _attempt(self, call: Call, ready: Ready) -> Performed:
        """Perform once; a job that was started is waited for, unless it is not to be."""
        terms = ready.terms
        await self.fork.take()
        performed = await self._perform(replace(call, aside=self.fork.aside), within=terms.timeout)
        job = performed.outcome
        if not isinstance(job, Detached):
            return performed
        self.fork.give()
        if terms.poll > 0 and terms.limit > 0:
            return await self._settled(call, terms, performed, job)
        if self.on_start is None or not terms.settles:
            return replace(performed, outcome=Ok(job.payload, changed=True))
        started = Ok(job.payload)
        self.on_start(ItemResult(outcome=started, no_log=terms.no_log, delegate=ready.delegate))
        return await self._settled(call, terms, performed, job)

    async def _settled(
        self, call: Call, terms: Terms, performed: Performed, job: Detached
    ) -> Performed:
        """Give what the task came to when its job had ended; what it changes stays."""
        return replace(performed, outcome=(await self._settle(call, terms, job)).outcome)

    async def _settle(self, call: Call, terms: Terms, job: Detached) -> Performed:
        polled = JobPolled(task=self.label, host=self.host, jid=job.jid)
        emit = self.wiring.events.emit
        try:
            poll = terms.poll if terms.poll > 0 else math.inf
            settled = await self.wiring.actions.settle(
                call, job, poll=poll, on_poll=lambda: emit(polled)
            )
        except HostUnreachable as error:
            return Performed(unreachable(error))
        if not isinstance(settled.outcome, Unreachable):
            failed = isinstance(settled.outcome, Failed)
            jid = None if terms.no_log else job.jid
            emit(JobEnded(task=self.label, host=self.host, jid=jid, failed=failed))
        return settled

    async def _perform(self, call: Call, *, within: int) -> Performed:
        """Turn the failures we expect into outcomes; let all others fly."""
        deadline = asyncio.timeout(within or None)
        try:
            async with deadline:
                return await self.wiring.actions.perform(call)
        except TimeoutError:
            if not deadline.expired():  # somebody else's timeout: a bug, not ours to hide
                raise
            return Performed(_timed_out(within), cut_short=True)
        except HostUnreachable as error:
            return Performed(unreachable(error))
        except ActionFailed as error:
            return Performed(Failed(why=error.chain), cut_short=True)


async def _within(seconds: float, news: Callable[[], Awaitable[object]]) -> bool:
    """Wait for *news*, at most so long; tell whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await news()
    except (TimeoutError, HostUnreachable):  # of a lost host the next attempt will speak
        return False
    return True


def _told(delegate: Delegate | None, performed: Performed) -> Delegate | None:
    """Give the delegate as it is told of: stock knows its address where it gave a result."""
    no_result = performed.cut_short or isinstance(performed.outcome, Unreachable)
    return replace(delegate, address=None) if delegate and no_result else delegate


def unreachable(error: HostUnreachable) -> Unreachable:
    """Give the outcome of a host that cannot be reached."""
    return Unreachable({}, why=error.chain)


def _timed_out(seconds: int) -> Failed:
    hint = "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors."
    payload = {"timedout": {"frame": hint, "period": seconds}}
    return Failed(payload, why=(Cause(f"Timed out after {seconds} second(s)."),))
