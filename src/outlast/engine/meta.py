"""The `meta` tasks: those that steer the play itself.

Each changes the standing of hosts, or asks the play for a flush; all print a banner and
no result, and count nowhere, as in stock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from outlast.engine.labels import Labels
from outlast.engine.ports import Target, Wiring
from outlast.engine.scopes import scope_of
from outlast.engine.standing import Standing
from outlast.engine.terms import TermsReader
from outlast.engine.verdict import all_hold
from outlast.errors import PlaybookError
from outlast.events import Noticed, TaskEnded, TaskStarted
from outlast.outcome import Skipped, Warned
from outlast.playbook.model import Block, Play, Step, Task


class Meta(StrEnum):
    """The sub-commands that are built."""

    NOOP = "noop"
    FLUSH_HANDLERS = "flush_handlers"
    END_HOST = "end_host"
    END_BATCH = "end_batch"
    END_PLAY = "end_play"
    CLEAR_FACTS = "clear_facts"
    CLEAR_HOST_ERRORS = "clear_host_errors"
    END_ROLE = "end_role"
    REFRESH_INVENTORY = "refresh_inventory"
    RESET_CONNECTION = "reset_connection"


_PER_HOST = frozenset(
    {Meta.NOOP, Meta.END_HOST, Meta.END_ROLE, Meta.FLUSH_HANDLERS, Meta.RESET_CONNECTION}
)
_UNCONDITIONAL = frozenset({Meta.NOOP, Meta.REFRESH_INVENTORY, Meta.RESET_CONNECTION})


def is_meta(task: Task) -> bool:
    """Tell whether *task* steers the play."""
    return task.action.resolved == "ansible.builtin.meta"


def command_of(task: Task) -> Meta:
    """Give the sub-command; raises `PlaybookError` at its place."""
    name = task.action.args.get("_raw_params")
    try:
        return Meta(str(name))
    except ValueError:
        text = f"invalid meta action requested: {name}"
        raise PlaybookError(text, task.action.origin) from None


def check(play: Play) -> None:
    """Refuse a play with a meta task that cannot run, before anything of it has run."""
    sections = (play.pre_tasks, play.tasks, play.post_tasks, play.handlers)
    for task in (task for section in sections for task in _walk(section)):
        if is_meta(task):
            command_of(task)


def _walk(steps: Sequence[Step]) -> Iterator[Task]:
    for step in steps:
        if isinstance(step, Block):
            for section in (step.block, step.rescue, step.always):
                yield from _walk(section)
        else:
            yield step


class MetaRunner(Struct, frozen=True, kw_only=True):
    """Carries out meta tasks for one company of hosts."""

    wiring: Wiring
    standing: Standing
    company: Sequence[str]
    lockstep: bool = True
    """Banners are shown at once; else with a result, and metas have none."""

    def run(self, task: Task, hosts: Sequence[str], labels: Labels) -> list[str]:
        """Do what *task* says; gives the hosts it applies to (those that are to flush).

        Each host has its own banner, as in stock, but for those commands that mean everybody.
        """
        command = command_of(task)
        asked = hosts if command in _PER_HOST else hosts[:1]
        applies = [host for host in asked if self._applies(task, command, host, labels)]
        if applies:
            self._carry_out(command, applies)
        return applies

    def _applies(self, task: Task, command: Meta, host: str, labels: Labels) -> bool:
        scope = scope_of(self.wiring, task, host)
        label = labels.label(task, scope, handler=False)
        if self.lockstep:
            self.wiring.events.emit(TaskStarted(label))
        if command in _UNCONDITIONAL:
            self._warn_of_condition(task, command)
            return True
        if all_hold(task.keywords.when, self.wiring.evaluate, scope):
            return True
        self.wiring.events.emit(TaskEnded(task=label, host=host, outcome=Skipped()))
        return False

    def _warn_of_condition(self, task: Task, command: Meta) -> None:
        if task.keywords.when:
            text = f"{command} task does not support when conditional"
            self.wiring.events.emit(Noticed(Warned(text)))

    def _carry_out(self, command: Meta, hosts: Sequence[str]) -> None:
        standing = self.standing
        match command:
            case Meta.END_HOST:
                standing.ended.update(hosts)
            case Meta.END_BATCH | Meta.END_PLAY:
                standing.ended.update(self.company)
                standing.play_ended |= command is Meta.END_PLAY
            case Meta.CLEAR_FACTS:
                for host in self.company:
                    self.wiring.variables.clear_facts(host)
            case Meta.CLEAR_HOST_ERRORS:
                standing.failed.difference_update(self.company)
                standing.unreachable.difference_update(self.company)
            case Meta.REFRESH_INVENTORY:
                self.wiring.hosts.refresh()
            case Meta.NOOP | Meta.FLUSH_HANDLERS | Meta.END_ROLE | Meta.RESET_CONNECTION:
                pass  # who walks through the play does these

    async def reset(self, task: Task, hosts: Sequence[str], reader: TermsReader) -> None:
        """Close the connections of *hosts*; what comes next opens them anew."""
        for host in hosts:
            scope = scope_of(self.wiring, task, host)
            reaching = reader.read(task, scope).reaching
            await self.wiring.reach.reset(Target(name=host, scope=scope, keywords=reaching))
