"""A task's keywords, evaluated for one host and one loop item.

Knows what each keyword is when nobody gives it, and how a value that does not fit is told.
Which keywords exist, their types and how they are inherited is the playbook room's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from msgspec import Struct

from outlast.call import Evaluate
from outlast.engine.job_terms import JobTermsReader
from outlast.errors import Cause, EvaluationError
from outlast.events import EventSink, Noticed
from outlast.job import JobTerms
from outlast.outcome import Warned
from outlast.playbook.conversions import to_bool, to_float, to_int
from outlast.playbook.model import Keywords, Task
from outlast.settings import Settings
from outlast.values import OMIT, Origin, Scope, Template, has_templates, is_list

_REACHING = (
    "become",
    "become_user",
    "become_method",
    "become_flags",
    "become_exe",
    "remote_user",
    "port",
    "connection",
)
_LOOKS = ("always", "on_failed", "on_unreachable", "on_skipped", "never")
_LONGEST_TIMEOUT: Final = 100_000_000
T = TypeVar("T")
_CONVERTED: Final[Mapping[str, Callable[[object], object]]] = {
    "become": to_bool,
    "port": to_int,
    "any_errors_fatal": to_bool,
    "run_once": to_bool,
    "throttle": to_int,
}
_OTHERS_BUSINESS: Final = ("any_errors_fatal", "run_once", "throttle")
"""Heeded before a host's turn has come; there they need not be of their type, here they must."""
_NO_ENVIRONMENT = "could not parse environment value, skipping"


class Terms(Struct, frozen=True, kw_only=True):
    """What the keywords of a task come to, for one host and item."""

    limit: int
    poll: int
    retries: int | None
    delay: float
    timeout: int
    ignore_errors: bool
    ignore_unreachable: bool
    check_mode: bool
    diff: bool
    no_log: bool
    delegate_facts: bool
    environment: Mapping[str, str]
    notify: tuple[str, ...]
    job: JobTerms
    """What is asked of its job, if it becomes one."""
    debugger: str | None
    """When a person is to look at the result."""
    settles: bool
    """A job nobody waits for is judged when it ends."""
    reaching: Mapping[str, object]
    """become and kin, remote_user, port, connection: what is set."""


