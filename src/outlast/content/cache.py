"""What was found out once and holds until a file changes, kept in the user's cache folder.

Knows how to keep JSON so that a reader never sees half of it. A cache that cannot be
written or read is no error: everything in it can be found out again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct


class Cache(Struct, frozen=True):
    """A folder of JSON files by key; no folder keeps nothing."""

    where: Callable[[], Path | None]
    """Asked when something is to be read or kept, and not before."""

    @classmethod
    def of_user(cls) -> Cache:
        """Give the cache in the user's own folder."""
        return cls(_of_user)

    @classmethod
    def at(cls, folder: Path | None) -> Cache:
        """Give the cache in *folder*."""
        return cls(lambda: folder)

    def load(self, key: str) -> object:
        """Give what was stored under *key*, or None."""
        folder = self.where()
        if folder is None:
            return None
        try:
            return json.loads(self._path(folder, key).read_bytes())
        except (OSError, ValueError):
            return None

    def store(self, key: str, value: object) -> None:
        """Keep *value* under *key*: written aside, then renamed."""
        folder = self.where()
        if folder is None:
            return
        path = self._path(folder, key)
        aside = path.with_suffix(f".{os.getpid()}")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside.write_text(json.dumps(value, separators=(",", ":")))
            aside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        from hashlib import sha256  # noqa: PLC0415  # it loads OpenSSL

        return folder / f"{sha256(key.encode()).hexdigest()[:32]}.json"


def _of_user() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415  # only when it is asked for

    return user_cache_path("outlast")
