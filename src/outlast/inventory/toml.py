"""Inventories in TOML: `[group.hosts]`, `[group.vars]`, and `children` as a list.

Knows how they differ from YAML ones. Leaves all else to `mappings`.
"""

from __future__ import annotations

import tomllib

from outlast.errors import InventoryError
from outlast.inventory.mappings import read_groups
from outlast.inventory.tree import Tree
from outlast.loader import read_text, trusted
from outlast.values import Origin, Value


def read_toml(tree: Tree, path: str) -> None:
    """Put what a TOML inventory says into *tree*; raises `InventoryError`."""
    try:
        document = tomllib.loads(read_text(path, tree.vault))
    except tomllib.TOMLDecodeError as error:
        raise InventoryError(f"TOML file {path!r} is invalid: {error}") from error
    if not document:
        raise InventoryError("Parsed empty TOML file")
    if document.get("plugin"):
        raise InventoryError("Plugin configuration TOML file, not TOML inventory")
    groups = {name: _group(name, content) for name, content in document.items()}
    read_groups(tree, trusted(groups, Origin(path)))


def _group(name: str, content: object) -> object:
    if not isinstance(content, dict) or "children" not in content:
        return content
    children: Value = content["children"]
    if not isinstance(children, list):
        raise InventoryError(
            f'Invalid "children" entry for "{name}" group, requires a list,'
            f' found "{type(children)}" instead.'
        )
    return {**content, "children": dict.fromkeys(map(str, children))}
