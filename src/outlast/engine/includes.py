"""Dynamic includes: which hosts ask for which file, and what the file inherits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from outlast.engine.identities import marks
from outlast.engine.ports import IncludedFile, Wiring
from outlast.engine.results import HostResult, Include
from outlast.engine.standing import Standing
from outlast.events import FilesIncluded
from outlast.playbook.model import Keywords, Role, Step, Task
from outlast.playbook.tagging import has_late_tags, tagged
from outlast.values import Scope, Value


class Inclusion(Struct, frozen=True):
    """One file for the hosts that asked for it in the same words."""

    include: Include
    hosts: tuple[str, ...]
    mark: str
    """What tells it from all else that the task includes."""


class Inclusions(Struct, frozen=True, kw_only=True):
    """Turns the results of include tasks into steps."""

    wiring: Wiring
    standing: Standing
    scope: Callable[[Role | None, Mapping[str, object]], Scope]
    """Gives what is known of no host, with the variables of a task of a role."""

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
        named = marks(include for include, _ in groups)
        return [
            Inclusion(include, tuple(hosts), mark)
            for (include, hosts), mark in zip(groups, named, strict=True)
        ]

    async def open(self, task: Task, inclusion: Inclusion, *, handlers: bool) -> IncludedFile:
        """Find and parse it, tell and count; raises `PlaybookError` or `SourceMissing`."""
        include = inclusion.include
        file = await self._read(task, include, handlers=handlers)
        if not handlers:
            file = replace(file, steps=self._tagged(file.steps, task, include))
        if file.roles:
            self.wiring.variables.add_roles(file.roles)
        for host in inclusion.hosts:
            self.standing.tally(host).ok += 1
        label = include.label if include.looped else None
        if include.no_log:
            label = "(censored due to no_log)"
        self.wiring.events.emit(FilesIncluded(file.path, inclusion.hosts, label))
        return file

    def _tagged(self, steps: tuple[Step, ...], task: Task, include: Include) -> tuple[Step, ...]:
        """Give *steps* with their tags evaluated: in what *task* sees of no host in particular."""
        if not has_late_tags(steps):
            return steps
        scope = self.scope(task.role, {**task.keywords.vars, **include.variables})
        return tagged(steps, lambda tag: self.wiring.evaluate.render(tag, scope))

    async def _read(self, task: Task, include: Include, *, handlers: bool) -> IncludedFile:
        around = task.keywords.vars
        inherited = task.inherited or Keywords(vars=around, params=around)
        names: dict[str, Value] = {  # of the loop
            name: value  # type: ignore[misc]  # items are plain data
            for name, value in include.variables.items()
            if name not in around or around[name] is not value
        }
        words = replace(
            inherited,
            vars={**inherited.vars, **names},
            params={**inherited.params, **names},
        )
        home = self.wiring.search_path[-1]
        if include.role is not None:
            return await self.wiring.includes.role(include.role, task, words.params, home, words)
        folders = (*_of_role(task, handlers=handlers), str(Path(task.origin.path).parent), home)
        return await self.wiring.includes.tasks(
            include.path, folders, words, handlers=handlers, role=task.role
        )


def _of_role(task: Task, *, handlers: bool) -> tuple[str, ...]:
    if task.role is None:
        return ()
    return (f"{task.role.path}/{'handlers' if handlers else 'tasks'}", task.role.path)
