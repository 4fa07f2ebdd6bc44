"""Inventory scripts: programs that print groups and variables as JSON.

Knows how they are called and what their answer means. Leaves whether a file is one to
`sources`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from outlast.errors import InventoryError
from outlast.inventory.tree import Tree
from outlast.loader import trusted
from outlast.outcome import Deprecated
from outlast.values import Origin, Value, nowhere

_REMOVED = "This feature will be removed from ansible-core version 2.23."


def read_script(tree: Tree, path: str) -> None:
    """Run the script at *path* and put its answer into *tree*; raises `InventoryError`."""
    origin = Origin(f"<inventory script output from {path!r}>")
    answer = _answer(path, "--list")
    take_answer(tree, answer, origin, lambda host: _host_answer(path, host, origin))


def take_answer(
    tree: Tree, answer: object, origin: Origin, ask: Callable[[str], Value] | None = None
) -> None:
    """Put an answer to `--list` into *tree*.

    Hosts' variables that it does not hold are asked for one by one.
    """
    groups = trusted(answer, origin)
    if not isinstance(groups, dict):
        raise InventoryError("Unable to get JSON decoder for inventory script result.")
    meta = groups.pop("_meta", None)
    told = meta.get("hostvars") if isinstance(meta, dict) else None
    hosts: dict[str, None] = {}
    for name, content in groups.items():
        hosts |= dict.fromkeys(_read_group(tree, name, content, origin))
    if not isinstance(told, dict):
        _notice(
            tree,
            "Inventory scripts should always provide 'meta.hostvars'. Host variables will be"
            " collected by running the inventory script with the '--host' option for each host.",
            origin,
        )
    for host in hosts:
        if isinstance(told, dict):
            _set_variables(tree, host, told.get(host, {}))
        elif ask is not None:
            _set_variables(tree, host, ask(host))


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
    return trusted(_answer(path, "--host", host), origin)


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
        tree.set_variable(owner, name, value, nowhere(name))
