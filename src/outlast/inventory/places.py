"""Where the variables of a YAML inventory are written, when that is to be told.

Knows that only reserved names are told of with their places: a file without any is not read
a second time. Leaves what an inventory means to `mappings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from outlast.loader import Document, MapNode, Node
from outlast.names import RESERVED
from outlast.values import Value

_Groups = dict[str, Value]


def place_names(content: Value, read: Callable[[], Document]) -> None:
    """Give the reserved names among the variables in *content* their places.

    *read* gives the document that it is the value of.
    """
    if isinstance(content, dict) and any(_reserved(content)):
        document = read()
        _place_groups(document, document.root, content)


def _reserved(groups: _Groups) -> Iterator[bool]:
    """Yield for each mapping of variables whether a reserved name is in it."""
    for group in groups.values():
        for key, section in group.items() if isinstance(group, dict) else ():
            if not isinstance(section, dict):
                continue
            if key == "vars":
                yield not RESERVED.isdisjoint(section)
            elif key == "hosts":
                hosts = filter(lambda one: isinstance(one, dict), section.values())
                yield any(not RESERVED.isdisjoint(one) for one in hosts)  # type: ignore[arg-type]  # they are dicts
            elif key == "children":
                yield from _reserved(section)


def _place_groups(document: Document, node: Node | None, groups: _Groups) -> None:
    for _, group_node, group in _pairs(document, node, groups):
        for key, section_node, section in _pairs(document, group_node, group):
            if key == "vars":
                group[key] = document.with_places(section_node, section)
            elif key == "hosts":
                for host, host_node, variables in _pairs(document, section_node, section):
                    section[host] = document.with_places(host_node, variables)
            elif key == "children":
                _place_groups(document, section_node, section)


def _pairs(
    document: Document, node: Node | None, value: _Groups
) -> Iterator[tuple[str, MapNode, _Groups]]:
    """Yield the members that are mappings themselves, as nodes and as values."""
    for entry in document.entries(node) if isinstance(node, MapNode) else ():
        member = value.get(str(entry.key))
        if isinstance(entry.node, MapNode) and isinstance(member, dict):
            yield str(entry.key), entry.node, member
