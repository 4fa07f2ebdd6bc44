"""Inventories that are mappings: YAML and JSON files, and what inventory scripts print.

Knows how groups, hosts and variables nest in them. Leaves reading text to `loader` and
running scripts to `scripts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from outlast.errors import InventoryError
from outlast.inventory.addresses import expand
from outlast.inventory.tree import Tree, stock_type
from outlast.values import Template, Value

_SECTIONS = ("vars", "children", "hosts")


def read_groups(tree: Tree, document: Value) -> None:
    """Put a YAML inventory into *tree*; raises `InventoryError`."""
    if not document:
        raise InventoryError("Parsed empty YAML file")
    if not isinstance(document, dict):
        raise InventoryError(
            "YAML inventory has invalid structure, it should be a dictionary, got:"
            f" {stock_type(document)}"
        )
    if document.get("plugin"):
        raise InventoryError("Plugin configuration YAML file, not YAML inventory")
    for name, content in document.items():
        _read_group(tree, str(name) if isinstance(name, str) else name, content)


def _read_group(tree: Tree, name: object, content: Value) -> None:
    if content is not None and not isinstance(content, dict):
        tree.warn(f"Skipping '{name}' as this is not a valid group definition")
        return
    try:
        group = tree.add_group(name)
    except InventoryError as error:
        raise InventoryError(f"Unable to add group {name}: {error}") from error
    for key, section in _sections(group, content or {}).items():
        _read_section(tree, group, key, section)


def _sections(group: str, content: Mapping[str, Value]) -> dict[str, Value]:
    """Text may stand for a mapping with nothing below."""
    sections = dict(content)
    for key in _SECTIONS:
        value = sections.get(key)
        if isinstance(value, str | Template):
            sections[key] = {_text(value): None}
        elif value is not None and not isinstance(value, dict):
            raise InventoryError(
                f'Invalid "{key}" entry for "{group}" group, requires a dictionary,'
                f' found "{stock_type(value)}" instead.'
            )
    return sections


def _text(value: str | Template) -> str:
    return value.text if isinstance(value, Template) else value


def _read_section(tree: Tree, group: str, key: object, section: Value) -> None:
    if section is None:
        return
    if not isinstance(section, dict):
        tree.warn(
            f"Skipping key ({key}) in group ({group}) as it is not a mapping,"
            f" it is a {stock_type(section)}"
        )
    elif key in _SECTIONS:
        for name, value in section.items():
            _READERS[str(key)](tree, group, name, value)
    else:
        tree.warn(
            f'Skipping unexpected key ({key}) in group ({group}), only "vars", "children" and'
            ' "hosts" are valid'
        )


def _read_child(tree: Tree, group: str, child: object, content: Value) -> None:
    _read_group(tree, child, content)
    tree.add_child(group, str(child))


def _read_hosts(tree: Tree, group: str, pattern: object, variables: Value) -> None:
    if not isinstance(pattern, str):
        raise InventoryError(
            f"Host pattern {pattern} must be a string. Enclose integers/floats in quotation marks."
        )
    names, port = expand(pattern)
    if variables and not isinstance(variables, dict):
        shown = variables.text if isinstance(variables, Template) else variables
        raise InventoryError(f"Invalid data from file, expected dictionary and got:\n\n{shown}")
    for name in names:
        tree.add_host(name, group, port)
        for key, value in variables.items() if isinstance(variables, dict) else ():
            tree.set_variable(name, key, value)


_READERS: dict[str, Callable[[Tree, str, Any, Value], None]] = {
    "vars": Tree.set_variable,
    "children": _read_child,
    "hosts": _read_hosts,
}
