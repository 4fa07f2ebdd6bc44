"""The modules an agent has received, ready to be run in a child.

Knows which sources are here and what is imported already, so that a run costs a fork and
little else. Leaves the run itself to `finder`, and its output to `runs`.
"""

from __future__ import annotations

import gc
import sys
import zlib
from collections.abc import Mapping
from types import CodeType

from outlast_agent import finder
from outlast_agent.folder import PrivateFolder
from outlast_agent.request import Refused

_PRELOADED = "ansible.module_utils."
_AGAIN = 2
"""The use of a module from which on it counts as one that is used often."""


class Parcel:
    """A module and the files it needs; its sources are all here."""

    def __init__(self, body: dict[str, object], sources: Mapping[str, bytes]) -> None:
        self.name = str(body["name"])
        self.main = str(body["main"])
        files = body["files"]
        if not isinstance(files, dict):
            raise Refused("a parcel's files are a mapping")
        self.files: dict[str, tuple[bool, str]] = {
            name: (bool(entry[0]), str(entry[1])) for name, entry in files.items()
        }
        self.on_disk = bool(body["on_disk"])
        program = body.get("program")
        self.program = program if isinstance(program, dict) else None
        """How it wants to be run, if it is not Python to be imported."""
        self.sources = {digest: sources[digest] for _, digest in self.files.values()}
        self.library = finder.NOWHERE
        self.uses = 0

    def text(self) -> bytes:
        """Give the module itself, as its file has it."""
        return zlib.decompress(self.sources[self.files[self.main][1]])


class Modules:
    """Received parcels by id, and what of them is imported in this process."""

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder
        self._sources: dict[str, bytes] = {}
        self._parcels: dict[str, Parcel] = {}
        self._imported: dict[str, str] = {}
        self._codes: dict[str, CodeType] = {}

    def receive(self, body: dict[str, object], sources: Mapping[str, bytes]) -> None:
        """Keep a parcel and the sources that came with it."""
        self._sources.update(sources)
        self._parcels[str(body["id"])] = Parcel(body, self._sources)

    def parcel(self, id: str) -> Parcel:  # noqa: A002  # it is called so on the wire
        """Give a received parcel; raises `Refused`."""
        if id not in self._parcels:
            raise Refused("the agent has no parcel %r" % id)
        return self._parcels[id]

    def prepare(self, parcel: Parcel) -> None:
        """Import here what a child would otherwise import each time.

        The foundation at once; the rest of what a module imports when it is run again: what is
        used once is not worth the memory.
        """
        parcel.uses += 1
        if parcel.on_disk and parcel.library == finder.NOWHERE:
            library = self._folder.make()
            finder.materialise(parcel.files, parcel.sources, library)
            parcel.library = library
        if parcel.uses > _AGAIN or self._conflicts(parcel):
            return
        names = finder.foundation(parcel.files)
        if parcel.uses == _AGAIN:
            names += sorted(name for name in parcel.files if name.startswith(_PRELOADED))
        missing = [name for name in names if name not in sys.modules]
        if missing:
            finder.load(self._finder(parcel), missing)
            self._imported = {
                name: self._imported.get(name) or parcel.files[name][1]
                for name in sys.modules
                if name in self._imported or name in parcel.files
            }
            gc.collect()
            gc.freeze()  # a child that collects garbage must not copy our pages

    def run(
        self, parcel: Parcel, args: Mapping[str, object], interpreter: list[str], folder: str
    ) -> int:
        """Run *parcel* in this process, which is a child made for it; gives the exit code.

        A program is started by *interpreter*, its files in the empty *folder*.
        """
        if parcel.program is not None:
            from outlast_agent import foreign

            return foreign.become(parcel.program, parcel.text(), interpreter, args, folder)
        if self._conflicts(parcel):
            finder.forget(self._imported)
        return finder.run_module(self._finder(parcel), parcel.main, args)

    def _conflicts(self, parcel: Parcel) -> bool:
        """Tell whether *parcel* brings another text for something imported already."""
        return any(
            name in parcel.files and parcel.files[name][1] != digest
            for name, digest in self._imported.items()
        )

    def _finder(self, parcel: Parcel) -> finder.ModuleFinder:
        return finder.ModuleFinder(parcel.files, parcel.sources, parcel.library, self._codes)
