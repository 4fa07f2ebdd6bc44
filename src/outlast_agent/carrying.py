"""A Python that starts from nothing but what it reads: how our own processes come to life.

Knows how some of our modules get into a new process: as code, not as text, because compiling
would leave its traces in the memory of processes that live for days; so it must be the same
Python that runs here. Nothing of it stands in a file, in argv or in the environment. Leaves
what the process then does to the modules it is given.
"""

from __future__ import annotations

import json
import marshal
import sys
import zlib

# What `ps` shows; the first read is shorter than a pipe hands over in one piece.
_COMMAND = "import os,sys;exec(os.read(0,int(sys.argv[1])))"

_READ = """\
import marshal, os, sys
def read(size):
    data = b''
    while len(data) < size:
        data += os.read(0, size - len(data)) or os._exit(1)
    return data
def define(modules):
    for name, code in marshal.loads(modules):
        module = sys.modules[name] = type(sys)(name)
        package, _, leaf = name.rpartition('.')
        if package:
            setattr(sys.modules[package], leaf, module)
        exec(code, module.__dict__)
early, late, work = marshal.loads(read(int(sys.argv[2])))
define(early)
del early
"""

_PACKAGE = "outlast_agent"


class Carrier:
    """Starts processes from the modules of one bundle; compiles each module once."""

    def __init__(self, bundle: bytes) -> None:
        self._sources: dict[str, str] = json.loads(zlib.decompress(bundle))
        self._codes: dict[str, object] = {}

    def program(
        self,
        begin: str,
        early: tuple[str, ...],
        late: tuple[str, ...] = (),
        work: object = None,
        flags: tuple[str, ...] = (),
    ) -> tuple[list[str], bytes]:
        """Give argv and input of a process that has the modules *early* and runs *begin*.

        *begin* is lines of Python that may use `late`, to be given to `define`, and
        `work`, plain data. Each module stands after what it imports.
        """
        boot = (_READ + begin).encode()
        parts = (self._packed(early), self._packed(late), work)
        rest = marshal.dumps(parts)  # type: ignore[arg-type]  # plain data by its writers' care
        sizes = [str(len(boot)), str(len(rest))]
        return [sys.executable, *flags, "-c", _COMMAND, *sizes], boot + rest

    def source(self, name: str) -> str:
        """Give the text of one module."""
        return self._sources[name]

    def _packed(self, names: tuple[str, ...]) -> bytes:
        # Packed once more by itself: as one piece it waits in a fraction of the room that its
        # objects would take.
        return marshal.dumps([(_full(name), self._code(name)) for name in _with_packages(names)])

    def _code(self, name: str) -> object:
        if name not in self._codes:
            self._codes[name] = compile(
                self._sources.get(name, ""),  # a package is empty
                "<outlast>/%s" % name,
                "exec",
                dont_inherit=True,
                optimize=2,
            )
        return self._codes[name]


def _with_packages(names: tuple[str, ...]) -> list[str]:
    """Give *names*, each package before the first of its modules."""
    found: dict[str, None] = {"": None}
    for name in names:
        found.setdefault(name.rpartition(".")[0])
        found.setdefault(name)
    return list(found)


def _full(name: str) -> str:
    return "%s.%s" % (_PACKAGE, name) if name else _PACKAGE
