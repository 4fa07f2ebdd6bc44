"""Files of tasks that a play includes while it runs: found and parsed off the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from outlast.engine.ports import IncludedFile
from outlast.errors import SourceMissing, VaultError
from outlast.playbook.model import Keywords, Role, Step, Task
from outlast.playbook.parser import PlaybookParser
from outlast.playbook.reading import Text
from outlast.playbook.role_entries import Use
from outlast.playbook.role_options import RoleWanted
from outlast.playbook.roles import Gathered
from outlast.values import Value


class IncludesFromDisk(Struct, frozen=True):
    """Implements `engine.ports.Includes`."""

    parser: PlaybookParser

    async def tasks(
        self,
        path: str,
        folders: Sequence[str],
        inherited: Keywords,
        *,
        handlers: bool,
        role: Role | None,
    ) -> IncludedFile:
        """Find and parse *path*; raises `PlaybookError` or `SourceMissing`."""

        def read() -> IncludedFile:
            found = _find(path, folders, in_role=role is not None)
            gathered = Gathered()
            steps = self.parser.parse_tasks(
                found, inherited, handlers=handlers, folders=folders, role=role, gathered=gathered
            )
            return _included(str(found), steps, gathered)

        return await asyncio.to_thread(_told, read)

    async def role(
        self,
        wanted: RoleWanted,
        task: Task,
        variables: Mapping[str, Value],
        folder: str,
        inherited: Keywords,
    ) -> IncludedFile:
        """Find and parse a role; raises `PlaybookError` or `SourceMissing`."""
        use = Use(
            wanted=wanted,
            origin=task.places.get("role", task.origin),
            text=Text({}, task.origin),
            vars=variables,
            imported=True,
            dynamic=True,
        )

        def read() -> IncludedFile:
            gathered = Gathered()
            steps = self.parser.parse_role(
                use, inherited, task.role, home=folder, gathered=gathered
            )
            return _included(wanted.name, steps, gathered)

        return await asyncio.to_thread(_told, read)


def _told(read: Callable[[], IncludedFile]) -> IncludedFile:
    try:
        return read()
    except VaultError as error:  # as stock: what is wrong, then where
        raise VaultError(error.message, causes=error.chain) from error


def _included(path: str, steps: tuple[Step, ...], gathered: Gathered) -> IncludedFile:
    return IncludedFile(path, steps, tuple(gathered.roles), tuple(gathered.handlers))


def _find(path: str, folders: Sequence[str], *, in_role: bool) -> Path:
    for folder in folders:
        for candidate in (Path(folder, "tasks", path), Path(folder, path)):
            if candidate.is_file():
                return candidate.resolve()
    beside = Path(folders[-1 if in_role else 0], path)
    missing = f"Could not find or access '{beside}' on the Ansible Controller"
    raise SourceMissing(
        f"{missing}: Unable to retrieve file contents.\n{missing}.\n"
        "If you are using a module and expect the file to exist on the remote, see the "
        f"remote_src option: [Errno 2] No such file or directory: '{beside}'"
    )
