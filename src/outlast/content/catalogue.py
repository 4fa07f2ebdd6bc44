"""From the name a playbook writes to the module's file, and to its one full name.

Knows the order of the places: those of a list of collections, or the playbook's `library/`
folders and the core; what collections say of their names before their files, and the core's
redirects when nothing else knows the name. Leaves which plays use which names to `playbook`,
where collections lie to `collections`, and what is inside a file to `parcels`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from outlast.call import OURS, ResolvedAction
from outlast.content.collections import CORE, Collections
from outlast.content.core import AnsibleCore
from outlast.content.routing import Routing, deprecated
from outlast.errors import NotSupportedYet, OutlastError
from outlast.outcome import Deprecated, Notice, Warned

LEGACY: Final = "ansible.legacy"
_PRIVATE = frozenset({"async_wrapper"})  # speaks a protocol of its own; nobody's action
_NO_MODULES = re.compile(r"\.(pyc|pyo|swp|bak|rpm|md|txt|rst|yaml|yml|ini|json|toml|orig|rej)$|~$")
_REFERENCE = re.compile(r"\w+(?:\.\w+){2,}")


class ModuleFile(Struct, frozen=True):
    """A module's file and the dotted name it runs under."""

    fqcn: str
    path: Path
    dotted: str


class _Found(Struct, frozen=True):
    """What came of looking for a name."""

    file: ModuleFile | None
    notices: tuple[Notice, ...] = ()


class _NotLoaded(Exception):  # nothing has failed: the next place is looked into
    """A place cannot be looked into; a person is to be told why."""


