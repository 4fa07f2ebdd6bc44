"""Groups of actions: those that share their defaults (`module_defaults: {group/aws: ...}`).

Knows the files that list them, the core's and each collection's, and how a group extends
others. Leaves what an action is to `catalogue`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from outlast.content.cache import Cache
from outlast.content.catalogue import Catalogue
from outlast.errors import OutlastError
from outlast.outcome import Warned

_CORE = "ansible.builtin"
_INVALID = "Invalid metadata was found for action_group {} while loading module_defaults. {}"


class _Group(Struct, frozen=True):
    """What a file says of one group."""

    members: tuple[str, ...]
    extends: tuple[str, ...]


class ActionGroups(Struct):
    """Every group that can be named; a file is read when a group of it is asked for."""

    catalogue: Catalogue
    cache: Cache
    _read: dict[str, Mapping[str, Sequence[object]] | None] = field(default_factory=dict)
    _known: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def members(self, name: str) -> frozenset[str] | None:
        """Give the full names of the actions in the group *name*; None: there is no such group.

        A short name is the core's.
        """
        name = _full(name, _CORE)
        if name not in self._known:
            self._known[name] = frozenset()  # groups may extend each other
            self._known[name] = self._members(name)
        return self._known[name]

    def _members(self, name: str) -> frozenset[str] | None:
        collection = ".".join(name.split(".")[:2])
        table = self._table(collection)
        short = name.removeprefix(f"{collection}.")
        entries = table.get(name, table.get(short)) if table is not None else None
        if entries is None:
            return None
        found: set[str] = set()
        group, faults = _group(entries)
        for told in faults:
            self.catalogue.notice(Warned(_INVALID.format(name, told)))
        for member in group.members:
            full = self._action(_full(member, collection))
            if full is not None:
                found.add(full)
        for other in group.extends:
            found |= self.members(_full(other, collection)) or frozenset()
        return frozenset(found)

    def _action(self, name: str) -> str | None:
        try:
            action = self.catalogue.find(name, quiet=True)
        except OutlastError:
            return None  # it has left, or cannot be used here: then nobody asks for its defaults
        return action.fqcn if action else None

    def _table(self, collection: str) -> Mapping[str, Sequence[object]] | None:
        if collection not in self._read:
            self._read[collection] = self._load(collection)
        return self._read[collection]

    def _load(self, collection: str) -> Mapping[str, Sequence[object]] | None:
        core = self.catalogue.core
        if collection == _CORE:
            path, state = core.routing, core.version
        else:
            home = self.catalogue.collections.home(collection)
            path = home / "meta" / "runtime.yml" if home else core.routing
            if home is None or not path.is_file():
                return {} if home else None
            state = str(path.stat().st_mtime_ns)
        key = f"groups-{path}-{state}"
        kept = self.cache.load(key)
        if isinstance(kept, dict):
            return kept
        from outlast.loader import load_file  # noqa: PLC0415  # once per version, then it is cached

        document = load_file(path)
        groups = document.get("action_groups") if isinstance(document, dict) else None
        table = {name: list(v) for name, v in _items(groups) if isinstance(v, list)}
        self.cache.store(key, table)
        return table


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _group(entries: Sequence[object]) -> tuple[_Group, list[str]]:
    """Give what a list says, and what is wrong with it; of several `metadata` the last counts."""
    extends: tuple[str, ...] = ()
    faults: list[str] = []
    described = False
    for entry in entries:
        if isinstance(entry, str) or not isinstance(entry, dict):
            continue
        if set(entry) != {"metadata"}:
            keys = ", ".join(sorted(map(str, entry)))
            faults.append(f"The only expected key is metadata, but got keys: {keys}")
            continue
        metadata = entry["metadata"]
        wrong = _faults(metadata, described=described)
        faults += [" ".join(wrong)] if wrong else []
        if isinstance(metadata, dict):
            described, others = True, metadata.get("extend_group", [])
            others = [others] if isinstance(others, str) else others
            extends = tuple(map(str, others)) if isinstance(others, list) else ()
    return _Group(tuple(entry for entry in entries if isinstance(entry, str)), extends), faults


def _faults(metadata: object, *, described: bool) -> list[str]:
    """Give what is wrong with a group's `metadata`; *described*: it is not the first."""
    found = ["The group contains multiple metadata entries."] if described else []
    if not isinstance(metadata, dict):
        return [*found, f"The metadata is not a dictionary. Got {metadata}"]
    odd = ", ".join(str(key) for key in metadata if key != "extend_group")
    if odd:
        found.append(f"The metadata contains unexpected keys: {odd}")
    others = metadata.get("extend_group", [])
    if not isinstance(others, str | list):
        told = f"extend_group is {others} (expected type list)"
        found.append(f"The metadata contains unexpected key types: {told}")
    return found


def _full(name: str, collection: str) -> str:
    return name if name.count(".") > 1 else f"{collection}.{name}"
