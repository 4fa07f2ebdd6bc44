"""The entries of a mapping with their values and places, as all parsers here take them.

Knows how a value is shown in a message. Leaves which entries make sense to the parsers.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TypeAlias

from msgspec import Struct

from outlast.errors import Cause, PlaybookError
from outlast.loader import Document, MapNode, Node, SeqNode
from outlast.playbook.model import Condition
from outlast.values import Origin, Template, Value


class Given(Struct, frozen=True):
    """A value that the playbook gives for a key."""

    value: Value
    key_origin: Origin
    origin: Origin
    node: Node | None = None
    """None when the value was not read from its own place in a file."""

    @property
    def items(self) -> tuple[tuple[Value, Origin], ...]:
        """The members of a list with their places; anything else is a list of one, null of none."""
        if self.value is None:
            return ()
        if not isinstance(self.value, list):
            return ((self.value, self.origin),)
        places = [self.origin] * len(self.value)
        if isinstance(self.node, SeqNode):
            places = [self._place(member) for member in self.node.value]
        return tuple(zip(self.value, places, strict=True))

    @property
    def key_origins(self) -> Mapping[str, Origin]:
        """Where the keys of a mapping stand, by their text; those merged into it are left out."""
        if not isinstance(self.node, MapNode):
            return {}
        return {str(key.value): self._place(key) for key, _ in self.node.value}

    @property
    def value_origins(self) -> Mapping[str, Origin]:
        """Where the values of a mapping stand, by their keys' texts."""
        if not isinstance(self.node, MapNode):
            return {}
        return {str(key.value): self._place(value) for key, value in self.node.value}

    def member(self, name: str) -> Given | None:
        """Give the member *name* of a mapping with its place; None where there is none."""
        if not isinstance(self.node, MapNode) or not isinstance(self.value, dict):
            return None
        for key, node in self.node.value:
            if key.value == name and name in self.value:
                return Given(self.value[name], self._place(key), self._place(node), node)
        return None

    def _place(self, node: Node) -> Origin:
        mark = node.start_mark
        return Origin(self.origin.path, mark.line + 1, mark.column + 1)

    @property
    def members(self) -> tuple[Value, ...]:
        """The members of a list; anything else is a list of one, null of none."""
        return tuple(value for value, _ in self.items)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The value as a list of conditions; empty places in the list say nothing."""
        return tuple(Condition(value, at) for value, at in self.items if value is not None)


Entries: TypeAlias = Mapping[object, Given]


class Text(Struct, frozen=True):
    """What a play, block or task says: its entries, and where it begins."""

    entries: Entries
    origin: Origin

    def value(self, name: str) -> Value:
        """Give the value of *name*; None when it is not given."""
        given = self.entries.get(name)
        return given.value if given else None

    def members(self, name: str) -> tuple[Value, ...]:
        """Give the members of the list *name*; none when it is not given."""
        given = self.entries.get(name)
        return given.members if given else ()


def read(document: Document, node: MapNode, leave: Container[object] = ()) -> Text:
    """Give what *node* says; the values of the keys in *leave* are not read."""
    entries = {}
    for entry in document.entries(node):
        take = document.variables if entry.key == "vars" else document.value
        value = None if entry.key in leave else take(entry.node)
        origin = document.origin(entry.node)
        entries[entry.key] = Given(value, entry.key_origin, origin, entry.node)
    return Text(entries, document.origin(node))


def from_value(mapping: Mapping[str, Value], origin: Origin) -> Text:
    """Give what a mapping says that was read as a value; all of it stands at *origin*."""
    entries: Entries = {key: Given(value, origin, origin) for key, value in mapping.items()}
    return Text(entries, origin)


def cannot_process(name: str, given: Given, why: str, at: Origin | None = None) -> PlaybookError:
    """Say that the value of the keyword *name* is of the wrong type."""
    cause = Cause(why, at or given.origin, apart=True)
    return PlaybookError(f"Error processing keyword {name!r}.", given.origin, causes=(cause,))


def as_written(value: Value) -> object:
    """Give *value* with the text of templates in their places, as messages show it."""
    if isinstance(value, Template):
        return value.text
    if isinstance(value, list):
        return [as_written(member) for member in value]
    if isinstance(value, dict):
        return {key: as_written(member) for key, member in value.items()}
    return value
