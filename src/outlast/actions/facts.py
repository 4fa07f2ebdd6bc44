"""set_fact, set_stats, setup: actions that leave something for later."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from outlast.actions.argument_spec import boolean, only
from outlast.actions.modules import Modules
from outlast.actions.saying import action_failed
from outlast.actions.written_places import place_of_name
from outlast.call import Call
from outlast.errors import ActionFailed, Refused
from outlast.names import as_among
from outlast.outcome import Detached, Ok, Performed, SetFacts, SetStats
from outlast.values import Template, looks_like_template

_NAMES = (
    "Variable names must be strings starting with a letter or underscore character, and contain"
    " only letters, numbers and underscores."
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


async def set_fact(call: Call) -> Performed:
    """Give the host variables for the rest of the run."""
    args = dict(call.args)
    cacheable = boolean_of(args.pop("cacheable", False))
    if not args:
        raise Refused(
            "No key/value pairs provided, at least one is required for this action to succeed"
        )
    facts = {await _name(call, key): value for key, value in sorted(args.items())}
    placed = {as_among(call.written, name): value for name, value in facts.items()}
    return Performed(Ok({"ansible_facts": facts}), effects=(SetFacts(placed, cacheable),))


async def set_stats(call: Call) -> Performed:
    """Give numbers and texts for the end of the run."""
    only(call.args, ("aggregate", "data", "per_host"), call.written_as)
    data = call.args.get("data", {})
    if not isinstance(data, Mapping):
        message = "The 'data' option needs to be a dictionary/hash"
        return Performed(action_failed({"msg": message}))
    stats = {await _name(call, key): value for key, value in data.items()}
    per_host, aggregate = _yes(call, "per_host", False), _yes(call, "aggregate", True)  # noqa: FBT003  # the option's default
    told = {"data": stats, "per_host": per_host, "aggregate": aggregate}
    effect = SetStats(stats, per_host=per_host, aggregate=aggregate)
    return Performed(Ok({"ansible_stats": told}), effects=(effect,))


async def setup(call: Call, modules: Modules) -> Performed:
    """Run the setup module as a task of its own: what it finds is not printed at length."""
    performed = await modules.perform(call)
    if isinstance(performed.outcome, Detached):
        return performed
    return Performed(performed.outcome, shown="never")


def boolean_of(value: object, *, strict: bool = True) -> bool:
    """Give a yes or no; what is neither ends the task."""
    try:
        return boolean(value, strict=strict)
    except TypeError as error:
        raise ActionFailed(str(error)) from error


def _yes(call: Call, option: str, default: bool) -> bool:  # noqa: FBT001  # it stands for the option's value
    value = call.args.get(option)
    return default if value is None else boolean_of(value, strict=False)


async def _name(call: Call, key: object) -> str:
    """Give the variable's name; here alone the playbook may compute it."""
    name = str(key)
    if looks_like_template(name) and _written(call, name):
        name = str(call.evaluate.render(Template(name, call.origin), call.scope))
    if not _NAME.fullmatch(name):
        place = await asyncio.to_thread(place_of_name, call, str(key))
        kind = "" if isinstance(key, str) else f" of type {type(key).__name__!r}"
        raise ActionFailed(f"Invalid variable name {name!r}{kind}.", place, help_text=_NAMES)
    return name


def _written(call: Call, name: str) -> bool:
    """Tell whether *name* stands in the playbook: a name that came as data is no template."""
    data = call.written.get("data")
    return name in call.written or (isinstance(data, Mapping) and name in data)
