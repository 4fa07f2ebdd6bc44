"""What a lookup is asked, and what it has to be to be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct, field

from outlast.outcome import Notice
from outlast.templating.rendering import Core
from outlast.values import Origin, Scope


class Asked(Struct, frozen=True, kw_only=True):
    """One use of a lookup."""

    terms: list[Any]
    options: dict[str, Any]
    scope: Scope
    core: Core
    origin: Origin | None = None
    action: str = ""
    """The task's action when it is a `with_<lookup>` loop; empty inside a template."""

    def variable(self, name: str) -> Any:
        """Give a variable's value; raises `KeyError`."""
        return self.core.variable(name, self.scope)

    def notify(self, notice: Notice) -> None:
        """Tell people something they should know."""
        self.core.notify(notice)


Answer: TypeAlias = Callable[[Asked], list[Any]]


class Lookup(Struct, frozen=True):
    """A lookup of our own."""

    answer: Answer
    takes_markers: bool = field(default=False)
    """It deals with undefined terms and options itself."""
