"""What a task is repeated over: `loop`, `with_<lookup>` and `loop_control`.

Knows how the two spellings of a loop exclude each other. Leaves running a loop, and what a
lookup gives, to others.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from outlast.errors import OutlastError, PlaybookError
from outlast.loader import Document, MapNode
from outlast.playbook.calls import short_name
from outlast.playbook.keywords import Place, check_allowed, check_text
from outlast.playbook.model import Loop, LoopControl
from outlast.playbook.reading import Text, read
from outlast.values import Origin, Value

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

_WORDS = frozenset({"loop_var", "index_var", "label", "pause", "extended", "extended_allitems"})
_NO_MAPPING = (
    "the `loop_control` value must be specified as a dictionary and cannot be a variable itself"
    " (though it can contain variables)"
)


def is_builtin_lookup(name: str) -> bool:
    """Tell whether `with_<name>` is a loop over a builtin lookup."""
    return short_name(name) in _LOOKUPS


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
        said: dict[str, Value] = {word: text.value(word) for word in _WORDS & text.entries.keys()}
        breaks = text.entries.get("break_when")
        return LoopControl(
            **said,
            break_when=breaks.conditions if breaks else (),
            places={str(key): entry.origin for key, entry in text.entries.items()},
        )
