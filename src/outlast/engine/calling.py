"""What is asked of an action: one task on one host for one item, made a `call.Call`.

Knows how a call reaches the host (not before it is noted that it is acted on), the inventory and
whoever watches the run. Leaves what the keywords come to to `preparation`, and how often it is
asked to `attempts`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import Struct, field

from outlast.attempt import Attempt
from outlast.call import Call
from outlast.engine.ports import Noted, Target, Wiring, at_once
from outlast.engine.preparation import Ready
from outlast.engine.scopes import search_path
from outlast.engine.terms import Terms
from outlast.events import ActionBegins, JobSpoke, Noticed, Said, TaskLabel
from outlast.outcome import AddHost, Growth, Warned
from outlast.playbook.model import Task
from outlast.session import Session
from outlast.values import Scope

_CHANGES_NO_HOST = frozenset(
    f"ansible.builtin.{name}"
    for name in (
        *("add_host", "assert", "debug", "fail", "group_by", "include_vars", "pause"),
        *("set_fact", "set_stats", "validate_argument_spec"),
        *("async_status", "find", "gather_facts", "getent", "package_facts", "ping"),
        *("service_facts", "setup", "slurp", "stat", "wait_for", "wait_for_connection"),
    )
) | {"outlast.jobs.info", "outlast.jobs.wait"}
"""To do one again does no harm, so no disk is waited for."""


class Calling(Struct, frozen=True, kw_only=True):
    """Makes the calls of one task on one host, for one item."""

    wiring: Wiring
    task: Task
    label: TaskLabel
    host: str
    scope: Scope
    ready: Ready
    patience: float
    """Seconds for which the task asks again and again."""
    memory: dict[str, object] = field(default_factory=dict)

    def call(self, attempt: Attempt) -> Call:
        """Give what is asked in *attempt*; what the action keeps lasts from one to the next."""
        ready = self.ready
        terms = ready.terms
        return Call(
            action=ready.action.resolved,
            written_as=ready.action.name,
            args=ready.arguments.given,
            written=ready.arguments.written,
            defaults_of=self._defaults_of,
            host=self.host,
            scope=self.scope,
            evaluate=self.wiring.evaluate,
            session=self._session(attempt),
            delegated=ready.delegate is not None,
            task_name="" if terms.no_log else self.label.name,
            origin=ready.action.origin,
            environment=terms.environment,
            check_mode=terms.check_mode,
            diff=terms.diff,
            no_log=terms.no_log,
            verbosity=self.wiring.settings.verbosity,
            hash_behaviour=self.wiring.settings.hash_behaviour,
            limit=terms.limit,
            job=terms.job,
            grow=partial(grow, self.wiring),
            reset=self._reset,
            hear=self._hear(terms),
            async_dir=self._async_dir(),
            max_diff_size=self.wiring.settings.max_diff_size,
            managed=self.wiring.settings.ansible_managed,
            search_path=search_path(self.wiring, self.task),
            say=lambda text: self.wiring.events.emit(Said(text)),
            warn=lambda text: self.wiring.events.emit(Noticed(Warned(text))),
            attempt=attempt,
            patience=self.patience,
            memory=self.memory,
        )

    def _defaults_of(self, action: str) -> dict[str, object]:
        evaluate = self.wiring.evaluate
        layers = self.task.action.handed.get(action, ())
        given = {k: v for layer in layers for k, v in evaluate.entries(layer, self.scope).items()}
        return evaluate.render_args(given, self.scope)

    def _hear(self, terms: Terms) -> Callable[[Sequence[str]], None] | None:
        waits = self.task.until or (terms.limit > 0 and (terms.poll > 0 or terms.settles))
        if terms.no_log or not waits:
            return None
        emit, label, host = self.wiring.events.emit, self.label, self.host
        return lambda lines: emit(JobSpoke(task=label, host=host, lines=tuple(lines)))

    def _async_dir(self) -> str:
        if "ansible_async_dir" not in self.scope:
            return self.wiring.settings.async_dir
        return str(self.wiring.evaluate.render(self.scope["ansible_async_dir"], self.scope))

    def _session(self, attempt: Attempt) -> Callable[[], Awaitable[Session]]:
        """Give what opens the host's session, not before it is noted that it is acted on."""
        noted = self._begins(attempt)

        async def open_session() -> Session:
            session = await self.wiring.reach.open(self._target())
            await noted()
            return session

        return open_session

    async def _reset(self) -> None:
        await self.wiring.reach.reset(self._target())

    def _target(self) -> Target:
        delegate = self.ready.delegate
        name, scope = (delegate.name, delegate.scope) if delegate else (self.host, self.scope)
        return Target(name=name, scope=scope, keywords=self.ready.terms.reaching)

    def _begins(self, attempt: Attempt) -> Noted:
        """Have noted that the host is to be changed; the disk is at it while the call is made."""
        if self.ready.terms.check_mode or self.ready.action.resolved in _CHANGES_NO_HOST:
            return at_once
        delegate = self.ready.delegate.name if self.ready.delegate else None
        action = ActionBegins(task=self.label, host=self.host, delegate=delegate, attempt=attempt)
        return self.wiring.intents.begins(action)


def grow(wiring: Wiring, growth: Growth) -> bool:
    """Make the inventory more; tells whether that was news."""
    news = wiring.hosts.grow(growth)
    if news and isinstance(growth, AddHost):
        wiring.variables.welcome(growth.name)
    return news
