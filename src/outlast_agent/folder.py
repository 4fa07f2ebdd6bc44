"""The one folder in which an agent keeps what must be a file.

Knows where it is and that nobody else may look into it. Leaves what is in it to others.
"""

from __future__ import annotations

import os

from outlast_agent.request import Refused


class PrivateFolder:
    """A folder below the user's temporary one, made when it is first needed."""

    def __init__(self, parent: str) -> None:
        self._parent = parent
        self._path: str | None = None
        self._owner = os.getpid()

    def make(self) -> str:
        """Give a new empty folder in it; raises `Refused`."""
        return _new(self._whole())

    def _whole(self) -> str:
        if self._path is None:
            # A user without a home of his own may still have the place that is everybody's.
            fallback = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108  # the name in it is random
            for parent in (os.path.expanduser(os.path.expandvars(self._parent)), fallback):
                try:
                    os.makedirs(parent, 0o700, exist_ok=True)
                    self._path = _new(parent, "outlast-")
                except OSError as error:
                    reason = "%s: %s" % (parent, error.strerror)
                else:
                    return self._path
            raise Refused("Failed to create temporary directory. %s" % reason)
        return self._path

    def remove(self) -> None:
        """Remove it with all that is in it; a forked child does nothing here."""
        if self._path is not None and os.getpid() == self._owner:
            remove_tree(self._path)
            self._path = None


def _new(parent: str, prefix: str = "") -> str:
    path = os.path.join(parent, prefix + os.urandom(8).hex())
    os.mkdir(path, 0o700)
    return path


def remove_tree(path: str) -> None:
    """Remove a folder and all below it as far as it goes; never follows a link."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)
