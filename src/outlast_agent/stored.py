"""Files that were sent, each in a private folder of its own, until they are discarded.

Knows where they lie. Leaves what they are for to others.
"""

from __future__ import annotations

import os

from outlast_agent.folder import PrivateFolder, remove_tree
from outlast_agent.request import Refused


class StoredFiles:
    """Paths by the key their sender chose."""

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder
        self._paths: dict[str, str] = {}

    def create(self, key: str, name: str) -> tuple[int, str]:
        """Make an empty file that nobody else can read; gives a descriptor and the path."""
        if not name or "/" in name or name in (".", ".."):
            raise Refused("%r is no name for a file" % name)
        path = os.path.join(self._folder.make(), name)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._paths[key] = path
        return fd, path

    def path(self, key: str) -> str:
        """Give where the file lies; raises `Refused`."""
        if key not in self._paths:
            raise Refused("no file was stored as %r" % key)
        return self._paths[key]

    def discard(self, key: str) -> None:
        """Remove the file and its folder; harmless when it is gone already."""
        path = self._paths.pop(key, None)
        if path is not None:
            remove_tree(os.path.dirname(path))
