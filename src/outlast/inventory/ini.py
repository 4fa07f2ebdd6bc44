"""Inventories in INI style: `[group]`, `[group:vars]`, `[group:children]`, hosts with `key=value`.

Knows the format, line by line, and how its values are typed. Leaves what a group is to
`tree`.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Mapping

from outlast.errors import InventoryError
from outlast.inventory.addresses import expand
from outlast.inventory.tree import Tree
from outlast.values import Origin, Template, Value, looks_like_template

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_COMMENT = (";", "#")

# What most lines and values look like, so that neither shlex nor the Python parser is asked.
_SHELL_SIGNS = re.compile(r"[\"'\\#]|[^\x20-\x7e]")
_WORD = re.compile(r"(?!(?:True|False|None)$)(?:[A-Za-z_/][\w./:@-]*|\d+\.\d+\.\d+\.\d+)", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


def read_ini(tree: Tree, path: str, content: bytes) -> None:
    """Put what an INI inventory says into *tree*.

    Raises `InventoryError`, or `ValueError` where Python's own words are stock's message.
    """
    reader = _IniReader(tree, path)
    for number, line in enumerate(_lines(content), start=1):
        reader.take(number, line.strip())
    reader.finish()


def _lines(content: bytes) -> list[str]:
    """Comments may be in any encoding, all else is UTF-8."""
    try:
        return content.decode().splitlines()
    except UnicodeDecodeError:
        comments = tuple(mark.encode() for mark in _COMMENT)
        return ["" if raw.startswith(comments) else raw.decode() for raw in content.splitlines()]


class _IniReader:
    """Remembers between lines which section this is, and which groups are still to come."""

    def __init__(self, tree: Tree, path: str) -> None:
        self._tree = tree
        self._origin = Origin(path)
        self._group = "ungrouped"
        self._kind = "hosts"
        self._awaited: dict[str, list[str]] = {}
        """Groups that were named as children before they were declared: their parents."""
        self._vars_only: set[str] = set()
        """Groups that so far have only a `:vars` section."""

    def take(self, number: int, line: str) -> None:
        if not line or line.startswith(_COMMENT):
            return
        self._origin = Origin(self._origin.path, number)
        if found := _SECTION.fullmatch(line):
            self._begin_section(found[1], found[2] or "hosts")
        elif line.startswith("[") and line.endswith("]"):
            raise InventoryError(
                f"Invalid section entry: '{line}'. Please make sure that there are no spaces"
                " in the section entry, and that there are no other invalid characters"
            )
        elif self._kind == "hosts":
            self._take_hosts(line)
        elif self._kind == "vars":
            self._take_variable(line)
        else:
            self._take_child(line)

    def _begin_section(self, group: str, kind: str) -> None:
        if kind not in ("hosts", "children", "vars"):
            raise InventoryError(f"Section [{group}:{kind}] has unknown type: {kind}")
        self._group, self._kind = group, kind
        if group not in self._tree.groups:
            if kind == "vars" and group not in self._awaited:
                self._vars_only.add(group)
            self._tree.add_group(group)
        if kind != "vars":
            self._vars_only.discard(group)
            self._arrived(group)

    def _arrived(self, group: str) -> None:
        for parent in self._awaited.pop(group, ()):
            self._tree.add_child(parent, group)
            self._arrived(parent)

    def _take_hosts(self, line: str) -> None:
        try:
            plain = not _SHELL_SIGNS.search(line)
            words = line.split() if plain else shlex.split(line, comments=True)
        except ValueError as error:
            raise InventoryError(f"Error parsing host definition '{line}': {error}") from error
        names, port = self._spelled(words[0])
        variables = dict(self._assignment(word) for word in words[1:])
        for name in names:
            self._tree.add_host(name, self._group, port)
            for key, value in variables.items():
                self._tree.set_variable(name, key, value, self._origin)

    @staticmethod
    def _spelled(word: str) -> tuple[list[str], int | None]:
        names, port = expand(word)
        if word.endswith(":") and port is None:
            raise InventoryError(
                f"Invalid host pattern '{word}' supplied, ending in ':' is not allowed, this"
                " character is reserved to provide a port."
            )
        if "---" in names:
            raise InventoryError(
                f"Invalid host pattern '{word}' supplied, '---' is normally a sign this is a"
                " YAML file."
            )
        return names, port

    def _assignment(self, word: str) -> tuple[str, Value]:
        key, equals, value = word.partition("=")
        if not equals:
            raise InventoryError(f"Expected key=value host variable assignment, got: {word}")
        return key, typed(value, self._origin)

    def _take_variable(self, line: str) -> None:
        key, equals, value = line.partition("=")
        if not equals:
            raise InventoryError(f"Expected key=value, got: {line}")
        known = typed(value.strip(), self._origin)
        self._tree.set_variable(self._group, key.strip(), known, self._origin)

    def _take_child(self, line: str) -> None:
        found = _GROUP.fullmatch(line)
        if not found:
            raise InventoryError(f"Expected group name, got: {line}")
        child = found[1]
        if child in self._tree.groups:
            self._tree.add_child(self._group, child)
        else:
            self._awaited.setdefault(child, []).append(self._group)

    def finish(self) -> None:
        """Complain of groups that never came."""
        for group in self._vars_only:
            raise InventoryError(f"Section [{group}:vars] not valid for undefined group {group!r}.")
        for group, parents in self._awaited.items():
            raise InventoryError(
                f"Section [{parents[-1]}:children] includes undefined group {group!r}."
            )


def typed(text: str, origin: Origin) -> Value:
    """Give the Python literal that *text* is, or else the text itself."""
    if _WORD.fullmatch(text):
        return text
    if _NUMBER.fullmatch(text):
        return int(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "\d" in what will stay text
            literal = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        literal = text
    return _value(literal, origin)


def _value(literal: object, origin: Origin) -> Value:
    """Text is trusted here; what no variable can be becomes text or a list."""
    if literal is None or isinstance(literal, bool | int | float):
        return literal
    if isinstance(literal, list | tuple | set):
        return [_value(member, origin) for member in literal]
    if isinstance(literal, Mapping):
        return {key: _value(member, origin) for key, member in literal.items()}
    if isinstance(literal, bytes):
        return literal.decode()  # no template, whatever is in it
    text = "..." if literal is ... else str(literal)
    return Template(text, origin) if looks_like_template(text) else text
