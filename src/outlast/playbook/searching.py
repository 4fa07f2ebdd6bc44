"""Where short names of actions are looked for: the collections that a play or a role lists.

Knows stock's order. Leaves what a collection has to whoever implements `ActionNames`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from outlast.call import ResolvedAction
from outlast.playbook.defaults import ActionNames

_OURS = ("ansible.builtin", "ansible.legacy")


class InCollections(Struct, frozen=True):
    """Knows actions by short names that some collections have."""

    names: ActionNames
    collections: Sequence[str]

    def resolve(self, name: str) -> ResolvedAction | None:
        """Look for a short name in each collection, then as anywhere."""
        if "." not in name:
            for collection in self.collections:
                found = self.names.resolve(name if collection in _OURS else f"{collection}.{name}")
                if found is not None:
                    return found
        return self.names.resolve(name)


def with_ours(collections: Sequence[str]) -> tuple[str, ...]:
    """Give a list as it is searched: what every playbook knows comes last, if not named."""
    if not collections or any(name in _OURS for name in collections):
        return tuple(collections)
    return (*collections, "ansible.legacy")
