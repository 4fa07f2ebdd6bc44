"""Files of tasks that a play includes while it runs: found and parsed off the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from outlast.engine.ports import IncludedFile
from outlast.errors import SourceMissing
from outlast.playbook.model import Keywords
from outlast.playbook.parser import PlaybookParser


class IncludesFromDisk(Struct, frozen=True):
    """Implements `engine.ports.Includes`."""

    parser: PlaybookParser

    async def tasks(
        self, path: str, folders: Sequence[str], inherited: Keywords, *, handlers: bool
    ) -> IncludedFile:
        """Find and parse *path*; raises `PlaybookError` or `SourceMissing`."""
        return await asyncio.to_thread(self._read, path, folders, inherited, handlers=handlers)

    def _read(
        self, path: str, folders: Sequence[str], inherited: Keywords, *, handlers: bool
    ) -> IncludedFile:
        found = _find(path, folders)
        steps = self.parser.parse_tasks(found, inherited, handlers=handlers, folders=folders)
        return IncludedFile(str(found), steps)


def _find(path: str, folders: Sequence[str]) -> Path:
    for folder in folders:
        for candidate in (Path(folder, "tasks", path), Path(folder, path)):
            if candidate.is_file():
                return candidate.resolve()
    beside = Path(folders[0], path)
    missing = f"Could not find or access '{beside}' on the Ansible Controller"
    raise SourceMissing(
        f"{missing}: Unable to retrieve file contents.\n{missing}.\n"
        "If you are using a module and expect the file to exist on the remote, see the "
        f"remote_src option: [Errno 2] No such file or directory: '{beside}'"
    )
