"""Containers whose members are evaluated when they are looked at, and plain data from them.

Knows how values with templates in them appear inside a template: as dicts and lists that
evaluate one member at a time, so that `d.k` never touches `d.other`. Each view evaluates in
the scope it was taken from. Leaves evaluating itself to `rendering`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, SupportsIndex

from outlast.errors import EvaluationError
from outlast.templating.markers import Marker
from outlast.values import OMIT, Omit, Scope, Template, Vaulted, nowhere

SCALARS = frozenset(
    {str, int, float, bool, type(None), bytes, dt.datetime, dt.date, dt.time, dt.timedelta, Omit}
)
"""Types that are data as they are."""

_ABSENT = object()
_ITERATED = (list, tuple, AbstractSet, Iterator)


class UnfitForVariables(EvaluationError):
    """A value is a function, a range or the like: it cannot leave a template."""


class Evaluates(Protocol):
    """Evaluates templates and names in a scope; a failure is a `Marker`."""

    def evaluate(self, template: Template, scope: Scope) -> object:
        """Give a template's value, not yet plain."""
        ...

    def variable(self, name: str, scope: Scope) -> object:
        """Give a variable's value, not yet plain; raises `KeyError`."""
        ...


def lifted(value: object, scope: Scope, core: Evaluates) -> object:
    """Give *value*, which lies in *scope*, as a template may see it."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is Template or kind is Vaulted:
        return core.evaluate(value, scope)  # type: ignore[arg-type]  # its type was just compared
    if kind is dict:
        return LazyDict(value, scope, core)  # type: ignore[arg-type]  # the same
    if kind is list:
        return LazyList(value, scope, core)  # type: ignore[arg-type]  # the same
    if kind is tuple:
        return tuple(lifted(member, scope, core) for member in value)  # type: ignore[attr-defined]
    if isinstance(value, Scope):
        return ScopeView(value, core)
    if isinstance(value, Mapping) and not isinstance(value, LazyDict | ScopeView | MappingView):
        return MappingView(value, scope, core)
    return value


class LazyDict(dict[Any, Any]):
    """A copy of a dict whose members are evaluated on access, and then kept."""

    __slots__ = ("_core", "_scope")

    def __init__(self, values: Mapping[Any, Any], scope: Scope, core: Evaluates) -> None:
        super().__init__(values)
        self._scope = scope
        self._core = core

    def _seen(self, key: object, value: object) -> Any:
        if type(value) in SCALARS:
            return value
        seen = lifted(value, self._scope, self._core)
        if seen is not value:
            super().__setitem__(key, seen)
        return seen

    def raw(self) -> tuple[Iterable[tuple[Any, Any]], Scope, Evaluates]:
        """Give the members unevaluated, and what they are to be evaluated with."""
        return super().items(), self._scope, self._core

    def __getitem__(self, key: Any) -> Any:
        return self._seen(key, super().__getitem__(key))

    def get(self, key: Any, default: Any = None) -> Any:
        """Give a member, or *default*."""
        value = super().get(key, _ABSENT)
        return default if value is _ABSENT else self._seen(key, value)

    def __iter__(self) -> Iterator[Any]:
        # Overridden, though it changes nothing: else dict(view) copies members unevaluated.
        return super().__iter__()

    def items(self) -> Any:
        """Give keys with evaluated members; none of them may be undefined."""
        return [(key, _needed(self._seen(key, value))) for key, value in list(super().items())]

    def values(self) -> Any:
        """Give evaluated members; none of them may be undefined."""
        return [value for _, value in self.items()]

    def pop(self, key: Any, default: Any = _ABSENT) -> Any:
        """Remove a member and give it."""
        if key in self:
            value = self[key]
            del self[key]
            return value
        if default is _ABSENT:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[Any, Any]:
        """Remove the last member and give it with its key."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Give a member; set it first if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def copy(self) -> LazyDict:
        """Give another view of the same members."""
        return LazyDict(dict(super().items()), self._scope, self._core)

    def __eq__(self, other: object) -> bool:
        return bool({key: self[key] for key in self} == _evaluated(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as every dict

    def __or__(self, other: Any) -> Any:
        return dict(self.items()) | dict(other.items())

    def __ror__(self, other: Any) -> Any:
        return dict(other.items()) | dict(self.items())

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


class LazyList(list[Any]):
    """A copy of a list whose members are evaluated on access, and then kept."""

    __slots__ = ("_core", "_scope")

    def __init__(self, values: Iterable[Any], scope: Scope, core: Evaluates) -> None:
        super().__init__(values)
        self._scope = scope
        self._core = core

    def _seen(self, index: Any, value: object) -> Any:
        if type(value) in SCALARS:
            return value
        seen = lifted(value, self._scope, self._core)
        if seen is not value:
            super().__setitem__(index, seen)
        return seen

    def raw(self) -> tuple[Iterable[Any], Scope, Evaluates]:
        """Give the members unevaluated, and what they are to be evaluated with."""
        return super().__iter__(), self._scope, self._core

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return LazyList(super().__getitem__(key), self._scope, self._core)
        return self._seen(key, super().__getitem__(key))

    def __iter__(self) -> Iterator[Any]:
        for index, value in enumerate(super().__iter__()):
            yield self._seen(index, value)

    def __reversed__(self) -> Iterator[Any]:
        return iter(list(self)[::-1])

    def pop(self, index: SupportsIndex = -1) -> Any:
        """Remove a member and give it."""
        if not self:
            raise IndexError("pop from empty list")
        try:
            value = self[index]
        except IndexError:
            raise IndexError("pop index out of range") from None
        del self[index]
        return value

    def remove(self, value: Any) -> None:
        """Remove the first member that equals *value*."""
        self[:] = list(self)
        super().remove(value)

    def copy(self) -> LazyList:
        """Give another view of the same members."""
        return LazyList(super().__iter__(), self._scope, self._core)

    def __contains__(self, wanted: object) -> bool:
        return wanted in list(self)

    def index(self, value: Any, *bounds: Any) -> int:
        """Give the first place of *value*."""
        return list(self).index(value, *bounds)

    def count(self, value: Any) -> int:
        """Tell how often *value* occurs."""
        return list(self).count(value)

    def sort(self, **how: Any) -> None:
        """Sort in place, by evaluated members."""
        self[:] = sorted(self, **how)

    def __add__(self, other: Any) -> Any:
        return list(self) + _evaluated(other)

    def __radd__(self, other: Any) -> Any:
        return _evaluated(other) + list(self)

    def __mul__(self, times: SupportsIndex) -> Any:
        return list(self) * times

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return bool(list(self) == _evaluated(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as every list

    def __lt__(self, other: Any) -> bool:
        return bool(list(self) < _evaluated(other))

    def __le__(self, other: Any) -> bool:
        return bool(list(self) <= _evaluated(other))

    def __gt__(self, other: Any) -> bool:
        return bool(list(self) > _evaluated(other))

    def __ge__(self, other: Any) -> bool:
        return bool(list(self) >= _evaluated(other))

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


for _view, _name in ((LazyDict, "dict"), (LazyList, "list")):
    # Python's own messages name the type: to a playbook these are dicts and lists.
    _view.__name__ = _view.__qualname__ = _name
    _view.__module__ = "builtins"


class MappingView(Mapping[Any, Any]):
    """Any other mapping in a scope: `hostvars`, for one."""

    __slots__ = ("_core", "_scope", "_values")

    def __init__(self, values: Mapping[Any, Any], scope: Scope, core: Evaluates) -> None:
        self._values = values
        self._scope = scope
        self._core = core

    def __getitem__(self, key: Any) -> Any:
        return lifted(self._values[key], self._scope, self._core)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(plain(self))


class ScopeView(Mapping[str, Any]):
    """All variables of a scope, each evaluated in that very scope: `hostvars['db']`, `vars`."""

    __slots__ = ("_core", "scope")

    def __init__(self, scope: Scope, core: Evaluates) -> None:
        self.scope = scope
        self._core = core

    def __getitem__(self, key: str) -> Any:
        return self._core.variable(key, self.scope)

    def __iter__(self) -> Iterator[str]:
        return iter(self.scope)

    def __len__(self) -> int:
        return len(self.scope)

    def __contains__(self, key: object) -> bool:
        return key in self.scope

    def __repr__(self) -> str:
        return repr(plain(self))


def _needed(value: Any) -> Any:
    if isinstance(value, Marker):
        value.trip()
    return value


def _evaluated(other: Any) -> Any:
    """Give a view as an ordinary container of evaluated members; others as they are."""
    if isinstance(other, LazyDict):
        return {key: other[key] for key in other}
    if isinstance(other, LazyList):
        return list(other)
    return other


def type_name(value: object) -> str:
    """Give a type's name as a playbook knows it."""
    kind = value if isinstance(value, type) else type(value)
    if issubclass(kind, LazyDict):
        return "dict"
    if issubclass(kind, LazyList):
        return "list"
    if issubclass(kind, MappingView):
        return "HostVars"
    if issubclass(kind, ScopeView):
        return "HostVarsVars"
    return kind.__name__


def plain(value: Any, scope: Scope | None = None, core: Evaluates | None = None) -> Any:
    """Give *value* as data of builtin types; a marker in it is tripped, omitted members go."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is LazyDict:
        members, scope, core = value.raw()
        return _plain_dict(members, scope, core)
    if kind is LazyList:
        members, scope, core = value.raw()
        return _plain_list(members, scope, core)
    if kind is dict:
        return _plain_dict(value.items(), scope, core)
    if kind is list or kind is tuple:
        return _plain_list(value, scope, core)
    return _plain_other(value, scope, core)


def _plain_dict(members: Iterable[tuple[Any, Any]], scope: Any, core: Any) -> dict[Any, Any]:
    result = {}
    for key, member in members:
        value = member if type(member) in SCALARS else plain(member, scope, core)
        if value is not OMIT:
            result[key if type(key) is str else plain(key, scope, core)] = value
    return result


def _plain_list(members: Iterable[Any], scope: Any, core: Any) -> list[Any]:
    result = []
    for member in members:
        value = member if type(member) in SCALARS else plain(member, scope, core)
        if value is not OMIT:
            result.append(value)
    return result


def _plain_other(value: Any, scope: Scope | None, core: Evaluates | None) -> Any:
    if isinstance(value, Marker):
        value.trip()
    if isinstance(value, Template) and scope is not None and core is not None:
        return plain(core.evaluate(value, scope), scope, core)
    if isinstance(value, Scope) and core is not None:
        return _plain_dict(ScopeView(value, core).items(), value, core)
    if isinstance(value, Mapping):
        return _plain_dict(value.items(), scope, core)
    if isinstance(value, _ITERATED):
        return _plain_list(value, scope, core)
    return _plain_scalar(value)


def _plain_scalar(value: object) -> str | int | float | bytes:
    """Give a subclass's value (Jinja2's Markup, an enum) as the builtin type's."""
    for builtin in (str, int, float, bytes):
        if isinstance(value, builtin):
            return builtin(value)  # type: ignore[arg-type]  # it is of that very type
    text = f"Type {type_name(value)!r} is unsupported for variable storage."
    raise UnfitForVariables(text, nowhere(str(value)) if isinstance(value, range) else None)
