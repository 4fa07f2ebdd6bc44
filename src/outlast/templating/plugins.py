"""Filters and tests by name: our own, Jinja2's, and on first use everybody else's.

Knows how a plugin is called (markers and views kept from it, its failure made a value) and
in which order a name is looked for. Leaves what plugins do to themselves, and finding those
of ansible-core and of collections to `borrowed`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from outlast.errors import EvaluationError
from outlast.outcome import Deprecated
from outlast.templating.environment import first_marker, listed
from outlast.templating.explaining import because
from outlast.templating.markers import Marker, Tripped, broken
from outlast.templating.rendering import Core
from outlast.templating.running import Stack
from outlast.templating.views import SCALARS, plain

REMOVED_IN_2_23 = "This feature will be removed from ansible-core version 2.23."


class Plugin(Struct, frozen=True):
    """A filter's or test's function, and what has to be minded when it is called."""

    function: Callable[..., Any]
    takes_markers: bool = False
    """It deals with undefined arguments itself."""
    takes_views: bool = False
    """It works on containers that are not evaluated yet (it must not ask for exact types)."""
    volatile: bool = False
    """It may answer differently the next time."""
    name: str = ""
    """As errors call it; empty: `ansible.builtin.` and the name it was asked for."""


class Finder(Protocol):
    """Finds plugins that are not ours."""

    def find(self, kind: str, name: str) -> Plugin | None:
        """Give the plugin of ansible-core, a collection or a plugin folder; None: there is none.

        Raises `EvaluationError` when it is there and cannot be loaded.
        """
        ...


class Registry(dict[str, Any]):
    """What Jinja2 takes for its dict of filters or tests; fills itself by need."""

    def __init__(self, kind: str, core: Core, own: Mapping[str, Plugin], finder: Finder) -> None:
        super().__init__()
        self._kind = kind
        self._core = core
        self._own = own
        self._finder = finder

    def __missing__(self, name: str) -> Any:
        plugin = self._plugin(name)
        if plugin is None:
            raise KeyError(name)
        label = plugin.name or f"ansible.builtin.{_short(name)}"
        make = _wrapped_filter if self._kind == "filter" else _wrapped_test
        wrapped = self[name] = make(plugin, label, self._core)
        return wrapped

    def _plugin(self, name: str) -> Plugin | None:
        own = self._own.get(_short(name))
        return own or self._finder.find(self._kind, name)

    def get(self, name: str, default: Any = None) -> Any:
        """Give a plugin as Jinja2 calls it, or *default*."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None


def jinja(functions: Mapping[str, Any]) -> dict[str, Plugin]:
    """Give Jinja2's own plugins: they work on views as they do on dicts and lists."""
    return {
        name: Plugin(function, takes_views=True, volatile=name == "random")
        for name, function in functions.items()
    }


def _short(name: str) -> str:
    for prefix in ("ansible.builtin.", "ansible.legacy."):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _wrapped_filter(plugin: Plugin, label: str, core: Core) -> Callable[..., Any]:
    @functools.wraps(plugin.function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return _call(plugin, f"The filter plugin {label!r} failed.", core.stack, args, kwargs)

    return called


def _wrapped_test(plugin: Plugin, label: str, core: Core) -> Callable[..., Any]:
    @functools.wraps(plugin.function)
    def called(*args: Any, **kwargs: Any) -> Any:
        answer = _call(plugin, f"The test plugin {label!r} failed.", core.stack, args, kwargs)
        if isinstance(answer, bool | Marker):
            return answer
        top = core.stack.top
        core.notify(
            Deprecated(
                f"The test plugin {label!r} returned a non-boolean result of type "
                f"{type(answer)!r}. Test plugins must have a boolean result.",
                REMOVED_IN_2_23,
                top.origin if top else None,
            )
        )
        return bool(answer)

    return called


def _call(
    plugin: Plugin, complaint: str, stack: Stack, args: Iterable[Any], kwargs: dict[str, Any]
) -> Any:
    """Call foreign code; whatever it raises becomes a marker."""
    args = tuple(args)
    if not plugin.takes_markers:
        marker = first_marker(args, kwargs)
        if marker is not None:
            return marker
    top = stack.top
    if plugin.volatile and top is not None:
        top.volatile = True
    try:
        if not plugin.takes_views:
            args = tuple(_settled(value) for value in args)
            kwargs = {name: _settled(value) for name, value in kwargs.items()}
        return listed(plugin.function(*args, **kwargs))
    except Tripped as tripped:
        return tripped.marker
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything
        return broken(because(complaint, None, error))


def _settled(value: Any) -> Any:
    """Give data as builtin types; what is no data (an environment, a function) as it is."""
    if isinstance(value, Marker):
        value.trip()
    if type(value) in SCALARS:
        return value
    if type(value) is tuple:
        return tuple(_settled(member) for member in value)
    if not isinstance(value, dict | list | Mapping | str):
        return value
    return plain(value)


def refused(message: str) -> EvaluationError:
    """Make the failure of one of our own plugins; the sentence around it is added later."""
    return EvaluationError(message.strip())
