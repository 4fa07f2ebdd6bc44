"""A role on disk: where it lies, and which files of its folders count.

Knows stock's search path and the names a role's files may have. Leaves what the files say
to `roles`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field

from outlast.errors import PlaybookError, SourceMissing
from outlast.playbook.searching import Collections, NoCollections
from outlast.values import Origin

_FQCN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*){2,}", re.ASCII)
_ENDINGS = (".yml", ".yaml", ".json")


class FoundRole(Struct, frozen=True):
    """Where a role lies, and how it is called there."""

    name: str
    path: Path
    collection: str | None = None


class RolePlaces(Struct, frozen=True):
    """Where roles are looked for, beside the playbook's own folder."""

    configured: tuple[str, ...] = ()
    """The setting `roles_path`."""
    collections: Collections = field(default_factory=NoCollections)
    found: Callable[[Path], None] = lambda _path: None
    """Is told of each role that is used and is no collection's, and of the folder of each playbook
    that is imported: it may bring modules of its own."""

    def find(
        self, name: str, folders: Sequence[Path], collections: Sequence[str], origin: Origin
    ) -> FoundRole:
        """Give the role *name*; *folders* are the playbook's and that of the role that asks.

        Raises `SourceMissing` naming every place, in stock's words.
        """
        role = self._in_collections(name, collections) or self._in_folders(name, folders)
        if role is None:
            searched = [*collections, *map(str, self._searched(folders))]
            told = f"the role '{name}' was not found in {':'.join(searched)}"
            raise SourceMissing(told, origin)
        if role.collection is None:  # a collection's role brings nothing: its plugins are known
            self.found(role.path)
        return role

    def _searched(self, folders: Sequence[Path]) -> list[Path]:
        home, *asking = folders
        configured = [Path(place).expanduser() for place in self.configured]
        return [home / "roles", *configured, *asking, home]

    def _in_folders(self, name: str, folders: Sequence[Path]) -> FoundRole | None:
        for folder in self._searched(folders):
            path = folder / name
            if path.exists():
                return FoundRole(name, _real(path))
        alone = Path(name).expanduser()
        return FoundRole(alone.name, _real(alone)) if alone.exists() else None

    def _in_collections(self, name: str, collections: Sequence[str]) -> FoundRole | None:
        homes = list(collections)
        if _FQCN.fullmatch(name):
            namespace, collection, name = name.split(".", 2)
            homes = [f"{namespace}.{collection}"]
        for home in homes:
            folder = self.collections.home_of(*home.split(".", 1)) if "." in home else None
            path = folder.joinpath("roles", *name.split(".")) if folder else None
            if path is not None and path.is_dir():
                return FoundRole(name, _real(path), home)
        return None


class RoleFiles(Struct, frozen=True):
    """The files of one role."""

    role: FoundRole

    def vars(self, part: str, name: str | None) -> list[Path]:
        """Give the files of `vars` or `defaults`: one, or all in a folder called so."""
        found = self._first(part, name, folders=True)
        if found is None or not found.is_dir():
            return [found] if found else []
        return list(_below(found))

    def one(self, part: str, name: str | None = None) -> Path | None:
        """Give the file of *part*: `main`, or the one that is asked for by *name*."""
        return self._first(part, name, folders=False)

    def _first(self, part: str, name: str | None, *, folders: bool) -> Path | None:
        """Find the first that is there; raises `PlaybookError` for one asked for by name."""
        place = self.role.path / part
        if not place.is_dir():
            return None
        endings = (*_ENDINGS, "") if name is None else ("", *_ENDINGS)
        for ending in endings:
            path = place / f"{name or 'main'}{ending}"
            if path.exists() and (folders or not path.is_dir()):
                return self._inside(path, place)
        if name is not None:
            raise PlaybookError(f"Could not find specified file in role: {part}/{name}")
        return None

    def _inside(self, path: Path, place: Path) -> Path:
        plain = Path(os.path.normpath(path))
        if place not in plain.parents:
            raise PlaybookError(
                f"Failed loading '{path}' for role ({self.role.name}) as it is not inside the"
                f" expected role path: '{place}'"
            )
        return plain


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _below(path)
        elif path.is_file() and (not path.suffix or path.suffix in _ENDINGS):
            yield path


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