class Catalogue(Struct):
    """Every action that can be named; a name looked up once is remembered."""

    core: AnsibleCore
    collections: Collections
    routing: Routing
    library: Sequence[Path] = ()
    action_plugins: Sequence[Path] = ()
    """Folders of the playbook's own action plugins: what stands there is refused."""
    notice: Callable[[Notice], None] = lambda _notice: None
    _found: dict[tuple[str, ...], _Found] = field(default_factory=dict)

    def resolve(self, name: str, collections: Sequence[str] = ()) -> ResolvedAction | None:
        """Give the full name of the action *name*; None when nobody knows it.

        A short one is looked for in *collections*, in their order, and nowhere else; in none:
        where everybody looks. Raises what `find` does.
        """
        if name in OURS:
            return ResolvedAction(name)
        file = self.find(name, collections)
        return ResolvedAction(file.fqcn) if file else None

    def add(self, path: Path) -> None:
        """Know the modules that a role or a playbook in *path* brings: everybody may use them."""
        library, plugins = path / "library", path / "action_plugins"
        if library.is_dir() and library not in self.library:
            self.library = (*self.library, library)
            self._found = {}
        if plugins.is_dir() and plugins not in self.action_plugins:
            self.action_plugins = (*self.action_plugins, plugins)
            self._found = {}

    def names(self) -> list[str]:
        """Give the short names that can be meant: the playbook's modules and the core's."""
        folders = (*self.library, self.core.modules)
        files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
        return [file.stem for file in files if not file.stem.startswith("_")]

    def find(
        self, name: str, collections: Sequence[str] = (), *, quiet: bool = False
    ) -> ModuleFile | None:
        """Give the module behind *name*, redirects followed; None when there is none.

        What is to be told of the name is told, if not *quiet*. Raises `OutlastError` for a name
        that was removed, that leads back to itself, or of a collection that does not fit, and
        `NotSupportedYet` for one that needs an action plugin only its authors have.
        """
        key = (name, *collections)
        if key not in self._found:
            self._found[key] = self._follow(name, collections)
        found = self._found[key]
        for notice in found.notices:
            if not (quiet and isinstance(notice, Deprecated)):
                self.notice(notice)
        return found.file

    def _follow(self, name: str, collections: Sequence[str]) -> _Found:
        seen = [name]
        notices: list[Notice] = []
        faults: list[str] = []
        while True:
            file, target = self._step(seen[-1], collections, notices, faults)
            if target is None:
                # Stock looks twice: for a module, and for an action, in all that are listed.
                told = [(seen[-1], fault) for fault in faults]
                told += [(name, fault) for fault in self._unreached(name, collections)]
                return _Found(file, (*notices, *(_not_loaded(*one) for one in dict.fromkeys(told))))
            if target in seen:
                raise OutlastError(f"plugin redirect loop resolving {name} (path: {seen})")
            seen.append(target)

    def _unreached(self, name: str, collections: Sequence[str]) -> list[str]:
        """Give why those of *collections* cannot be looked into that cannot."""
        faults: list[str] = []
        for place in collections if "." not in name else ():
            if place in (CORE, LEGACY):
                continue
            try:
                self._reach(place, name)
            except _NotLoaded as error:
                faults.append(str(error))
        return faults

    def _reach(self, collection: str, name: str) -> Path:
        """Give the folder of the collection that *name* is looked for in."""
        if not _REFERENCE.fullmatch(f"{collection}.{name}"):
            raise _NotLoaded(f"{collection}.{name} is not a valid collection reference")
        home = self.collections.home(collection)
        if home is None:
            namespace = collection.split(".", maxsplit=1)[0]
            missing = collection if self.collections.has_namespace(namespace) else namespace
            raise _NotLoaded(f"No module named 'ansible_collections.{missing}'")
        return home

    def _step(
        self, name: str, collections: Sequence[str], notices: list[Notice], faults: list[str]
    ) -> tuple[ModuleFile | None, str | None]:
        """Give the module called *name*, or the name that it goes by now, where one is known."""
        short = "." not in name
        for place in collections if short and collections else ("",):
            full = f"{place}.{name}" if place else name
            try:
                file, target = self._at(full, notices, listed=bool(collections))
            except _NotLoaded as error:
                faults.append(str(error))
                continue
            if file or target:
                return file, target
        return None, None

    def _at(
        self, name: str, notices: list[Notice], *, listed: bool
    ) -> tuple[ModuleFile | None, str | None]:
        """Look in the one place that *name* says; *listed*: in a list of collections."""
        if name.startswith(f"{LEGACY}."):
            name = name.removeprefix(f"{LEGACY}.")
        if "." not in name:
            file = self._in_library(name) or self._in_core(name)
            return file, None if file else self._moved_from_core(name)
        if name.startswith(f"{CORE}."):
            name = name.removeprefix(f"{CORE}.")
            file = self._in_core(name)
            return file, None if file else self._moved_from_core(name)
        if not _REFERENCE.fullmatch(name):
            if listed:
                raise _NotLoaded(f"{name} is not a valid collection reference")
            return None, None
        namespace, collection, *inside = name.split(".")
        return self._in_collection(f"{namespace}.{collection}", inside, notices)

    def _moved_from_core(self, short: str) -> str | None:
        # Asked last, unlike stock: what has a file never moved, and the list is long.
        return self.routing.entry(CORE, "modules", short).redirect or None

    def _in_library(self, short: str) -> ModuleFile | None:
        self._refuse_own_plugin(short)
        for folder in self.library:
            path = _module_in(folder, short)
            if path:
                return ModuleFile(
                    f"ansible.legacy.{path.stem}", path, f"ansible.legacy.{path.stem}"
                )
        return None

    def _refuse_own_plugin(self, short: str) -> None:
        for folder in self.action_plugins:
            if (folder / f"{short}.py").is_file():
                raise NotSupportedYet(f"action plugins are not supported yet: {folder / short}.py")

    def _in_core(self, short: str) -> ModuleFile | None:
        if short in _PRIVATE or not short.isidentifier():
            return None
        path = self.core.modules / f"{short}.py"
        if short.startswith("_") or not path.is_file():
            return None
        return ModuleFile(f"ansible.builtin.{short}", path, f"ansible.modules.{short}")

    def _in_collection(
        self, collection: str, inside: Sequence[str], notices: list[Notice]
    ) -> tuple[ModuleFile | None, str | None]:
        name = ".".join(inside)
        home = self._reach(collection, name)
        entry = self.routing.entry(collection, "modules", name)
        if entry.deprecation:
            notices.append(deprecated(collection, name, entry.deprecation))
        if entry.redirect and not _REFERENCE.fullmatch(entry.redirect):
            raise _NotLoaded(
                f"Collection {collection} contains invalid redirect for {collection}.{name}:"
                f" {entry.redirect}. Redirects must use fully qualified collection names."
            )
        if entry.redirect:
            return None, entry.redirect
        self._refuse_plugin_of_collection(collection, home, inside, entry.action_plugin)
        path = _module_in(home.joinpath("plugins", "modules", *inside[:-1]), inside[-1])
        if path is None:
            return None, None
        dotted = f"ansible_collections.{collection}.plugins.modules.{name}"
        return ModuleFile(f"{collection}.{name}", path, dotted), None

    def _refuse_plugin_of_collection(
        self, collection: str, home: Path, inside: Sequence[str], named: str
    ) -> None:
        """Refuse what is an action plugin of *collection*, or would be one elsewhere."""
        name = ".".join(inside)
        plugin = home.joinpath("plugins", "action", *inside).with_suffix(".py")
        if named or plugin.is_file() or self.routing.entry(collection, "action", name).redirect:
            told = f"action plugins of collections are not supported yet: {collection}.{name}"
            raise NotSupportedYet(told)


def _not_loaded(name: str, fault: str) -> Warned:
    return Warned(f"Error loading plugin {name!r}: {fault}")


def _module_in(folder: Path, short: str) -> Path | None:
    """Give the file of a folder of modules that *short* names, whatever its ending."""
    exact = folder / f"{short}.py"
    if exact.is_file():
        return exact
    if not folder.is_dir() or "/" in short:
        return None
    others = (folder / short, *sorted(folder.glob(f"{short}.*")))
    return next((path for path in others if _is_module(path)), None)


def _is_module(path: Path) -> bool:
    # What stock passes over when it looks for a module without an ending it knows.
    return path.is_file() and not _NO_MODULES.search(path.name)
