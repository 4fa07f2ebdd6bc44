"""Inventory scripts: programs that print groups and variables as JSON.

Knows how they are called and what their answer means. Leaves whether a file is one to
`sources`.
"""

from __future__ import annotations

import json
import subprocess

from outlast.errors import InventoryError
from outlast.inventory.tree import Tree
from outlast.outcome import Deprecated
from outlast.values import Origin, Template, Value, looks_like_template

_REMOVED = "This feature will be removed from ansible-core version 2.23."


def read_script(tree: Tree, path: str) -> None:
    """Run the script at *path* and put its answer into *tree*; raises `InventoryError`."""
    origin = Origin(f"<inventory script output from {path!r}>")
    answer = _trusted(_answer(path, "--list"), origin)
    if not isinstance(answer, dict):
        raise InventoryError("Unable to get JSON decoder for inventory script result.")
    meta = answer.pop("_meta", None)
    told = meta.get("hostvars") if isinstance(meta, dict) else None
    hosts: dict[str, None] = {}
    for name, content in answer.items():
        hosts |= dict.fromkeys(_read_group(tree, name, content, origin))
    if not isinstance(told, dict):
        _notice(
            tree,
            "Inventory scripts should always provide 'meta.hostvars'. Host variables will be"
            " collected by running the inventory script with the '--host' option for each host.",
            origin,
        )
    for host in hosts:
        got = told.get(host, {}) if isinstance(told, dict) else _host_answer(path, host, origin)
        _set_variables(tree, host, got)


def _notice(tree: Tree, text: str, origin: Origin) -> None:
    tree.notify(Deprecated(text, removed_in=_REMOVED, origin=origin))


def _answer(path: str, *options: str) -> object:
    """Run the script; its JSON."""
    text = _output(path, *options)
    try:
        return json.loads(text) if text.strip() or options[0] == "--list" else {}
    except ValueError as error:
        raise InventoryError("Inventory script result could not be parsed as JSON.") from error


def _output(path: str, *options: str) -> str:
    try:
        done = subprocess.run([path, *options], capture_output=True, check=False)
    except OSError as error:
        command = " ".join([path, *options])
        raise InventoryError(
            f"Failed to execute inventory script command {command!r}: {error}"
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise InventoryError(
            f"Inventory script returned non-zero exit code {done.returncode}.",
            help_text=f"Standard error from inventory script:\n{said}" if said else "",
        )
    try:
        return done.stdout.decode()
    except UnicodeDecodeError as error:
        raise InventoryError(
            "Inventory script result contained characters that cannot be interpreted as UTF-8."
        ) from error


def _host_answer(path: str, host: str, origin: Origin) -> Value:
    return _trusted(_answer(path, "--host", host), origin)


def _trusted(value: object, origin: Origin) -> Value:
    """Scripts are the user's own: their text may hold templates, unless they say otherwise."""
    if isinstance(value, str):
        return Template(value, origin) if looks_like_template(value) else value
    if isinstance(value, list):
        return [_trusted(member, origin) for member in value]
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(unsafe := value.get("__ansible_unsafe"), str):
            return unsafe
        return {key: _trusted(member, origin) for key, member in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    raise InventoryError(f"Inventory script result holds a {type(value)}.")


def _read_group(tree: Tree, name: str, content: Value, origin: Origin) -> list[str]:
    """Put one group into *tree*; the hosts it names."""
    group = tree.add_group(name)
    members = _sections(tree, group, content, origin)
    hosts = members.get("hosts", [])
    if not isinstance(hosts, list):
        raise InventoryError(f"Value contains '{group}.hosts' which is not a list.")
    named = [tree.add_host(host, group) for host in hosts]
    _set_variables(tree, group, members.get("vars", {}))
    children = members.get("children", [])
    for child in children if isinstance(children, list) else []:
        tree.add_child(group, tree.add_group(child))
    return named


def _sections(tree: Tree, group: str, content: Value, origin: Origin) -> dict[str, Value]:
    if not isinstance(content, dict):
        _notice(tree, f"Group {group!r} was converted to 'dict' from another type.", origin)
        return {"hosts": content}
    if content.keys() & {"hosts", "vars", "children"}:
        return content
    _notice(
        tree,
        f"Treating malformed group {group!r} as the sole host of that group. Variables provided"
        " in this manner cannot be templated.",
        origin,
    )
    return {"hosts": [group], "vars": content}


def _set_variables(tree: Tree, owner: str, variables: Value) -> None:
    if not isinstance(variables, dict):
        raise InventoryError(f"The variables of {owner!r} are not a mapping.")
    for name, value in variables.items():
        tree.set_variable(owner, name, value)
