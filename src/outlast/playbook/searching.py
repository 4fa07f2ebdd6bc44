"""Where short names are looked for: in the collections that a play, a task or a role lists.

Knows which lists there are and what each of them comes to. Leaves what a collection has to
whoever implements `ActionNames` and `Collections`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from outlast.playbook.model import Keywords

_CORE = "ansible.builtin"
_LEGACY = "ansible.legacy"
_OURS = (_CORE, _LEGACY)


class Collections(Protocol):
    """Knows which collections there are."""

    def home_of(self, namespace: str, name: str) -> Path | None:
        """Give the folder of a collection; None: there is none."""
        ...

    def playbook(self, name: str) -> tuple[Path, str] | None:
        """Give the playbook with the full *name*, and its collection; None: there is none."""
        ...

    def holding(self, path: Path) -> str | None:
        """Give the collection that the file at *path* is in."""
        ...

    def has_lookup(self, name: str) -> bool:
        """Tell whether *name* is the full name of a collection's lookup."""
        ...


class NoCollections:
    """Implements `Collections` where there are none."""

    def home_of(self, _namespace: str, _name: str) -> Path | None:
        """Give nothing."""
        return None

    def playbook(self, _name: str) -> tuple[Path, str] | None:
        """Give nothing."""
        return None

    def holding(self, _path: Path) -> str | None:
        """Give nothing."""
        return None

    def has_lookup(self, _name: str) -> bool:
        """Say no."""
        return False


class AtHome(Struct):
    """The collection whose playbook was read last: its names are known from then on.

    As in stock: also to playbooks that follow, and to files and roles that any play includes
    while it runs.
    """

    collection: str | None = None


def at_home(keywords: Keywords, at: AtHome) -> Keywords:
    """Give *keywords* for what is read now: short names are looked for *at* home first."""
    collections = searched(keywords.collections, at.collection)
    return replace(keywords, home=at.collection, collections=collections)


def searched(
    collections: Sequence[str], home: str | None, *, last: str = _LEGACY
) -> tuple[str, ...]:
    """Give a list as it is searched: *home* first, what every playbook knows at the end.

    Unless they are named; an empty list stays empty, so that names are looked for as anywhere.
    """
    found = tuple(collections) if home in (None, *collections) else (str(home), *collections)
    if not found or any(name in _OURS for name in found):
        return found
    return (*found, last)


def searched_in_role(
    collection: str | None, listed: Sequence[str], home: str | None
) -> tuple[str, ...]:
    """Give where the tasks of a role look: in its own *collection*, then in what its meta lists.

    One that is in no collection looks in *home* instead of its own.
    """
    names = tuple(dict.fromkeys((*filter(None, (collection or home,)), *listed)))
    return searched(names, None, last=_CORE if collection else _LEGACY)


def searched_for_dependencies(collection: str | None, home: str | None) -> tuple[str, ...]:
    """Give where the roles are looked for that a role of *collection* depends on."""
    return (*filter(None, (collection or home,)), _LEGACY)
