"""The files a module needs on the host: everything it imports, directly or not.

Knows ansible's rules for finding module_utils: a playbook's own folders win over the core,
names that moved are bridged by a shim, optional imports may be missing. The outcome is the
file set stock would zip. Leaves digests, bytes and what is remembered to `parcels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from outlast.content.catalogue import Catalogue, ModuleFile
from outlast.content.collections import CORE as CORE_COLLECTION
from outlast.content.imports import Wanted, imported
from outlast.errors import PlaybookError

CORE = ("ansible", "module_utils")
ALWAYS = (
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._json._profiles._module_legacy_c2m",
    "ansible.module_utils._internal._json._profiles._module_legacy_m2c",
)
"""What runs a module, and the wire profile, which it imports by name: no scan sees that."""


class Piece(Struct, frozen=True):
    """One file of a closure: where it stands, or the text that was made for it."""

    package: bool
    path: Path | None = None
    text: bytes = b""

    def read(self) -> bytes:
        """Give the source."""
        return self.path.read_bytes() if self.path else self.text


class _Entry(Struct, frozen=True):
    """A name still to be found."""

    parts: tuple[str, ...]
    optional: bool = False
    exact: bool = False
    """A package that must be there under this very name."""
    may_be_empty: bool = False
    """Below it stands a name that moved: an empty package does."""


class ClosureFinder(Struct):
    """Finds closures; what a file imports is scanned once."""

    catalogue: Catalogue
    brought: Sequence[Path] = ()
    """The module_utils folders of playbooks and roles, in the order in which they came."""
    own: Sequence[Path] = ()
    """The user's own: they come after those, and before the core's."""
    _scanned: dict[tuple[str, Path], list[Wanted]] = field(default_factory=dict)

    def closure(self, module: ModuleFile, source: bytes) -> dict[str, Piece]:
        """Give every file *module* needs by dotted name, itself not included."""
        found = self._stubs()
        waiting = [_Entry(tuple(name.split("."))) for name in ALWAYS]
        waiting += _entries(imported(source, module.dotted, str(module.path)))
        while waiting:
            entry = waiting.pop()
            if ".".join(entry.parts) in found:
                continue
            located = self._locate(entry)
            if located is None:
                if entry.optional:
                    continue
                raise _not_found(module, entry)
            name, piece = located
            if name not in found:
                found[name] = piece
                waiting += _entries(self._imports_of(name, piece))
                waiting += _parents(name, entry, piece)
        return found

    @property
    def module_utils(self) -> tuple[Path, ...]:
        """The folders that win over the core's module_utils."""
        return (*self.brought, *self.own)

    def _stubs(self) -> dict[str, Piece]:
        core = self.catalogue.core
        spread = b"from pkgutil import extend_path\n__path__=extend_path(__path__,__name__)\n"
        about = f'__version__="{core.version}"\n__author__="{core.author}"\n'.encode()
        return {
            "ansible": Piece(package=True, text=spread + about),
            "ansible.module_utils": Piece(package=True, text=spread),
        }

    def _imports_of(self, name: str, piece: Piece) -> list[Wanted]:
        if piece.path is None:
            return imported(piece.text, name, name, package=piece.package)
        key = (name, piece.path)
        if key not in self._scanned:
            source = piece.path.read_bytes()
            self._scanned[key] = imported(source, name, str(piece.path), package=piece.package)
        return self._scanned[key]

    def _locate(self, entry: _Entry) -> tuple[str, Piece] | None:
        candidates = [entry.parts] if entry.exact else _candidates(entry.parts)
        in_core = entry.parts[:2] == CORE
        for parts in candidates:
            piece = self._core_piece(parts) if in_core else self._collection_piece(parts)
            if piece is not None:
                return ".".join(parts), piece
        for parts in candidates if in_core else ():
            # Asked last, unlike stock: what has a file never moved, and the list is long.
            piece = self._moved(CORE_COLLECTION, parts, 2)
            if piece is not None:
                return ".".join(parts), piece
        return (".".join(entry.parts), Piece(package=True)) if entry.may_be_empty else None

    def _core_piece(self, parts: tuple[str, ...]) -> Piece | None:
        for folder in (*self.module_utils, self.catalogue.core.module_utils):
            piece = _file_at(folder.joinpath(*parts[2:]))
            if piece is not None:
                return piece
        return None

    def _collection_piece(self, parts: tuple[str, ...]) -> Piece | None:
        inside = 5  # ansible_collections.namespace.name.plugins.module_utils.<inside>
        if len(parts) <= inside:
            # Stock never ships the packages above module_utils: they only have to exist.
            return Piece(package=True)
        home = self.catalogue.collections.home_of(parts[1], parts[2])
        if home is None:
            return None
        moved = self._moved(f"{parts[1]}.{parts[2]}", parts, inside)
        return moved or _file_at(home.joinpath(*parts[3:]))

    def _moved(self, collection: str, parts: tuple[str, ...], depth: int) -> Piece | None:
        """Give the shim for a name that has moved to another collection."""
        inside = ".".join(parts[depth:])
        target = self.catalogue.routing.entry(collection, "module_utils", inside).redirect
        if not target:
            return None
        if not target.startswith("ansible_collections"):
            namespace, name, *rest = target.split(".")
            moved = ".".join(rest)
            target = f"ansible_collections.{namespace}.{name}.plugins.module_utils.{moved}"
        here = ".".join(parts)
        shim = f"\nimport sys\nimport {target} as mod\n\nsys.modules['{here}'] = mod\n"
        return Piece(package=True, text=shim.encode())


def _candidates(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Give the modules an imported name may mean: itself, or a name in its parent."""
    if parts[:2] == CORE:
        if parts[2:3] == ("six",):
            return [(*CORE, "six")]  # six makes its submodules when it runs
        depth = 2
    else:
        depth = 5
    return [parts, parts[:-1]] if len(parts) > depth + 1 else [parts]


def _parents(name: str, entry: _Entry, piece: Piece) -> list[_Entry]:
    """Give the packages *name* stands in; above a name that moved they need not exist."""
    parts = tuple(name.split("."))
    shim = piece.path is None and bool(piece.text)
    return [
        _Entry(parts[:end], entry.optional, exact=True, may_be_empty=shim or entry.may_be_empty)
        for end in range(1, len(parts))
    ]


def _entries(wanted: Sequence[Wanted]) -> list[_Entry]:
    return [_Entry(one.parts, one.optional) for one in wanted]


def _not_found(module: ModuleFile, entry: _Entry) -> PlaybookError:
    names = [".".join(parts) for parts in _candidates(entry.parts)]
    return PlaybookError(
        f"Could not find imported module support code for {module.dotted}. Looked for ({names})"
    )


def _file_at(stem: Path) -> Piece | None:
    package = stem / "__init__.py"
    if package.is_file():
        return Piece(package=True, path=package)
    module = stem.with_name(f"{stem.name}.py")
    return Piece(package=False, path=module) if module.is_file() else None
