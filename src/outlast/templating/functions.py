"""Functions that every template can call: `lookup`, `query`, `now`, `undef`, `range` ..."""

from __future__ import annotations

import datetime as dt
from typing import Any

from jinja2.defaults import DEFAULT_NAMESPACE

from outlast.templating.environment import takes_markers
from outlast.templating.lookups import Lookups
from outlast.templating.markers import Marker
from outlast.templating.markers import missing as missing_marker
from outlast.templating.running import Stack
from outlast.templating.views import type_name
from outlast.values import OMIT

_UNDEFINED = "Mandatory variable has not been overridden"


def functions(stack: Stack, lookups: Lookups) -> dict[str, Any]:
    """Give the functions by name, and `omit`."""
    own = _lookup_functions(lookups) | _value_functions(stack)
    for function in own.values():
        function.__qualname__ = function.__name__  # messages about wrong arguments show it
    return {**DEFAULT_NAMESPACE, "range": range, **own, "omit": OMIT}


def _lookup_functions(lookups: Lookups) -> dict[str, Any]:
    @takes_markers
    def _lookup(plugin_name: str, /, *terms: Any, **options: Any) -> Any:
        return lookups.call(plugin_name, list(terms), options)

    @takes_markers
    def _query(plugin_name: str, /, *terms: Any, **options: Any) -> Any:
        return lookups.call(plugin_name, list(terms), {**options, "wantlist": True})

    return {"lookup": _lookup, "query": _query, "q": _query}


def _value_functions(stack: Stack) -> dict[str, Any]:
    def _now(utc: object = False, fmt: str | None = None) -> Any:  # noqa: FBT002  # stock's
        if stack.top is not None:
            stack.top.volatile = True
        moment = dt.datetime.now(dt.UTC).replace(tzinfo=None) if utc else dt.datetime.now()
        return moment.strftime(fmt) if fmt else moment

    @takes_markers
    def _undef(hint: Any = None) -> Marker:
        if isinstance(hint, Marker):
            wrong = TypeError("The 'hint' argument must be of type 'str' or 'NoneType'.")
            raise wrong from hint.error()
        if not isinstance(hint, str | None):
            raise TypeError(
                f"The 'hint' argument must be of type 'str' or 'NoneType', not {type_name(hint)!r}."
            )
        top = stack.top
        return missing_marker(hint or _UNDEFINED, None, None, top.origin if top and hint else None)

    return {"now": _now, "undef": _undef}
