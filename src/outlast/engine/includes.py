"""Dynamic includes: which hosts ask for which file, and what the file inherits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from outlast.engine.ports import Wiring
from outlast.engine.results import HostResult, Include
from outlast.engine.standing import Standing
from outlast.events import FilesIncluded
from outlast.playbook.model import Keywords, Step, Task
from outlast.values import Value


@dataclass(frozen=True, slots=True)
class Inclusion:
    """One file for the hosts that asked for it in the same words."""

    include: Include
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusions:
    """Turns the results of include tasks into steps."""

    wiring: Wiring
    standing: Standing

    def of(self, task: Task, results: Mapping[str, HostResult]) -> Iterator[Inclusion]:
        """Yield what *results* ask for, grouped, in the order it was asked for."""
        groups: list[tuple[Include, list[str]]] = []
        for host, result in results.items():
            for item in result.items:
                if item.include is None:
                    continue
                include = replace(item.include, path=self._path(task, item.include.path))
                for known, hosts in groups:
                    if known == include and host not in hosts:
                        hosts.append(host)
                        break
                else:
                    groups.append((include, [host]))
        yield from (Inclusion(include, tuple(hosts)) for include, hosts in groups)

    def _path(self, task: Task, path: str) -> str:
        """Find *path* beside the file that includes it, then beside the playbook."""
        folders = (str(Path(task.origin.path).parent), *self.wiring.search_path)
        for folder in folders:
            for candidate in (Path(folder, path), Path(folder, "tasks", path)):
                if candidate.is_file():
                    return str(candidate.resolve())
        return str(Path(folders[0], path).resolve())

    def open(self, task: Task, inclusion: Inclusion, *, handlers: bool) -> tuple[Step, ...]:
        """Parse the file, tell and count; raises `PlaybookError` or `SourceMissing`."""
        include = inclusion.include
        inherited = task.inherited or Keywords()
        variables: dict[str, Value] = {**inherited.vars, **include.variables}  # type: ignore[dict-item]  # loop items are plain data
        steps = self.wiring.includes.tasks(
            include.path, replace(inherited, vars=variables), handlers=handlers
        )
        for host in inclusion.hosts:
            self.standing.tally(host).ok += 1
        self._tell(include, inclusion.hosts)
        return steps

    def _tell(self, include: Include, hosts: Sequence[str]) -> None:
        label = include.label if include.looped else None
        self.wiring.events.emit(FilesIncluded(include.path, tuple(hosts), label))
