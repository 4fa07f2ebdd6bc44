"""Where an argument is written: found when something is wrong with it, and only then.

Arguments carry no places of their own, which would cost every task something. The file is
read again instead, by whoever has an error to report.
"""

from __future__ import annotations

from outlast.call import Call
from outlast.errors import OutlastError
from outlast.loader import Document, MapNode, Node, ScalarNode, SeqNode, read_text
from outlast.values import Origin


def place_of(call: Call, argument: str, index: int | None = None) -> Origin | None:
    """Give the place of an argument's value, or of the member *index* of its list.

    None when it is not to be found: written another way, or the file is another by now.
    """
    found = _entry(call, argument)
    if found is None:
        return None
    document, name, value = found
    if name is value:  # one text holds them all
        return None
    if index is not None and isinstance(value, SeqNode) and index < len(value.value):
        return document.origin(value.value[index])
    return document.origin(value)


def place_of_name(call: Call, argument: str) -> Origin | None:
    """Give the place where an argument's name is written; None as for `place_of`.

    Of `name=value` it is where that text begins.
    """
    found = _entry(call, argument)
    return found[0].origin(found[1]) if found else None


def _entry(call: Call, argument: str) -> tuple[Document, Node, Node] | None:
    if call.origin is None:
        return None
    try:
        document = Document(call.origin.path, read_text(call.origin.path, call.vault))
    except OutlastError:
        return None
    arguments = _value_of_key_at(document, call.origin)
    if isinstance(arguments, ScalarNode):
        return document, arguments, arguments
    if isinstance(arguments, MapNode):
        for key, value in arguments.value:
            if key.value == argument:
                return document, key, value
    return None


def _value_of_key_at(document: Document, origin: Origin) -> Node | None:
    """Give what stands behind the key that begins at *origin*."""
    waiting = [document.root] if document.root else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, SeqNode):
            waiting += node.value
        elif isinstance(node, MapNode):
            for key, value in node.value:
                if document.origin(key) == origin:
                    return value  # type: ignore[no-any-return]  # PyYAML's nodes are untyped
                waiting.append(value)
    return None
