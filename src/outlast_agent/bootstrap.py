"""How this package comes to life on a host that has nothing of it.

A one-line program, the stub, says a word that tells it from a login's chatter, reads exactly
as many bytes as it was told from stdin, and starts what they contain. The controller starts
an agent like that, an agent its children. Leaves how the stub is run to whoever runs it.
"""

from __future__ import annotations

import json
import sys
import zlib
from importlib.machinery import ModuleSpec

PACKAGE = "outlast_agent"

# Must be understood by every Python, so that an old one can say that it is too old. What lies
# in the current folder is nobody's module: that place goes first.
_STUB = """\
import os, sys
sys.path[:] = [place for place in sys.path if place]
word = '%(word)s '
if sys.version_info < (3, 8):
    version = '.'.join(map(str, sys.version_info[:3]))
    os.write(1, (word + 'old ' + version + chr(10)).encode())
    sys.exit(1)
os.write(1, (word + 'ok ' + chr(10)).encode())
data = b''
while len(data) < %(size)d:
    data += os.read(0, %(size)d - len(data)) or sys.exit(1)
import json, zlib
sources = json.loads(zlib.decompress(data))
names = {'__name__': 'outlast_agent.bootstrap'}
exec(sources['bootstrap'], names)
names['begin'](sources, data, '%(entry)s', %(options)r)
"""


def pack(sources: dict[str, str]) -> bytes:
    """Give the bundle of *sources*, a module's name (`jobs.start`) to its text."""
    return zlib.compress(json.dumps(sources).encode())


def stub(word: str, bundle: bytes, options: dict[str, object], entry: str = "agent:main") -> str:
    """Give a program for `python -c`, one line without `!`, that reads *bundle* and starts it.

    *entry* (module:function) is called with the bundle and *options*.
    """
    text = json.dumps(options).replace("!", "\\u0021")
    filled = {"word": word, "size": len(bundle), "entry": entry, "options": text}
    return "exec(%r)" % (_STUB % filled)


class SourceFinder:
    """Imports this package from the bundle."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = {"%s.%s" % (PACKAGE, name): text for name, text in sources.items()}
        self._packages = {PACKAGE, *(name.rpartition(".")[0] for name in self._sources)}
        self._sources.update(dict.fromkeys(self._packages, ""))

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """Tell the import system that we have *name*, if we have it."""
        if name not in self._sources:
            return None
        package = name in self._packages
        return ModuleSpec(name, self, origin="<outlast>/%s" % name, is_package=package)  # type: ignore[arg-type]  # the typing of loaders asks for more than importing does

    def create_module(self, _spec: object) -> None:
        """Have an ordinary module made."""

    def exec_module(self, module: object) -> None:
        """Run the module's text."""
        name = module.__name__  # type: ignore[attr-defined]  # it is a module
        exec(compile(self._sources[name], "<outlast>/%s" % name, "exec"), module.__dict__)  # noqa: S102  # our own source

    def get_source(self, name: str) -> str:
        """Give the text for tracebacks."""
        return self._sources[name]


def begin(sources: dict[str, str], bundle: bytes, entry: str, options: str) -> None:
    """Install the package and call its entry."""
    sys.meta_path.insert(0, SourceFinder(sources))  # type: ignore[arg-type]  # see find_spec
    from importlib import import_module

    module, function = entry.split(":")
    getattr(import_module("%s.%s" % (PACKAGE, module)), function)(bundle, json.loads(options))
