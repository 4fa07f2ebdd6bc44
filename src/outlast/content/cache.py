"""What was found out once and holds until a file changes, kept in the user's cache folder.

Knows how to keep JSON so that a reader never sees half of it. A cache that cannot be
written or read is no error: everything in it can be found out again.
"""

from __future__ import annotations

import contextlib
import json
import os
from hashlib import sha256
from pathlib import Path

from msgspec import Struct


class Cache(Struct, frozen=True):
    """A folder of JSON files by key; None keeps nothing."""

    folder: Path | None

    @classmethod
    def of_user(cls) -> Cache:
        """Give the cache in the user's own folder."""
        from platformdirs import user_cache_path  # noqa: PLC0415  # not needed to list or check

        return cls(user_cache_path("outlast"))

    def load(self, key: str) -> object:
        """Give what was stored under *key*, or None."""
        if self.folder is None:
            return None
        try:
            return json.loads(self._path(self.folder, key).read_bytes())
        except (OSError, ValueError):
            return None

    def store(self, key: str, value: object) -> None:
        """Keep *value* under *key*: written aside, then renamed."""
        if self.folder is None:
            return
        path = self._path(self.folder, key)
        aside = path.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside.write_text(json.dumps(value, separators=(",", ":")))
            aside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / f"{sha256(key.encode()).hexdigest()[:32]}.json"
