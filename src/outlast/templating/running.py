"""What is being evaluated: the stack of running templates, and what each of them sees.

Knows the innermost template, so that whatever fails can say where. Leaves the values of
names to `rendering`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from jinja2.environment import Environment
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.utils import missing as _missing

from outlast.outcome import Warned
from outlast.values import Origin, Scope


class Running:
    """One template being evaluated: its text, place and scope, and who asked for it."""

    __slots__ = ("above", "origin", "scope", "text", "volatile", "what")

    def __init__(
        self, text: str, origin: Origin | None, scope: Scope, above: Running | None, what: str
    ) -> None:
        self.text = text
        self.origin = origin
        self.scope = scope
        self.above = above
        self.what = what
        self.volatile = False
        """Whether the value may differ the next time, so that it must not be remembered."""


class Stack(threading.local):
    """What is being evaluated in this thread, innermost on top."""

    top: Running | None = None
    notes: list[Warned] | None = None
    """Where it is noted what is undefined, when that is to be shown and not to fail."""

    @contextmanager
    def noting(self, notes: list[Warned]) -> Iterator[None]:
        """Have noted, for as long as this lasts, what is undefined within a text."""
        self.notes = notes
        try:
            yield
        finally:
            self.notes = None


class Resolves(Protocol):
    """Where names get their values."""

    def resolve(self, name: str, scope: Scope) -> Any:
        """Give a variable's or function's value, or Jinja2's `missing`."""
        ...


class RenderContext(Context):
    """Jinja2's view of one evaluation: own assignments above the scope's variables."""

    def __init__(  # pylint: disable=super-init-not-called  # it copies, for every template
        self,
        environment: Environment,
        variables: Resolves,
        scope: Scope,
        blocks: Mapping[str, Any],
        name: str | None = None,
        assigned: dict[str, Any] | None = None,
    ) -> None:
        self.environment = environment
        self.variables = variables
        self.scope = scope
        self.vars = {}
        self.parent = environment.globals  # functions; variables are not copied
        self.assigned = assigned
        self.exported_vars = set()
        self.name = name
        self.globals_keys = set()
        self.blocks = {key: [block] for key, block in blocks.items()}
        self._eval_ctx: EvalContext | None = None

    @property
    def eval_ctx(self) -> EvalContext:
        """Give Jinja2's compile-time settings; made only when they are asked for."""
        if self._eval_ctx is None:
            self._eval_ctx = EvalContext(self.environment, self.name)
        return self._eval_ctx

    @eval_ctx.setter
    def eval_ctx(self, value: EvalContext) -> None:
        self._eval_ctx = value

    def resolve_or_missing(self, key: str) -> Any:
        """Give what the template assigned, else a variable, else a function."""
        if key in self.vars:
            return self.vars[key]
        if self.assigned is not None and key in self.assigned:
            return self.assigned[key]
        return self.variables.resolve(key, self.scope)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.resolve_or_missing(name) is not _missing

    def get_all(self) -> dict[str, Any]:
        """Give what an included template is to see."""
        return Assigned(self)

    def derived(self, locals: dict[str, Any] | None = None) -> RenderContext:  # noqa: A002  # Jinja2's
        """Give a context for a part of the template, with more names assigned."""
        context = context_for(self.environment, self.variables, self.get_all(), locals)
        context.eval_ctx = self.eval_ctx
        context.blocks.update((key, list(value)) for key, value in self.blocks.items())
        return context


class Assigned(dict[str, Any]):
    """What a template has assigned so far, and the scope it runs in, for an included one."""

    def __init__(self, context: RenderContext) -> None:
        super().__init__({**(context.assigned or {}), **context.vars})
        self.scope = context.scope


class Layered(Scope):
    """A scope with a few plain variables on top."""

    def __init__(self, below: Scope, above: Mapping[str, object]) -> None:
        super().__init__()
        self._below = below
        self._above = above

    def __getitem__(self, name: str) -> object:
        return self._above[name] if name in self._above else self._below[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._above
        yield from (name for name in self._below if name not in self._above)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class NoVariables(Scope):
    """An empty scope: what a template imported without context sees."""

    def __getitem__(self, name: str) -> object:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def context_for(
    environment: Environment,
    variables: Resolves,
    given: Mapping[str, Any] | None,
    local: Mapping[str, Any] | None,
) -> RenderContext:
    """Make a context for an included template, or for a part of the running one.

    What is imported without context sees functions only.
    """
    scope = given.scope if isinstance(given, Assigned) else NoVariables()
    assigned = dict(given or {})
    assigned.update((key, value) for key, value in (local or {}).items() if value is not _missing)
    return RenderContext(environment, variables, scope, {}, assigned=assigned)
