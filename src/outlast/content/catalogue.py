"""From the name a playbook writes to the module's file, and to its one full name.

Knows the order of the places: the playbook's `library/` folders, the core, collections,
and redirects when nothing else knows the name. Leaves which plays use which names to
`playbook`, and what is inside a file to `parcels`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from outlast.call import OURS, ResolvedAction
from outlast.content.core import AnsibleCore
from outlast.content.routing import Routing
from outlast.errors import NotSupportedYet, PlaybookError

_PRIVATE = frozenset({"async_wrapper"})  # speaks a protocol of its own; nobody's action
_MAX_REDIRECTS = 8
_NO_MODULES = re.compile(r"\.(pyc|pyo|swp|bak|rpm|md|txt|rst|yaml|yml|ini|json|toml|orig|rej)$|~$")


class ModuleFile(Struct, frozen=True):
    """A module's file and the dotted name it runs under."""

    fqcn: str
    path: Path
    dotted: str


class Catalogue(Struct):
    """Every action that can be named; a name looked up once is remembered."""

    core: AnsibleCore
    routing: Routing
    library: Sequence[Path] = ()
    collections: Sequence[Path] = ()
    """Folders that hold `ansible_collections/`, the first wins."""
    action_plugins: Sequence[Path] = ()
    """Folders of the playbook's own action plugins: what stands there is refused."""
    _found: dict[str, ModuleFile | None] = field(default_factory=dict)

    def resolve(self, name: str) -> ResolvedAction | None:
        """Give the full name of the action *name*; None when nobody knows it."""
        if name in OURS:
            return ResolvedAction(name)
        file = self.find(name)
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

    def find(self, name: str) -> ModuleFile | None:
        """Give the module behind *name*, redirects followed; None when there is none.

        Raises `PlaybookError` for a name that was removed, `NotSupportedYet` for one that
        needs an action plugin only its authors have.
        """
        if name not in self._found:
            self._found[name] = self._follow(name)
        return self._found[name]

    def _follow(self, name: str) -> ModuleFile | None:
        seen = [name]
        while True:
            file = self._look(seen[-1])
            target = None if file else self._redirect(seen[-1])
            if target is None:
                return file
            if target in seen or len(seen) > _MAX_REDIRECTS:
                raise PlaybookError(f"plugin redirect loop resolving {name} (path: {seen})")
            seen.append(target)

    def _look(self, name: str) -> ModuleFile | None:
        parts = name.split(".")
        match parts:
            case [short]:
                return self._in_library(short) or self._in_core(short)
            case ["ansible", "legacy", short]:
                return self._in_library(short) or self._in_core(short)
            case ["ansible", "builtin", short]:
                return self._in_core(short)
            case [namespace, collection, *inside] if inside:
                return self._in_collection(namespace, collection, inside)
            case _:
                return None

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

    def _in_collection(self, namespace: str, name: str, inside: list[str]) -> ModuleFile | None:
        home = self.home_of(namespace, name)
        if home is None:
            return None
        fqcn = ".".join([namespace, name, *inside])
        path = _module_in(home.joinpath("plugins", "modules", *inside[:-1]), inside[-1])
        plugin = home.joinpath("plugins", "action", *inside).with_suffix(".py")
        if plugin.is_file():
            raise NotSupportedYet(f"action plugins of collections are not supported yet: {fqcn}")
        if path is None:
            return None
        dotted = ".".join(["ansible_collections", namespace, name, "plugins", "modules", *inside])
        return ModuleFile(fqcn, path, dotted)

    def home_of(self, namespace: str, name: str) -> Path | None:
        """Give the folder of a collection, the first on the search path."""
        for folder in self.collections:
            home = folder / "ansible_collections" / namespace / name
            if home.is_dir():
                return home
        return None

    def _redirect(self, name: str) -> str | None:
        parts = name.split(".")
        if len(parts) == 1 or parts[0] == "ansible":
            return self.routing.redirect("ansible.builtin", "modules", parts[-1], None)
        if len(parts) < 3:  # noqa: PLR2004  # namespace.collection.name
            return None
        home = self.home_of(parts[0], parts[1])
        if home is None:
            return None
        meta = home / "meta" / "runtime.yml"
        collection = ".".join(parts[:2])
        return self.routing.redirect(collection, "modules", ".".join(parts[2:]), meta)


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
