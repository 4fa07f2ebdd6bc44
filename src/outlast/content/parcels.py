"""Modules packed for the journey: the files of a closure by content, sent once per host.

Knows digests, compression, and what may be remembered from earlier runs. Leaves finding the
files to `closure`, what kind of module it is to `kinds`, and sending them to `transport`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from outlast.content.cache import Cache
from outlast.content.catalogue import ModuleFile
from outlast.content.closure import ClosureFinder, Piece
from outlast.content.kinds import program, python_source
from outlast.errors import SourceMissing
from outlast.work import Parcel

RESPAWN: Final = "ansible.module_utils.common.respawn"
_LEVEL: Final = 3  # half the time of 6 for a tenth more bytes


class _Packed(Struct, frozen=True):
    """One file of a parcel: what it is, and the stat that tells whether it is still that."""

    package: bool
    digest: str
    path: str = ""
    stamp: tuple[int, int] = (0, 0)


class Parcels(Struct):
    """Packs modules; one module is packed once per run, its closure found once per version."""

    finder: ClosureFinder
    cache: Cache
    _parcels: dict[str, Parcel] = field(default_factory=dict)
    _places: dict[str, str | bytes] = field(default_factory=dict)
    """Digest to the file's path, or to the text itself where it was made."""
    _sources: dict[str, bytes] = field(default_factory=dict)

    def bring(self, module_utils: Path) -> None:
        """Know one more folder of what modules import; what was packed without it is not kept."""
        finder = self.finder
        if module_utils.is_dir() and module_utils not in finder.module_utils:
            finder.brought = (*finder.brought, module_utils)
            self._parcels = {}

    def ready(self, fqcn: str) -> Parcel | None:
        """Give a parcel that has been packed already; asks no disk."""
        return self._parcels.get(fqcn)

    def prepare(self, fqcn: str) -> Parcel:
        """Give a parcel whose sources are all in memory; see `parcel` for what it raises.

        This reads files and takes its time: not for an event loop.
        """
        parcel = self.parcel(fqcn)
        for _, digest in parcel.files.values():
            parcel.source(digest)
        return parcel

    def parcel(self, fqcn: str) -> Parcel:
        """Give the parcel of a module by full name.

        Raises `SourceMissing` when there is no such module, `NotSupportedYet` for one of
        PowerShell, `PlaybookError` for one that cannot be compiled or imports what is not there.
        """
        if fqcn not in self._parcels:
            module = self.finder.catalogue.find(fqcn)
            if module is None:
                raise SourceMissing(f"The module {fqcn} was not found in configured module paths.")
            self._parcels[fqcn] = self._pack(module)
        return self._parcels[fqcn]

    def _pack(self, module: ModuleFile) -> Parcel:
        data = module.path.read_bytes()
        source = python_source(data)
        if source is None:
            return self._program(module, data)
        key = f"closure-{self._fingerprint(module)}"
        files = self._remembered(key) or self._found(module, key, source, as_it_is=source == data)
        return Parcel(
            name=module.fqcn,
            main=module.dotted,
            files={name: (packed.package, packed.digest) for name, packed in files.items()},
            source=self._source,
            on_disk=RESPAWN in files,
        )

    def _program(self, module: ModuleFile, data: bytes) -> Parcel:
        packed = self._keep(Piece(package=False, path=module.path))
        return Parcel(
            name=module.fqcn,
            main=module.dotted,
            files={module.dotted: (False, packed.digest)},
            source=self._source,
            program=program(module.path, data),
        )

    def _fingerprint(self, module: ModuleFile) -> str:
        core = self.finder.catalogue.core
        own = [f"{folder}:{_tree_stamp(folder)}" for folder in self.finder.module_utils]
        size, changed = _stamp(module.path)
        parts = [str(core.root), core.version, str(module.path), size, changed, module.dotted, *own]
        return "|".join(map(str, parts))

    def _found(
        self, module: ModuleFile, key: str, source: bytes, *, as_it_is: bool
    ) -> dict[str, _Packed]:
        pieces = self.finder.closure(module, source)
        files = {name: self._keep(piece) for name, piece in pieces.items()}
        for package in _packages_of(module.dotted):
            files.setdefault(package, self._keep(Piece(package=True)))
        main = Piece(package=False, path=module.path if as_it_is else None, text=source)
        files[module.dotted] = self._keep(main)
        self.cache.store(key, {name: self._record(packed) for name, packed in files.items()})
        return files

    def _record(self, packed: _Packed) -> list[object]:
        place = self._places[packed.digest]
        text = place.decode() if isinstance(place, bytes) else None
        return [packed.package, packed.digest, packed.path, *packed.stamp, text]

    def _keep(self, piece: Piece) -> _Packed:
        """Note where *piece* is to be read when a host asks for it."""
        data = piece.read()
        digest = _digest(data)
        if piece.path is None:
            self._places[digest] = data
            return _Packed(piece.package, digest)
        self._places.setdefault(digest, str(piece.path))
        return _Packed(piece.package, digest, str(piece.path), _stamp(piece.path))

    def _remembered(self, key: str) -> dict[str, _Packed] | None:
        """Give an earlier run's closure if every file in it is still the same."""
        kept = self.cache.load(key)
        if not isinstance(kept, dict):
            return None
        files: dict[str, _Packed] = {}
        try:
            for name, (package, digest, path, size, changed, text) in kept.items():
                if path and _stamp(Path(path)) != (size, changed):
                    return None
                self._places[digest] = path if text is None else text.encode()
                files[name] = _Packed(bool(package), digest, path, (size, changed))
        except (TypeError, ValueError, OSError):
            return None
        return files

    def _source(self, digest: str) -> bytes:
        if digest not in self._sources:
            place = self._places[digest]
            data = place if isinstance(place, bytes) else Path(place).read_bytes()
            if _digest(data) != digest:
                raise SourceMissing(
                    f"{place!r} changed while the playbook was running",
                    help_text="Run the playbook again.",
                )
            self._sources[digest] = zlib.compress(data, _LEVEL)
        return self._sources[digest]


def _digest(data: bytes) -> str:
    from hashlib import sha256  # noqa: PLC0415  # it loads OpenSSL, and most runs find all cached

    return sha256(data).hexdigest()


def _packages_of(dotted: str) -> list[str]:
    """Give the packages above a module; the core's own stubs are in every closure."""
    parts = dotted.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _tree_stamp(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Give what changes when something is added to or changed in the user's own module_utils."""
    if not folder.is_dir():
        return {}
    return {str(path.relative_to(folder)): _stamp(path) for path in sorted(folder.rglob("*.py"))}
