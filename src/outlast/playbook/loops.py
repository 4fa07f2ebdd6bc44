"""What a task is repeated over: `loop`, `with_<lookup>` and `loop_control`.

Knows how the two spellings of a loop exclude each other. Leaves running a loop, and what a
lookup gives, to others.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from outlast.errors import OutlastError, PlaybookError
from outlast.loader import Document, MapNode
from outlast.playbook.conversions import converted
from outlast.playbook.keywords import Place, check_allowed, check_text
from outlast.playbook.model import Loop, LoopControl
from outlast.playbook.reading import Text, cannot_process, read
from outlast.values import Origin, Template, Value

_LOOKUPS = frozenset(
    [
        "config",
        "csvfile",
        "dict",
        "env",
        "file",
        "fileglob",
        "first_found",
        "indexed_items",
        "ini",
        "inventory_hostnames",
        "items",
        "lines",
        "list",
        "nested",
        "password",
        "pipe",
        "random_choice",
        "sequence",
        "subelements",
        "template",
        "together",
        "unvault",
        "url",
        "varnames",
        "vars",
    ]
)

_NO_MAPPING = (
    "the `loop_control` value must be specified as a dictionary and cannot be a variable itself"
    " (though it can contain variables)"
)


def is_builtin_lookup(name: str) -> bool:
    """Tell whether `with_<name>` is a loop: a builtin lookup, or one with a collection's name."""
    return name in _LOOKUPS or name.count(".") >= 2  # noqa: PLR2004  # namespace.collection.name


class LoopReader(Struct, frozen=True):
    """Reads the loops of one file's tasks."""

    document: Document
    is_lookup: Callable[[str], bool]

    def read(self, task: Text) -> Loop | None:
        """Give the loop of *task*; None when it has none."""
        items: Value = None
        lookup: str | None = None
        origin: Origin | None = None
        for key, given in task.entries.items():
            if key == "loop":
                # After `with_x` it takes the place of its list, and leaves the lookup: as stock.
                items, origin = given.value, given.origin
            elif isinstance(key, str) and key.startswith("with_"):
                if items is not None or lookup is not None:
                    raise OutlastError(
                        f"duplicate loop in task: {key.removeprefix('with_')}", task.origin
                    )
                if given.value is None:
                    raise OutlastError(f"you must specify a value when using {key}", task.origin)
                items, origin, lookup = given.value, given.origin, key.removeprefix("with_")
        control = self._control(task)
        return None if items is None else Loop(items, lookup, control, origin)

    def _control(self, task: Text) -> LoopControl:
        given = task.entries.get("loop_control")
        if given is None:
            return LoopControl()
        if not isinstance(given.node, MapNode) or not isinstance(given.value, dict):
            raise PlaybookError(_NO_MAPPING, given.origin)
        text = read(self.document, given.node)
        for key, entry in text.entries.items():
            row = check_allowed(key, Place.LOOP_CONTROL, entry.key_origin)
            check_text(row.name, row, entry.value, text.origin)
        breaks = text.entries.get("break_when")
        return LoopControl(
            loop_var=_name(text, "loop_var") or "item",
            index_var=_name(text, "index_var"),
            label=text.value("label"),
            pause=_or(text.value("pause"), 0),
            extended=_flag(text, "extended", unset=False),
            extended_allitems=_flag(text, "extended_allitems", unset=True),
            break_when=breaks.conditions if breaks else (),
            places={str(key): given.origin for key, given in text.entries.items() if given.value},
        )


def _or(value: Value, unset: Value) -> Value:
    return unset if value is None else value


def _name(text: Text, key: str) -> Value:
    given = text.entries.get(key)
    if given is None or given.value is None or isinstance(given.value, Template):
        return given.value if given else None
    return str(given.value)


def _flag(text: Text, key: str, *, unset: bool) -> Value:
    given = text.entries.get(key)
    if given is None or given.value is None:
        return unset
    if isinstance(given.value, Template):
        return given.value
    try:
        return bool(converted(given.value, "bool"))
    except ValueError as error:
        raise cannot_process(key, given, str(error)) from error
