"""What a collection says of itself in `meta/runtime.yml`, read once per state of the file.

Knows the parts that a run needs: where names went, and whether the collection is made for
this ansible-core. Leaves following a name to `routing`, groups of actions to `groups`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field

from outlast.content.cache import Cache
from outlast.content.core import AnsibleCore

KINDS: Final = ("modules", "action", "module_utils", "lookup")


class Leaving(Struct, frozen=True, omit_defaults=True):
    """What is said of a name that goes, or is gone."""

    text: str = ""
    version: str | None = None
    date: str | None = None


class Entry(Struct, frozen=True, omit_defaults=True):
    """What is said of one name."""

    redirect: str = ""
    deprecation: Leaving | None = None
    tombstone: Leaving | None = None
    action_plugin: str = ""


class Runtime(Struct, frozen=True):
    """What one file says."""

    path: str = ""
    complaint: str = ""
    """What is wrong with its demands on ansible-core, so that they are unknown."""
    fits: bool = True
    """Whether the collection is made for this ansible-core."""
    routing: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    """Kind to name to what is said of it."""


def read_runtime(path: Path, core: AnsibleCore, cache: Cache) -> Runtime:
    """Give what the file at *path* says, nothing if there is none."""
    if not path.is_file():
        return Runtime()
    key = f"runtime-{'+'.join(KINDS)}-{path}-{core.version}-{path.stat().st_mtime_ns}"
    try:
        kept = msgspec.convert(cache.load(key), Runtime)
    except msgspec.ValidationError:
        kept = Runtime()
    if kept.path != str(path):
        kept = _parse(path, core)
        cache.store(key, msgspec.to_builtins(kept))
    return kept


def _parse(path: Path, core: AnsibleCore) -> Runtime:
    from outlast.loader import load_file  # noqa: PLC0415  # once per version, then it is cached

    document = load_file(path)
    said = document if isinstance(document, dict) else {}
    routing = said.get("plugin_routing")
    fits, complaint = _judged(said.get("requires_ansible"), core)
    kinds = {kind: _entries(_member(routing, kind)) for kind in KINDS}
    return Runtime(str(path), complaint, fits, kinds)


def _judged(requirement: object, core: AnsibleCore) -> tuple[bool, str]:
    """Tell whether *core* is what a collection requires, and what is wrong with its words."""
    if not requirement:
        return True, ""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415  # it is cached what it says
    from packaging.version import Version  # noqa: PLC0415

    try:
        return SpecifierSet(str(requirement)).contains(Version(core.version).base_version), ""
    except ValueError as error:
        return True, str(error)


def _entries(said: object) -> dict[str, Entry]:
    if not isinstance(said, Mapping):
        return {}
    return {str(name): _entry(entry) for name, entry in said.items() if isinstance(entry, Mapping)}


def _entry(said: Mapping[str, object]) -> Entry:
    return Entry(
        redirect=str(said.get("redirect") or ""),
        deprecation=_leaving(said.get("deprecation")),
        tombstone=_leaving(said.get("tombstone")),
        action_plugin=str(said.get("action_plugin") or ""),
    )


def _leaving(said: object) -> Leaving | None:
    if not isinstance(said, Mapping) or not said:
        return None
    version, date = (said.get(f"removal_{word}") for word in ("version", "date"))
    return Leaving(
        text=str(said.get("warning_text") or ""),
        version=None if version is None else str(version),
        date=None if date is None else str(date),
    )


def _member(mapping: object, name: str) -> object:
    return mapping.get(name) if isinstance(mapping, Mapping) else None