class TermsReader(Struct, frozen=True):
    """Evaluates the keywords of tasks."""

    evaluate: Evaluate
    settings: Settings
    check_mode: bool
    diff: bool
    events: EventSink

    def read(self, task: Task, scope: Scope) -> Terms:
        """Give the terms of *task* in *scope*; raises `EvaluationError` naming the keyword."""
        words = task.keywords

        def flag(name: str, value: object, *, unset: bool) -> bool:
            return self._value(task, scope, name, value, to_bool, unset)

        def number(name: str, value: object, unset: int) -> int:
            return self._value(task, scope, name, value, to_int, unset)

        for name in _OTHERS_BUSINESS:
            self._value(task, scope, name, getattr(words, name), _CONVERTED[name], None)
        limit = number("async_val", task.async_limit, 0)
        return Terms(
            limit=limit,
            poll=self.poll(task, scope),
            retries=self._value(task, scope, "retries", task.retries, to_int, None),
            delay=self._value(task, scope, "delay", task.delay, to_float, 5.0),
            timeout=_in_bounds(number("timeout", words.timeout, self.settings.task_timeout)),
            ignore_errors=self.ignore_errors(task, scope),
            ignore_unreachable=flag("ignore_unreachable", words.ignore_unreachable, unset=False),
            check_mode=flag("check_mode", words.check_mode, unset=self.check_mode),
            diff=flag("diff", words.diff, unset=self.diff),
            no_log=self.no_log(task, scope),
            delegate_facts=flag("delegate_facts", words.delegate_facts, unset=False),
            environment=self._environment(words, scope),
            notify=self._notify(words, scope),
            debugger=self.debugger(task, scope),
            job=JobTermsReader(self.evaluate, scope).job() if limit > 0 else JobTerms(),
            settles=limit > 0 and self.settles(scope),
            reaching=self._reaching(task, words, scope),
        )

    def given(self, task: Task, name: str, value: object, scope: Scope) -> object:
        """Evaluate *value*, a keyword's; for one that omits itself, what is said around the task.

        It may be of any type, and is None where nobody says anything. Raises `EvaluationError`.
        """
        for level in (value, *task.keywords.outer.get(name, ())):
            given = self.evaluate.render(level, scope) if has_templates(level) else level
            if given is not OMIT:
                return given
        return None

    def run_once(self, task: Task, scope: Scope) -> bool:
        """Tell it by what is not nothing, as stock does; what is no yes or no fails the task."""
        return bool(self.given(task, "run_once", task.keywords.run_once, scope))

    def ignore_errors(self, task: Task, scope: Scope) -> bool:
        """Tell whether a failure is to be ignored; on its own, since other keywords may fail."""
        value = task.keywords.ignore_errors
        return self._value(task, scope, "ignore_errors", value, to_bool, unset=False)

    def poll(self, task: Task, scope: Scope) -> int:
        """Give the interval of polling; on its own, since it says who judges the task."""
        return self._value(task, scope, "poll", task.poll, to_int, self.settings.poll_interval)

    def settles(self, scope: Scope) -> bool:
        """Tell whether a job nobody waits for is judged when it ends."""
        return JobTermsReader(self.evaluate, scope).settles()

    def no_log(self, task: Task, scope: Scope) -> bool:
        """Tell whether results may be shown; on its own, since failures need it too."""
        unset = self.settings.no_log
        return self._value(task, scope, "no_log", task.keywords.no_log, to_bool, unset)

    def debugger(self, task: Task, scope: Scope) -> str | None:
        """Tell when a person is to look at the result; on its own, as failures need it too."""
        return self._value(task, scope, "debugger", task.keywords.debugger, _to_look, None)

    def _value(
        self,
        task: Task,
        scope: Scope,
        name: str,
        value: object,
        convert: Callable[[object], T],
        unset: T,
    ) -> T:
        if value is None:
            return unset
        where = task.places.get(name) or task.keywords.places.get(name)
        try:
            given = self.given(task, name, value, scope)
            return unset if given is None else convert(given)
        except ValueError as error:
            raise self._refused(name, (Cause(str(error), where, apart=True),), where) from error
        except EvaluationError as error:
            raise self._refused(name, error.chain, where or error.origin) from error

    @staticmethod
    def _refused(name: str, why: tuple[Cause, ...], where: Origin | None) -> EvaluationError:
        return EvaluationError(f"Error processing keyword {name!r}.", where, causes=why)

    def _environment(self, words: Keywords, scope: Scope) -> dict[str, str]:
        merged: dict[str, str] = {}
        for layer in words.environment:
            try:
                rendered = self.evaluate.render(layer, scope)
            except EvaluationError as error:
                raise self._refused("environment", error.chain, error.origin) from error
            if isinstance(rendered, Mapping):
                merged |= {str(name): str(value) for name, value in rendered.items()}
            elif rendered is not OMIT:
                told = f"{_NO_ENVIRONMENT}: {_as_written(list(words.environment))}"
                self.events.emit(Noticed(Warned(told)))
        return merged

    def _notify(self, words: Keywords, scope: Scope) -> tuple[str, ...]:
        names: list[str] = []
        given = self._notified(words.notify, scope)
        if given == [OMIT] and "notify" in words.outer:
            around = words.outer["notify"][0]
            given = self._notified(around if is_list(around) else (), scope)
        for entry in given:
            if entry is not OMIT and entry is not None:
                names += map(str, entry) if isinstance(entry, list) else [str(entry)]
        return tuple(names)

    def _notified(self, entries: Iterable[object], scope: Scope) -> list[object]:
        try:
            return [self.evaluate.render(entry, scope) for entry in entries]
        except EvaluationError as error:
            raise self._refused("notify", error.chain, error.origin) from error

    def _reaching(self, task: Task, words: Keywords, scope: Scope) -> dict[str, object]:
        given = {}
        for name in _REACHING:
            value = getattr(words, name)
            value = self._value(task, scope, name, value, _CONVERTED.get(name, lambda it: it), None)
            if value is not None:
                given[name] = value
        return given


def _in_bounds(timeout: int) -> int:
    if not 0 <= timeout <= _LONGEST_TIMEOUT:
        told = f"Timeout {timeout} is invalid, it must be between 0 and {_LONGEST_TIMEOUT}."
        raise EvaluationError(told)
    return timeout


def _to_look(value: object) -> str | None:
    if not value:
        return None
    if isinstance(value, str) and value not in _LOOKS:
        names = ", ".join(_LOOKS)
        told = f"{value!r} is not a valid value for debugger. Must be one of {names}"
        raise ValueError(told)
    return str(value)


def _as_written(value: object) -> object:
    """Give *value* with the text of its templates."""
    match value:
        case Template():
            return value.text
        case list():
            return [_as_written(member) for member in value]
        case dict():
            return {name: _as_written(member) for name, member in value.items()}
        case _:
            return value
