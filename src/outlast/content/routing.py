"""Where names went when they left the core or a collection: redirects and tombstones.

Knows the two files that say so. The core's has 376 kB of YAML, so it is read only when a
name is unknown otherwise, and kept parsed in the user's cache. Leaves what stands at the
new name to `catalogue` and `closure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from outlast.content.cache import Cache
from outlast.content.core import AnsibleCore
from outlast.errors import PlaybookError


class Routing(Struct):
    """Redirects by collection; reads each file once, when it is first asked."""

    core: AnsibleCore
    cache: Cache
    _known: dict[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)

    def redirect(self, collection: str, kind: str, name: str, meta: Path | None) -> str | None:
        """Give the name that stands for *name* now, or None.

        *kind* is `modules`, `action` or `module_utils`; *meta* the collection's runtime.yml,
        None for the core. A name that was removed raises with the advice its authors left.
        """
        if collection not in self._known:
            self._known[collection] = self._read(collection, meta)
        entry = self._known[collection].get(kind, {}).get(name)
        if entry is None:
            return None
        if entry.startswith("!"):
            what = f"{collection}.{name} {kind.rstrip('s')}"
            raise PlaybookError(f"The {what} has been removed. {entry[1:]}")
        return entry

    def _read(self, collection: str, meta: Path | None) -> Mapping[str, Mapping[str, str]]:
        path = meta or self.core.routing
        if not path.is_file():
            return {}
        state = self.core.version if meta is None else path.stat().st_mtime_ns
        key = f"routing-{collection}-{state}"
        kept = self.cache.load(key)
        if isinstance(kept, dict) and kept.get("path") == str(path):
            table: Mapping[str, Mapping[str, str]] = kept["table"]
            return table
        table = _parse(path)
        self.cache.store(key, {"path": str(path), "table": table})
        return table


def _parse(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Read a runtime.yml: kind to name to target; `!` marks a tombstone's advice."""
    from outlast.loader import load_file  # noqa: PLC0415  # rare: most names are known

    document = load_file(path)
    routing = document.get("plugin_routing") if isinstance(document, dict) else None
    table: dict[str, dict[str, str]] = {}
    for kind in ("modules", "action", "module_utils"):
        entries = routing.get(kind) if isinstance(routing, dict) else None
        if isinstance(entries, dict):
            table[kind] = dict(_targets(entries))
    return table


def _targets(entries: Mapping[str, object]) -> list[tuple[str, str]]:
    found = []
    for name, entry in entries.items():
        if not isinstance(entry, Mapping):
            continue
        tombstone = entry.get("tombstone")
        if isinstance(tombstone, Mapping):
            found.append((name, f"!{tombstone.get('warning_text', '')}"))
        elif isinstance(entry.get("redirect"), str):
            found.append((name, str(entry["redirect"])))
    return found
