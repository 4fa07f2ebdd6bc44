"""Lookups by name, in templates and in `with_<lookup>` loops.

Knows how a lookup is asked and what becomes of its answer. Leaves answering to the lookups:
our own, and ansible-core's or a collection's through `borrowed`.
"""

from __future__ import annotations

from typing import Any

from outlast.errors import EvaluationError, joined
from outlast.outcome import Warned
from outlast.templating.asking import Asked, Lookup
from outlast.templating.borrowed import Borrowed
from outlast.templating.environment import first_marker, listed
from outlast.templating.explaining import because, placed
from outlast.templating.file_lookups import file_lookups
from outlast.templating.finding import basedir
from outlast.templating.list_lookups import list_lookups
from outlast.templating.markers import Marker, Tripped
from outlast.templating.rendering import Core, told
from outlast.templating.views import LazyDict, LazyList, ScopeView, lifted, plain
from outlast.values import Scope, Template, nowhere

_PREFIXES = ("ansible.builtin.", "ansible.legacy.")
_INVOKED = nowhere("invoke_lookup()")
"""Where a loop asks its lookup, in the words of stock."""


class Templating:
    """What ansible-core's lookups may ask of the templating they run in."""

    def __init__(self, core: Core, scope: Scope) -> None:
        self._core = core
        self._scope = scope
        self.available_variables = ScopeView(scope, core)
        self.environment = core.included
        self.basedir = basedir(scope)

    def template(self, value: Any, *_: Any, **__: Any) -> Any:
        """Give plain data; text that a plugin hands in is data, not a template."""
        return plain(value, self._scope, self._core)


class Lookups:
    """Asks lookups; a lookup runs in the caller's thread and may block."""

    def __init__(self, core: Core, borrowed: Borrowed) -> None:
        self._core = core
        self._borrowed = borrowed
        self._own = list_lookups() | file_lookups()

    def run(
        self, name: str, terms: object, scope: Scope, *, action: str = "", **options: Any
    ) -> list[Any]:
        """Give the items of a `with_<name>` loop over *terms* (as written, unevaluated).

        *action* is the task's action: `with_first_found` looks in a folder named after it.
        Raises `EvaluationError`.
        """
        seen = self._core.evaluate(terms, scope) if isinstance(terms, Template) else terms
        given = lifted(seen, scope, self._core)
        asked_for = list(given) if isinstance(given, list) else [given]
        try:
            if isinstance(given, Marker):
                given.trip()
            answer = self._asked(name, asked_for, options, scope, action or "loop")
            result = plain(answer)
        except Tripped as tripped:
            raise told(tripped.marker, "expression", None) from None
        except EvaluationError as error:
            raise error if error.origin else placed(error, _INVOKED) from None
        return result if isinstance(result, list) else [result]

    def call(self, name: Any, terms: list[Any], options: dict[str, Any]) -> Any:
        """Answer `lookup(...)` inside a template; a failure is a marker."""
        top = self._core.stack.top
        if top is None:
            raise RuntimeError("a lookup is asked by a template that runs")
        top.volatile = True
        wantlist = options.pop("wantlist", False)
        errors = options.pop("errors", "strict")
        try:
            answer = self._asked(name, terms, options, top.scope, "")
        except Tripped as tripped:
            return tripped.marker
        except EvaluationError as error:
            if errors not in ("warn", "ignore") or not error.message.endswith(" failed."):
                raise
            if errors == "warn":
                said = joined([cause.message for cause in error.causes])
                self._core.notify(
                    Warned(f"An error occurred while running the lookup plugin {name!r}: {said}")
                )
            return [] if wantlist else None
        return answer if wantlist or isinstance(answer, Marker) else _unwrapped(answer)

    def _asked(
        self, name: Any, terms: list[Any], options: dict[str, Any], scope: Scope, action: str
    ) -> Any:
        own = self._own.get(_short(name)) if isinstance(name, str) else None
        if own is None:
            return self._foreign(name, terms, options, scope)
        if not own.takes_markers:
            marker = first_marker(terms, options)
            if marker is not None:
                return marker
            terms = [plain(term) for term in terms]
            options = plain(options)
        else:
            terms = [_opened(term) for term in terms]
        return self._answer(name, own, terms, options, scope, action)

    def _answer(  # what is asked, spread out
        self,
        name: str,
        own: Lookup,
        terms: list[Any],
        options: dict[str, Any],
        scope: Scope,
        action: str,
    ) -> Any:
        top = self._core.stack.top
        origin = top.origin if top else _INVOKED
        asked = Asked(
            terms=terms,
            options=options,
            scope=scope,
            core=self._core,
            origin=origin,
            action=action,
        )
        try:
            return own.answer(asked)
        except Tripped:
            raise
        except Exception as error:
            # Whatever went wrong in a lookup is told as the lookup's failure.
            raise because(f"The lookup plugin {name!r} failed.", None, error) from error

    def _foreign(self, name: Any, terms: list[Any], options: dict[str, Any], scope: Scope) -> Any:
        marker = first_marker(terms, options)
        if marker is not None:
            return marker
        from ansible.parsing.dataloader import DataLoader  # noqa: PLC0415  # 200 ms

        loader = DataLoader()
        loader.set_basedir(basedir(scope))
        shim = Templating(self._core, scope)
        plugin = self._borrowed.lookup(name, loader=loader, templar=shim)
        plugin._display = self._borrowed.talk  # noqa: SLF001  # it would print from anywhere
        try:
            answer = plugin.run(
                [plain(term) for term in terms],
                variables=shim.available_variables,
                **plain(options),
            )
        except Tripped:
            raise
        except Exception as error:
            raise because(f"The lookup plugin {name!r} failed.", None, error) from error
        if not isinstance(answer, list | tuple):
            wrong = TypeError(f"returned {type(answer)} instead of {list}")
            raise because(f"The lookup plugin {name!r} failed.", None, wrong)
        return plain(list(answer))


def _short(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _opened(value: Any) -> Any:
    """Give containers evaluated, with their markers left in."""
    if isinstance(value, LazyDict | dict):
        return {key: _opened(value[key]) for key in value}  # items() would trip a marker
    if isinstance(value, LazyList | list | tuple):
        return [_opened(member) for member in value]
    return value


def _unwrapped(answer: Any) -> Any:
    """Give what `lookup` gives for a list: its only member, or texts joined by commas."""
    answer = listed(answer)
    if not answer:
        return answer
    if len(answer) == 1:
        return answer[0]
    if all(isinstance(member, str) for member in answer):
        return ",".join(answer)
    return answer
