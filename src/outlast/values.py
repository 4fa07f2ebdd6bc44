"""The values a playbook is made of, before and after they are evaluated.

Knows the one distinction everything rests on: a `Template` is text that the loader
read from a trusted file; every other value is plain data and is never evaluated.
Leaves evaluating to `templating`, and reading files to `loader`.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias, TypeGuard

from msgspec import Struct


class Origin(Struct, frozen=True, order=True):
    """A place in a file; lines and columns count from 1, 0 means unknown."""

    path: str
    line: int = 0
    column: int = 0
    shown: str = ""
    """What stands there, when no file can tell."""

    def __str__(self) -> str:
        return ":".join([self.path, *(str(n) for n in (self.line, self.column) if n)])


def nowhere(shown: str) -> Origin:
    """Give the place of what stands in no file."""
    return Origin("<unknown>", shown=shown)


class Template(Struct, frozen=True, eq=False):
    """Trusted text with `{{`, `{%` or `{#` in it, to be evaluated when it is needed.

    Not a `str` on purpose: nothing can mistake it for data, nor data for it.
    Two templates are equal when their texts are.
    """

    text: str
    origin: Origin | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class Vaulted(Template, frozen=True, eq=False):
    """A `!vault` string: `text` is what is encrypted, decrypted when it is first needed.

    A template of its own kind: what it evaluates to is data, whatever marks stand in it.
    """

    def __repr__(self) -> str:
        return "<redacted>"  # as stock shows it in results


class Omit(Enum):
    """What `{{ omit }}` evaluates to: the argument it stands in is dropped."""

    OMIT = "__omit_place_holder__"

    def __repr__(self) -> str:
        return "<omit>"


OMIT: Final = Omit.OMIT

Scalar: TypeAlias = bool | int | float | str | dt.date | None
Value: TypeAlias = "Scalar | Template | list[Value] | dict[str, Value]"
"""What a file gives: data with templates in it."""


class Scope(Mapping[str, object], ABC):
    """Names and their values, templates unevaluated.

    Whatever is taken out of a scope is evaluated *in that scope*: so `hostvars['db']`
    is a scope, and a template in it sees db's variables. Implemented by `variables`,
    evaluated by `templating`. A scope does not change once it is made.
    """

    def __init__(self) -> None:
        self.memo: dict[str, object] = {}
        """What has been evaluated in this scope already; written by `templating` alone."""

    def from_file(self, name: str) -> bool:
        """Tell whether *name*'s value was written in a trusted file.

        Only then may its text serve as a condition (`when: "{{ name }}"`): text that a
        host, a fact or a template gave is data.
        """
        return False


class DictScope(Scope):
    """A scope over one dict; for tests and for the few variables of a play header."""

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self._values = values or {}

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Overlaid(Scope):
    """A scope with a few names put on top of it: loop variables, a result just registered."""

    def __init__(self, over: Mapping[str, object], base: Scope) -> None:
        super().__init__()
        self.over = over
        self._base = base

    def from_file(self, name: str) -> bool:
        """Tell it of the scope below; what was put on top is data."""
        return name not in self.over and self._base.from_file(name)

    def __getitem__(self, name: str) -> object:
        return self.over[name] if name in self.over else self._base[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.over
        yield from (name for name in self._base if name not in self.over)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def looks_like_template(text: str) -> bool:
    """Tell whether *text*, if it is trusted, is a template (stock's marks)."""
    return "{{" in text or "{%" in text or "{#" in text


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Tell lists (and tuples) from text and mappings."""
    return isinstance(value, list | tuple)


def has_templates(value: object) -> bool:
    """Tell whether anything in *value* is still to be evaluated."""
    if isinstance(value, Template):
        return True
    if isinstance(value, dict):
        return any(has_templates(key) or has_templates(member) for key, member in value.items())
    return is_list(value) and any(has_templates(member) for member in value)
