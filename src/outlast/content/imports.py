"""Which module_utils a Python source imports, found without running it.

Knows the import statements that matter (ansible's and collections' module_utils, absolute
or relative, anywhere in the file). Leaves finding the files to `closure`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from outlast.errors import PlaybookError
from outlast.values import Origin


class Wanted(Struct, frozen=True, order=True):
    """A dotted name that is imported; its last part may be a module or a name in one."""

    parts: tuple[str, ...]
    optional: bool = False
    """Every import of it stands inside something: a `try`, an `if`, a function."""


def imported(source: bytes, name: str, path: str, *, package: bool = False) -> list[Wanted]:
    """Give the module_utils that *source*, known as *name*, imports, sorted."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        place = Origin(path, error.lineno or 0, error.offset or 0)
        raise PlaybookError(f"Unable to compile {name!r}.", place) from error
    optional: dict[tuple[str, ...], bool] = {}
    for parts, at_top in _names(tree, name, package=package):
        # One import that stands inside something makes the name optional, as in stock.
        optional[parts] = optional.get(parts, False) or not at_top
    return sorted(Wanted(parts, flag) for parts, flag in optional.items())


def _names(tree: ast.Module, name: str, *, package: bool) -> Iterator[tuple[tuple[str, ...], bool]]:
    top = {id(statement) for statement in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(("ansible.module_utils.", "ansible_collections.")):
                    yield tuple(alias.name.split(".")), id(node) in top
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, name, package=package)
            if _matters(origin) and node.names[0].name != "_six":
                parts = tuple(origin.split("."))
                for alias in node.names:
                    yield (*parts, alias.name), id(node) in top


def _absolute(node: ast.ImportFrom, name: str, *, package: bool) -> str:
    """Give the dotted name a `from` statement takes its names from."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    climb = node.level - 1 if package else node.level
    stem = parts[: len(parts) - climb]
    return ".".join([*stem, *([node.module] if node.module else [])])


def _matters(origin: str) -> bool:
    if origin.startswith("ansible.module_utils"):
        return True
    return origin.startswith("ansible_collections.") and (
        origin.endswith("plugins.module_utils") or ".plugins.module_utils." in origin
    )
