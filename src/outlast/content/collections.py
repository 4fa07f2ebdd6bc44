"""Collections: where each lies, what it brings beside plugins, whether it fits.

Knows the search path, of which the first folder that has a collection wins, and that one
made for another ansible-core is told of, or refused. Leaves plugins to `catalogue`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from outlast.content.cache import Cache
from outlast.content.core import AnsibleCore
from outlast.content.runtime import Runtime, read_runtime
from outlast.errors import OutlastError
from outlast.outcome import Notice, Warned

CORE: Final = "ansible.builtin"
_FULL_NAME: Final = re.compile(r"\w+(?:\.\w+){2,}")
_ENDINGS: Final = (".yml", ".yaml")
_PARTS: Final = 2
"""Of a collection's name."""


class CollectionUnfit(OutlastError):
    """A collection is not made for this ansible-core, and that is an error by the settings."""


class Collections(Struct):
    """Every collection that can be named; one is looked for, and judged, once."""

    core: AnsibleCore
    cache: Cache
    folders: Sequence[Path] = ()
    """Those that hold `ansible_collections/`, the first wins."""
    mismatch: str = "warning"
    """What it is when a collection does not fit: `warning`, `error`, or to `ignore`."""
    notice: Callable[[Notice], None] = lambda _notice: None
    _homes: dict[str, Path | None] = field(default_factory=dict)
    _said: dict[str, Runtime] = field(default_factory=dict)
    _unfit: set[str] = field(default_factory=set)

    def begin_with(self, folders: Sequence[Path]) -> None:
        """Look into *folders* before all others."""
        self.folders = tuple(dict.fromkeys((*folders, *self.folders)))
        self._homes = {}

    def has_namespace(self, namespace: str) -> bool:
        """Tell whether there is any collection of *namespace*."""
        return any((folder / "ansible_collections" / namespace).is_dir() for folder in self.folders)

    def home_of(self, namespace: str, name: str) -> Path | None:
        """Give the folder of a collection; None: there is none, or none that may be used."""
        try:
            return self.home(f"{namespace}.{name}")
        except CollectionUnfit:
            return None

    def home(self, collection: str) -> Path | None:
        """Give the folder of *collection*; None: there is none. Raises `CollectionUnfit`."""
        if collection not in self._homes:
            home = self._homes[collection] = self._find(collection)
            if home is not None:
                self._judge(collection)
        if collection in self._unfit:
            raise CollectionUnfit(self._misfit(collection))
        return self._homes[collection]

    def said(self, collection: str) -> Runtime:
        """Give what *collection* says of itself."""
        if collection not in self._said:
            home = None if collection == CORE else self._find(collection)
            path = home / "meta" / "runtime.yml" if home else self.core.routing
            there = home is not None or collection == CORE
            self._said[collection] = (
                read_runtime(path, self.core, self.cache) if there else Runtime()
            )
        return self._said[collection]

    def playbook(self, name: str) -> tuple[Path, str] | None:
        """Give the playbook that *name* stands for, and the collection it is in.

        None for what is no full name, or names none that is there.
        """
        ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
        if not _FULL_NAME.fullmatch(name.removesuffix(ending)):
            return None
        namespace, collection, *inside = name.removesuffix(ending).split(".")
        home = self.home_of(namespace, collection)
        if home is None:
            return None
        for end in (ending,) if ending else ("", *_ENDINGS):
            path = home.joinpath("playbooks", *inside[:-1], f"{inside[-1]}{end}")
            if path.exists():
                return path, f"{namespace}.{collection}"
        return None

    def has_lookup(self, name: str) -> bool:
        """Tell whether *name* is the full name of a lookup, or of one that has moved."""
        if not _FULL_NAME.fullmatch(name):
            return False
        namespace, collection, *inside = name.split(".")
        home = self.home_of(namespace, collection)
        if home is None:
            return False
        moved = self.said(f"{namespace}.{collection}").routing.get("lookup", {})
        path = home.joinpath("plugins", "lookup", *inside).with_suffix(".py")
        return path.is_file() or ".".join(inside) in moved

    def holding(self, path: Path) -> str | None:
        """Give the collection that the file at *path* is in, as far as it is one that counts."""
        parts = Path(os.path.abspath(path)).parts  # noqa: PTH100  # `..` goes, links stay
        if parts.count("ansible_collections") != 1:
            return None
        at = parts.index("ansible_collections") + 1
        names = parts[at : at + _PARTS]
        home = self.home_of(*names) if len(names) == _PARTS else None
        if home is None or Path(*parts[: at + _PARTS]) != Path(os.path.abspath(home)):  # noqa: PTH100
            return None
        return ".".join(names)

    def _find(self, collection: str) -> Path | None:
        for folder in self.folders:
            home = folder.joinpath("ansible_collections", *collection.split("."))
            if home.is_dir():
                return home
        return None

    def _judge(self, collection: str) -> None:
        """Say what is wrong with a collection that is used for the first time."""
        said = self.said(collection)
        if said.complaint:
            self.notice(
                Warned(
                    "Error parsing collection metadata requires_ansible value from collection"
                    f" {collection}: {said.complaint}"
                )
            )
        if said.fits or self.mismatch == "ignore":
            return
        if self.mismatch == "error":
            self._unfit.add(collection)
        else:
            self.notice(Warned(self._misfit(collection)))

    def _misfit(self, collection: str) -> str:
        return f"Collection {collection} does not support Ansible version {self.core.version}"
