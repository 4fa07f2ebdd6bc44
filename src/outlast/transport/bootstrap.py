"""What is run on a host so that an agent comes to life there, in one round trip.

Knows the shell line that finds a Python, and the bundle of the agent's sources. Leaves how
the line reaches the host to `link`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct

from outlast.transport.endpoint import Endpoint
from outlast_agent import bootstrap

NO_PYTHON = "none"
_WORDS = re.compile(r'^( *)"""(?:[^"\\]|\\.|"(?!""))*"""$|^ *#.*$', re.MULTILINE)
"""What is written for people alone: texts and remarks that fill their lines."""


class Bundle(Struct, frozen=True):
    """The agent's sources, compressed: what is sent first on every connection."""

    data: bytes

    @classmethod
    def of_this_package(cls) -> Bundle:
        """Pack the sources that were installed with this program."""
        return cls(bootstrap.pack(sources()))


def sources() -> dict[str, str]:
    """Give the agent's modules as they travel, by name (`jobs.start`); packages are empty."""
    return dict(_modules(files(bootstrap.PACKAGE), ""))


def _modules(folder: Traversable, package: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.name.endswith(".py") and entry.name != "__init__.py":
            name = package + entry.name.removesuffix(".py")
            yield name, unexplained(entry.read_text(encoding="utf-8"))
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _modules(entry, f"{package}{entry.name}.")


def unexplained(source: str) -> str:
    """Give a module of the agent without what explains it; every line keeps its number."""
    return _WORDS.sub(_gap, source)


def _gap(words: re.Match[str]) -> str:
    lines = "\n" * words[0].count("\n")
    return lines if words[1] is None else f'{words[1]}""{lines}'


def shell_line(endpoint: Endpoint, bundle: Bundle, word: str) -> str:
    """Give a line for sh that starts an agent which says *word* first.

    Holds neither a line break nor `!`: whatever a user's login shell is, it passes it on.
    """
    options: dict[str, object] = {
        "remote_tmp": endpoint.remote_tmp,
        "zipped": endpoint.kind == "ssh",
    }
    program = shlex.quote(bootstrap.stub(word, bundle.data, options))
    if endpoint.discovers:
        # Not `exec`: what looks like a Python may be a version manager's stand-in that says
        # there is none (127); then the next has its turn.
        names = " ".join(map(shlex.quote, endpoint.pythons))
        line = (
            f'for p in {names}; do f=$(command -v "$p") || continue; "$f" -c {program} "$f"; '
            "r=$?; [ $r = 127 ] || [ $r = 126 ] || exit $r; done; "
            f"echo {word} {NO_PYTHON}; exit 127"
        )
    else:  # the user's own words, which may be more than one, as stock takes them
        line = f"exec {endpoint.python} -c {program} {shlex.quote(endpoint.python)}"
    return line
