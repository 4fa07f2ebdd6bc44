"""add_host, group_by: actions that make the inventory more while a run goes on.

Knows how their arguments name hosts and groups. Leaves to the engine to put them in: only
then is it known whether that changed anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from outlast.actions.argument_spec import only
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.errors import InventoryError, Refused
from outlast.inventory.addresses import split_port
from outlast.names import as_among
from outlast.outcome import AddHost, AddToGroup, Ok, Performed
from outlast.values import is_list

_NO_VARIABLES = frozenset({"name", "hostname", "groupname", "groups"})
"""The other spellings, `host` and `group`, are variables of the new host as well (stock)."""


async def add_host(call: Call) -> Performed:
    """Name a host, its groups and its variables."""
    args = _arguments(call)
    name = _first(args, ("name", "hostname", "host"), None)
    if name is None:
        raise Refused("name, host or hostname needs to be provided")
    name, port = _address(str(name))
    if port:
        args["ansible_ssh_port"] = port
    groups = _groups(_first(args, ("groupname", "groups", "group"), ""))
    variables = {key: value for key, value in args.items() if key not in _NO_VARIABLES}
    told = {"host_name": name, "groups": groups, "host_vars": variables}
    placed = {as_among(call.written, key): value for key, value in variables.items()}
    return Performed(Ok({"add_host": told}), growth=AddHost(name, tuple(groups), placed))


def _arguments(call: Call) -> dict[str, object]:
    args = dict(call.args)
    raw = args.pop("_raw_params", {})
    if not isinstance(raw, Mapping):
        kind = type(raw)
        raise Refused(f"Invalid raw parameters passed, requires a dictionary/mapping got a  {kind}")
    return {**raw, **args}


def _first(args: Mapping[str, object], names: tuple[str, ...], unset: object) -> object:
    return next((args[name] for name in names if name in args), unset)


def _address(text: str) -> tuple[str, int | None]:
    try:
        return split_port(text, ranges=False)
    except InventoryError:
        return text, None  # no address, and a name all the same


def _groups(given: object) -> list[str]:
    if not given:
        return []
    if not (is_list(given) or isinstance(given, str)):
        raise Refused("Groups must be specified as a list.")
    names = given.split(",") if isinstance(given, str) else map(str, given)
    return list(dict.fromkeys(name.strip() for name in names))


async def group_by(call: Call) -> Performed:
    """Name a group that the host is to be in, and that group's parents."""
    only(call.args, ("key", "parents"), call.written_as)
    if "key" not in call.args:
        return Performed(action_failed({"msg": "the 'key' param is required when using group_by"}))
    parents = call.args.get("parents", ["all"])
    names = [_no_blanks(parent) for parent in (parents if is_list(parents) else [parents])]
    group = _no_blanks(call.args["key"])
    growth = AddToGroup(call.host, group, tuple(names))
    return Performed(Ok({"add_group": group, "parent_groups": names}), growth=growth)


def _no_blanks(name: object) -> str:
    return str(name).replace(" ", "-")
