"""The older tags of YAML, as plain lists and text: what they are shown as.

Knows `!!set`, `!!omap`, `!!pairs` and `!!binary`. Leaves reading what is inside to `loader`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from outlast.outcome import Deprecated
from outlast.values import Origin

_YAML: Final = "tag:yaml.org,2002:"
_STR, _SEQ = _YAML + "str", _YAML + "seq"
_DEPRECATED: Final = {
    _YAML + "omap": "Use a standard mapping instead, as key order is always preserved.",
    _YAML + "pairs": "Use a standard mapping instead.",
}


def deprecation(tag: str, origin: Origin) -> Deprecated | None:
    """Give what stock says of a *tag* that will go."""
    if tag not in _DEPRECATED:
        return None
    text = f"Use of the YAML `!!{tag.removeprefix(_YAML)}` tag is deprecated."
    until = "This feature will be removed from ansible-core version 2.23."
    return Deprecated(text, until, origin, help_text=_DEPRECATED[tag])


def _members(node: Node) -> Node:
    """Give a set as a list of what is in it, which is never evaluated (stock)."""
    if not isinstance(node, MappingNode):
        raise ValueError("a set is written as a mapping without values")  # noqa: TRY004  # the text is wrong
    keys = [_unsafe(key) for key, _ in node.value]
    return SequenceNode(_SEQ, keys, node.start_mark, node.end_mark)


def _unsafe(key: Node) -> Node:
    if key.tag != _STR:
        return key
    return ScalarNode("!unsafe", key.value, key.start_mark, key.end_mark)


def _pairs(node: Node) -> Node:
    """Give a list of pairs as a list of lists of two."""
    told = "it is written as a list of mappings with one key each"
    if not isinstance(node, SequenceNode):
        raise ValueError(told)  # noqa: TRY004  # the text is wrong
    maps = [one for one in node.value if isinstance(one, MappingNode) and len(one.value) == 1]
    if len(maps) != len(node.value):
        raise ValueError(told)
    pairs = [SequenceNode(_SEQ, [*one.value[0]], one.start_mark, one.end_mark) for one in maps]
    return SequenceNode(_SEQ, pairs, node.start_mark, node.end_mark)


def _decoded(node: Node) -> Node:
    """Give bytes as the text that they are."""
    try:
        text = base64.decodebytes(str(node.value).encode("ascii")).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError(f"it is not the base64 of a UTF-8 text: {error}") from error
    return ScalarNode("!unsafe", text, node.start_mark, node.end_mark)


PLAINER: Final[Mapping[str, Callable[[Node], Node]]] = {
    _YAML + "set": _members,
    _YAML + "omap": _pairs,
    _YAML + "pairs": _pairs,
    _YAML + "binary": _decoded,
}
"""What gives a node with such a tag as one without; raises `ValueError` saying how it should be."""
