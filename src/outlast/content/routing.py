"""Where names went when they left the core or a collection: redirects and tombstones.

Knows what is to be said of a name that goes, and what of one that is gone. Leaves reading
what collections say to `collections`, and what stands at the new name to `catalogue` and
`closure`.
"""

from __future__ import annotations

from msgspec import Struct

from outlast.content.collections import Collections
from outlast.content.runtime import Entry, Leaving
from outlast.errors import OutlastError
from outlast.outcome import Deprecated
from outlast.removal import removal

_NOTHING = Entry()


class Routing(Struct, frozen=True):
    """What is said of names, by collection."""

    collections: Collections

    def entry(self, collection: str, kind: str, name: str) -> Entry:
        """Give what *collection* says of *name*.

        *kind* is `modules`, `action` or `module_utils`. A name that was removed raises
        `OutlastError` with the advice its authors left.
        """
        entry = self.collections.said(collection).routing.get(kind, {}).get(name, _NOTHING)
        if entry.tombstone:
            what = "module" if kind == "modules" else f"{kind} plugin"
            raise OutlastError(_gone(f"{collection}.{name}", what, collection, entry.tombstone))
        return entry


def deprecated(collection: str, name: str, leaving: Leaving) -> Deprecated:
    """Give what is to be said of a *name* of *collection* that goes."""
    text = f"{collection}.{name} has been deprecated."
    until = removal(collection, version=leaving.version, date=leaving.date)
    return Deprecated(f"{text} {leaving.text}".rstrip(), until)


def _gone(full: str, what: str, collection: str, leaving: Leaving) -> str:
    when = removal(collection, version=leaving.version, date=leaving.date, done=True)
    text = f"The {full!r} {what} has been removed. {leaving.text}".rstrip()
    return f"{text if text.endswith(('.', '!', '?')) else f'{text}.'} {when}"
