"""Dynamic includes: which hosts ask for which file, and what the file inherits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from outlast.engine.ports import Wiring
from outlast.engine.results import HostResult, Include
from outlast.engine.standing import Standing
from outlast.events import FilesIncluded
from outlast.playbook.model import Keywords, Step, Task
from outlast.values import Value


class Inclusion(Struct, frozen=True):
    """One file for the hosts that asked for it in the same words."""

    include: Include
    hosts: tuple[str, ...]


class Inclusions(Struct, frozen=True, kw_only=True):
    """Turns the results of include tasks into steps."""

    wiring: Wiring
    standing: Standing

    @staticmethod
    def of(results: Mapping[str, HostResult]) -> list[Inclusion]:
        """Give what *results* ask for, grouped, in the order it was asked for."""
        groups: list[tuple[Include, list[str]]] = []
        for host, result in results.items():
            for include in (item.include for item in result.items if item.include is not None):
                for known, hosts in groups:
                    if known == include and host not in hosts:
                        hosts.append(host)
                        break
                else:
                    groups.append((include, [host]))
        return [Inclusion(include, tuple(hosts)) for include, hosts in groups]

    async def open(self, task: Task, inclusion: Inclusion, *, handlers: bool) -> tuple[Step, ...]:
        """Find and parse the file, tell and count; raises `PlaybookError` or `SourceMissing`."""
        include = inclusion.include
        inherited = task.inherited or Keywords()
        variables: dict[str, Value] = {**inherited.vars, **include.variables}  # type: ignore[dict-item]  # loop items are plain data
        folders = (str(Path(task.origin.path).parent), *self.wiring.search_path)
        file = await self.wiring.includes.tasks(
            include.path, folders, replace(inherited, vars=variables), handlers=handlers
        )
        for host in inclusion.hosts:
            self.standing.tally(host).ok += 1
        label = include.label if include.looped else None
        self.wiring.events.emit(FilesIncluded(file.path, inclusion.hosts, label))
        return file.steps
