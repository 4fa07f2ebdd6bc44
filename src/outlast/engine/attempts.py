"""One task on one host for one item: when, arguments, attempts, background job, verdict.

Each step adds one concern and calls the next. A fork is held only while the host works for
us: waiting, be it for a retry or for a background job, keeps nobody else from starting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from outlast.call import Call, Session
from outlast.engine.delegation import Delegate, delegate_of
from outlast.engine.ports import Target, Wiring
from outlast.engine.results import Include, ItemResult
from outlast.engine.terms import Terms, TermsReader
from outlast.engine.verdict import Judge, all_hold, explained, give_up
from outlast.errors import (
    ActionFailed,
    Cause,
    EvaluationError,
    HostUnreachable,
)
from outlast.events import JobEnded, JobPolled, Retrying, Said, TaskLabel
from outlast.outcome import (
    Detached,
    Failed,
    News,
    Ok,
    Outcome,
    Performed,
    Skipped,
    Unreachable,
    censored,
)
from outlast.playbook.model import Condition, Task
from outlast.values import Scope

_DEFAULT_RETRIES = 3
_MOMENT = 0.3
"""Seconds an attempt may wait for news before it counts as one that failed: stock's own
question takes longer, so a job that ends meanwhile shows no retry there either."""
_EVALUATED_BY_ACTION = {"ansible.builtin.assert": frozenset({"that"})}
"""Arguments that are conditions: the action evaluates them as they are written."""
_INCLUDES = frozenset({"ansible.builtin.include_tasks"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Carries one task to one host; made anew for each item of a loop."""

    wiring: Wiring
    reader: TermsReader
    forks: asyncio.Semaphore
    task: Task
    label: TaskLabel
    host: str
    scope: Scope

    async def run(self, loop_error: EvaluationError | None = None) -> ItemResult:
        """Give what became of it; *loop_error* is what kept the loop's list from being made.

        The conditions come first: a task that is not to run here needs neither its loop nor
        its arguments to be sound.
        """
        delegate: Delegate | None = None
        try:
            delegate = delegate_of(self.task, self.scope, self.wiring)
            if skipped := self._not_to_run():
                return ItemResult(outcome=skipped, no_log=self._no_log(), delegate=delegate)
            if loop_error is not None:
                raise loop_error
            terms = self.reader.read(self.task, self.scope)
            if self.task.action.resolved in _INCLUDES:
                return self._include(terms)
            return await self._attempts(terms, delegate)
        except EvaluationError as error:
            return self._refused(Failed(why=error.chain), delegate)

    def _no_log(self) -> bool:
        try:
            return self.reader.no_log(self.task, self.scope)
        except EvaluationError:
            return True  # nobody knows: hide it

    def _refused(self, outcome: Failed, delegate: Delegate | None) -> ItemResult:
        """A failure from before anything ran; `ignore_errors` may still apply to it."""
        try:
            ignore = self.reader.read(self.task, self.scope).ignore_errors
        except EvaluationError:
            ignore = self._plainly_ignored()
        return ItemResult(
            outcome=explained(outcome, self.task),
            ignore_errors=ignore,
            no_log=self._no_log(),
            delegate=delegate,
        )

    def _plainly_ignored(self) -> bool:
        """`ignore_errors` on its own, when another keyword is what failed."""
        words = self.task.keywords.ignore_errors
        try:
            return bool(self.wiring.evaluate.render(words, self.scope))
        except EvaluationError:
            return False

    def _not_to_run(self) -> Skipped | None:
        for condition in self.task.keywords.when:
            if not self._holds(condition):
                reason = "Conditional result was False"
                source = getattr(condition.source, "text", condition.source)
                return Skipped({"skip_reason": reason, "false_condition": source})
        return None

    def _holds(self, condition: Condition) -> bool:
        return all_hold((condition,), self.wiring.evaluate, self.scope)

    # -- dynamic includes --------------------------------------------------------------------

    def _include(self, terms: Terms) -> ItemResult:
        args = self._arguments()
        path = args.pop("_raw_params", None) or args.pop("file", None)
        if not path:
            return self._refused(
                Failed(why=(Cause("No include file was specified to the include"),)), None
            )
        include = Include(path=str(path), variables=dict(self.task.keywords.vars))
        return ItemResult(
            outcome=Ok({"include": str(path)}), include=include, ignore_errors=terms.ignore_errors
        )

    # -- attempts ----------------------------------------------------------------------------

    async def _attempts(self, terms: Terms, delegate: Delegate | None) -> ItemResult:
        judge = Judge(self.task, self.wiring.evaluate, self.scope)
        call = self._call(terms, delegate)
        retries = self._retries(terms)
        for attempt in range(1, retries + 2):
            counted = attempt if retries else None
            performed, outcome = await self._judged(call, terms, judge, counted)
            if not retries or judge.is_settled(outcome):
                break
            if performed.news is not None and await _within(_MOMENT, performed.news):
                performed, outcome = await self._judged(call, terms, judge, counted)
                if judge.is_settled(outcome):
                    break
            if attempt <= retries:
                self._tell_retry(outcome, retries + 1 - attempt, delegate, terms)
                await self._pause(terms.delay, performed.news)
        else:
            outcome = give_up(outcome, retries)
        return ItemResult(
            outcome=explained(outcome, self.task),
            effects=performed.effects,
            notify=terms.notify if outcome.changed else (),
            ignore_errors=terms.ignore_errors,
            no_log=terms.no_log,
            shown=performed.shown,
            delegate=delegate,
        )

    async def _judged(
        self, call: Call, terms: Terms, judge: Judge, attempt: int | None
    ) -> tuple[Performed, Outcome]:
        performed = await self._attempt(call, terms)
        assert not isinstance(performed.outcome, Detached), "a job is settled by now"  # noqa: S101
        return performed, judge.judge(performed.outcome, attempt)

    def _retries(self, terms: Terms) -> int:
        if terms.retries is not None:
            return max(0, terms.retries)
        return _DEFAULT_RETRIES if self.task.until else 0

    @staticmethod
    async def _pause(delay: float, news: News | None) -> None:
        """Wait as long as the user said, or until there is news worth asking for."""
        await _within(delay if delay >= 0 else 1, news or asyncio.Event().wait)

    def _tell_retry(
        self, outcome: Outcome, left: int, delegate: Delegate | None, terms: Terms
    ) -> None:
        shown = censored(outcome) if terms.no_log else outcome
        self.wiring.events.emit(
            Retrying(
                task=self.label,
                host=self.host,
                retries_left=left,
                outcome=shown,
                delegate=delegate.name if delegate else None,
                delegate_address=delegate.address if delegate else None,
            )
        )

    async def _attempt(self, call: Call, terms: Terms) -> Performed:
        """Perform once; a job that was started is waited for, unless it is not to be."""
        async with self.forks:
            performed = await self._perform(call, within=terms.timeout)
        job = performed.outcome
        if not isinstance(job, Detached):
            return performed
        if terms.poll <= 0 or terms.limit <= 0:
            return Performed(Ok(job.payload, changed=True), performed.effects)
        return await self._settle(call, terms, job)

    async def _settle(self, call: Call, terms: Terms, job: Detached) -> Performed:
        polled = JobPolled(task=self.label, host=self.host, jid=job.jid)
        emit = self.wiring.events.emit
        try:
            settled = await self.wiring.actions.settle(
                call, job, poll=terms.poll, on_poll=lambda: emit(polled)
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
            return Performed(_timed_out(within))
        except HostUnreachable as error:
            return Performed(unreachable(error))
        except ActionFailed as error:
            return Performed(Failed(why=error.chain))

    # -- what is asked -----------------------------------------------------------------------

    def _call(self, terms: Terms, delegate: Delegate | None) -> Call:
        return Call(
            action=self.task.action.resolved,
            written_as=self.task.action.name,
            args=self._arguments(),
            written=self.task.action.args,
            host=self.host,
            scope=self.scope,
            evaluate=self.wiring.evaluate,
            session=self._session(terms, delegate),
            task_name="" if terms.no_log else self.label.name,
            origin=self.task.action.origin,
            environment=terms.environment,
            check_mode=terms.check_mode,
            diff=terms.diff,
            no_log=terms.no_log,
            verbosity=self.wiring.settings.verbosity,
            limit=terms.limit,
            async_dir=self._async_dir(),
            search_path=self.wiring.search_path,
            say=lambda text: self.wiring.events.emit(Said(text)),
        )

    def _arguments(self) -> dict[str, object]:
        action = self.task.action
        names = _EVALUATED_BY_ACTION.get(action.resolved, frozenset())
        own = {name: value for name, value in action.args.items() if name in names}
        args = {name: value for name, value in action.args.items() if name not in names}
        try:
            return self.wiring.evaluate.render_args(args, self.scope) | own
        except EvaluationError as error:
            what = f"Finalization of task args for {action.resolved!r} failed."
            raise EvaluationError(what, action.origin, causes=error.chain) from error

    def _async_dir(self) -> str:
        if "ansible_async_dir" not in self.scope:
            return self.wiring.settings.async_dir
        return str(self.wiring.evaluate.render(self.scope["ansible_async_dir"], self.scope))

    def _session(self, terms: Terms, delegate: Delegate | None) -> Callable[[], Awaitable[Session]]:
        def open_session() -> Awaitable[Session]:
            if delegate is not None:
                target = Target(name=delegate.name, scope=delegate.scope, keywords=terms.reaching)
            else:
                target = Target(name=self.host, scope=self.scope, keywords=terms.reaching)
            return self.wiring.reach.open(target)

        return open_session


async def _within(seconds: float, news: Callable[[], Awaitable[object]]) -> bool:
    """Wait for *news*, at most so long; tell whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await news()
    except (TimeoutError, HostUnreachable):  # of a lost host the next attempt will speak
        return False
    return True


def unreachable(error: HostUnreachable) -> Unreachable:
    """Give the outcome of a host that cannot be reached."""
    return Unreachable({}, why=error.chain)


def _timed_out(seconds: int) -> Failed:
    hint = "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors."
    payload = {"timedout": {"frame": hint, "period": seconds}}
    return Failed(payload, why=(Cause(f"Timed out after {seconds} second(s)."),))
