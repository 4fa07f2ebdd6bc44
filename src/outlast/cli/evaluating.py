"""The templating room, entered when the first template needs it.

A run without templates does not pay for Jinja2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from outlast.call import Evaluate
from outlast.outcome import Warned
from outlast.values import Origin, Scope, Template

_SCALARS = frozenset({str, int, float, bool, type(None)})


class EvaluateUponNeed:
    """Implements `call.Evaluate`; what holds no template is answered at the door."""

    def __init__(self, make: Callable[[], Evaluate]) -> None:
        self._make = make
        self._evaluate: Evaluate | None = None

    @property
    def _opened(self) -> Evaluate:
        """The real evaluator, made when it is first needed."""
        if self._evaluate is None:
            self._evaluate = self._make()
        return self._evaluate

    def render(self, value: object, scope: Scope) -> object:
        """Give plain data for *value*."""
        return value if type(value) in _SCALARS else self._opened.render(value, scope)

    def render_args(self, args: Mapping[str, object], scope: Scope) -> dict[str, object]:
        """Give a task's arguments evaluated."""
        return self._opened.render_args(args, scope)

    def entries(self, source: object, scope: Scope) -> Mapping[str, object]:
        """Give what *source* says of a task's arguments."""
        return self._opened.entries(source, scope)

    def written(self, source: Template, scope: Scope) -> object:
        """Give what *source* names, as a file has it."""
        return self._opened.written(source, scope)

    def lookup(self, name: str, terms: object, scope: Scope, *, action: str) -> list[object]:
        """Give the items of a `with_<name>` loop."""
        return self._opened.lookup(name, terms, scope, action=action)

    def shown(self, text: str, scope: Scope) -> tuple[object, tuple[Warned, ...]]:
        """Give an expression's value with notes on what is undefined in it."""
        return self._opened.shown(text, scope)

    def label(self, template: Template, scope: Scope) -> tuple[str, tuple[str, ...]]:
        """Give a name's text with notes on what cannot be evaluated."""
        return self._opened.label(template, scope)

    def may_block(self, value: object, scope: Scope) -> bool:
        """Tell whether evaluating *value* may read files or run programs."""
        return self._opened.may_block(value, scope)

    def expression(self, text: str, scope: Scope) -> object:
        """Give the value of a bare expression."""
        return self._opened.expression(text, scope)

    def holds(self, condition: object, scope: Scope, origin: Origin | None) -> bool:
        """Tell whether a condition is true."""
        return self._opened.holds(condition, scope, origin)

    def render_file_text(
        self,
        text: str,
        scope: Scope,
        *,
        origin: Origin | None = None,
        search_path: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        """Evaluate a template file's text."""
        return self._opened.render_file_text(
            text, scope, origin=origin, search_path=search_path, **options
        )
