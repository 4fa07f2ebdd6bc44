"""The task debugger: a person looks at what a task came to, changes it and runs it again.

Knows which results are looked at, and what is taken back when a task is redone. One host at a
time has the floor; what the others came to is told when it is free again. Leaves understanding
what is typed to `debug_shell`, and showing things to `debug_views`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from outlast.engine.debug_views import Host, Result, Task, altered, shown
from outlast.engine.loops import HostTask
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Preparation, Thinking
from outlast.engine.results import HostResult
from outlast.engine.standing import Standing
from outlast.engine.terms import TermsReader
from outlast.errors import EvaluationError, RunLeft
from outlast.events import HostTally, Said
from outlast.outcome import Failed, Outcome, Skipped, Unreachable
from outlast.playbook import model
from outlast.values import Scope

_ENDED = "User interrupted execution"


class Before(Struct, frozen=True):
    """How a host stood before a result was counted."""

    tally: HostTally
    out: tuple[bool, ...]
    """Whether it was in each of the groups of those who are out."""


class Debugging(Struct, frozen=True, kw_only=True):
    """Lets a person look at the results of one company of hosts."""

    wiring: Wiring
    standing: Standing
    reader: TermsReader
    thinking: Thinking
    floor: asyncio.Lock
    """Held by the host whose result is being told, and looked at."""
    everywhere: bool
    """What failed is looked at, whatever the task says."""
    told: Callable[[], None]
    """To be called when a host is in the play again."""

    def possible(self, task: model.Task) -> bool:
        """Tell whether a result of *task* may be looked at."""
        return self.everywhere or task.keywords.debugger is not None

    def before(self, work: HostTask) -> Before | None:
        """Give how the host stands, to be gone back to; None: its result is not looked at."""
        if work.scope is None:
            return None
        out = tuple(work.host in group for group in self.standing.groups_out)
        return Before(replace(self.standing.tally(work.host)), out)

    async def looked_at(
        self, work: HostTask, result: HostResult, before: Before | None
    ) -> HostTask | None:
        """Let a person look at *result*, if one is to; gives what is to run instead of *work*.

        Raises `RunLeft` when the run is to end.
        """
        if before is None or work.scope is None:
            return None
        if not self._wanted(work.task, work.scope, result):
            return None
        counted = self.standing.tally(work.host)
        more = {name: n - getattr(before.tally, name) for name, n in asdict(counted).items()}
        instead = await self._conversation(_Subject(work, result), work.scope)
        if instead is not None:
            self._take_back(work.host, more, before)
        return instead

    def _wanted(self, task: model.Task, scope: Scope, result: HostResult) -> bool:
        try:
            asked = self.reader.debugger(task, scope)
        except EvaluationError:
            asked = None  # the task has failed of it
        heeded = not (result.ignored and self.wiring.settings.task_debugger_ignore_errors)
        lost = isinstance(result.outcome, Unreachable)
        if asked == "always":
            return True
        if asked == "never":
            return False
        failed = isinstance(result.outcome, Failed) and heeded
        return (self.everywhere and (failed or lost)) or _is(asked, result.outcome, heeded=heeded)

    def _take_back(self, host: str, more: Mapping[str, int], before: Before) -> None:
        tally = self.standing.tally(host)
        for name, n in more.items():
            setattr(tally, name, getattr(tally, name) - n)
        for group, was_in in zip(self.standing.groups_out, before.out, strict=True):
            if not was_in:
                group.discard(host)
        self.told()

    async def _conversation(self, subject: _Subject, scope: Scope) -> HostTask | None:
        from outlast.engine.debug_shell import Shell, Wish  # noqa: PLC0415  # few runs stop here

        names = subject.names(scope, self.wiring, self.reader)
        shell = Shell(names)
        while True:
            prompt = f"[{subject.work.host}] {subject.task} (debug)> "
            line = await self.wiring.ask_anybody(prompt, private=False)
            wish, text = shell.obey("EOF" if line is None else line)
            if text:
                self._say(text)
            match wish:
                case Wish.CONTINUE:
                    return None
                case Wish.REDO:
                    return subject.instead(altered(names["task_vars"], scope))
                case Wish.UPDATE:
                    await self._update(subject, altered(names["task_vars"], scope))
                    names["task"] = subject.task
                case Wish.QUIT:
                    self._say(_ENDED)
                    raise RunLeft(_ENDED)

    async def _update(self, subject: _Subject, scope: Scope) -> None:
        task = subject.work.origin or subject.work.task
        preparation = Preparation(wiring=self.wiring, reader=self.reader, task=task, scope=scope)
        try:
            arguments = await self.thinking.over(task, scope, preparation.arguments)
        except EvaluationError as error:
            self._say(f"***{type(error).__name__}:{error}")
        else:
            subject.renew(task, arguments.given)

    def _say(self, text: str) -> None:
        self.wiring.events.emit(Said(text))


def _is(asked: str | None, outcome: Outcome, *, heeded: bool) -> bool:
    """Tell whether *outcome* is what a task asked to be looked at for."""
    match outcome:
        case Failed():
            return asked == "on_failed" and heeded
        case Unreachable():
            return asked == "on_unreachable"
        case Skipped():
            return asked == "on_skipped"
    return False


class _Subject:
    """A task that is being looked at, and changed."""

    def __init__(self, work: HostTask, result: HostResult) -> None:
        self.work = work
        self.result = result
        args = result.items[0].args if result.items and not result.looped else None
        self._begin(work.task, args)

    def _begin(self, model_: model.Task, args: Mapping[str, object] | None) -> None:
        self._model = model_
        self._whole = args is not None
        """The arguments have been evaluated, and are not to be again."""
        self._args = model_.action.args if args is None else args
        self.task = Task(model_, self.work.label, self._args)

    def renew(self, task: model.Task, args: Mapping[str, object]) -> None:
        """Go back to how *task* is written, with its arguments evaluated to *args*."""
        self._begin(task, args)

    def names(self, scope: Scope, wiring: Wiring, reader: TermsReader) -> dict[str, Any]:
        """Give what expressions know."""
        host = Host(self.work.host, shown(scope["group_names"]) if "group_names" in scope else [])
        return {
            "task": self.task,
            "task_vars": {name: shown(scope[name]) for name in scope},
            "host": host,
            "result": Result(self.task, host, self.result),
            "play_context": _play_context(self._model, scope, wiring, reader),
        }

    def instead(self, scope: Scope) -> HostTask:
        """Give what is to run: the task as it is now, in *scope*."""
        task = self.task.applied(self._model, self._args, whole=self._whole)
        return replace(self.work, task=task, scope=scope, origin=self.work.origin or self.work.task)


class PlayContext:
    """`play_context`: how the host is reached, and in which mode; to look at."""

    def __init__(self, **known: object) -> None:
        vars(self).update(known)

    def __repr__(self) -> str:
        return f"<{', '.join(f'{name}={value!r}' for name, value in vars(self).items())}>"


def _play_context(
    task: model.Task, scope: Scope, wiring: Wiring, reader: TermsReader
) -> PlayContext:
    """Give what is sure: the run's modes, and what the task itself says."""
    known: dict[str, object] = {
        "check_mode": wiring.check_mode,
        "diff": wiring.diff,
        "verbosity": wiring.settings.verbosity,
    }
    try:
        terms = reader.read(task, scope)
    except EvaluationError:
        return PlayContext(**known)  # the task has failed of it, and says so
    modes = {"check_mode": terms.check_mode, "diff": terms.diff}
    return PlayContext(**known | modes | dict(terms.reaching))
