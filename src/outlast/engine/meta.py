"""The `meta` tasks: those that steer the play itself.

Each changes the standing of hosts, or asks the play for a flush; all print a banner and
no result, and count nowhere, as in stock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from outlast.engine.labels import Labels
from outlast.engine.ports import Target, Wiring
from outlast.engine.scopes import scope_of
from outlast.engine.standing import Standing
from outlast.engine.terms import TermsReader
from outlast.engine.verdict import all_hold
from outlast.errors import OutlastError
from outlast.events import Noticed, Said, TaskEnded, TaskLabel, TaskStarted
from outlast.outcome import Skipped, Warned
from outlast.playbook.model import Block, Play, Step, Task
from outlast.values import Scope, Template


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


ONCE_UNDER_FREE = (
    "Using run_once with the free strategy is not currently supported. This task "
    "will still be executed for every host in the inventory list."
)


def is_meta(task: Task) -> bool:
    """Tell whether *task* steers the play."""
    return task.action.resolved == "ansible.builtin.meta"


def command_of(task: Task) -> Meta:
    """Give the sub-command; raises `OutlastError` at its place."""
    name = task.action.args.get("_raw_params")
    try:
        return Meta(str(name))
    except ValueError:
        written = name.text if isinstance(name, Template) else name
        text = f"invalid meta action requested: {written}"
        raise OutlastError(text, task.origin) from None


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
    """Carries out meta tasks for the hosts of a batch."""

    wiring: Wiring
    standing: Standing
    company: Sequence[str]
    lockstep: bool = True
    """Banners are shown at once; else with a result, and metas have none."""
    due: Callable[[str], None] = lambda _host: None
    """Makes the handlers that a host has asked for due, before a flush is told of."""

    def run(
        self, task: Task, hosts: Sequence[str], labels: Labels, *, handler: bool = False
    ) -> list[str]:
        """Do what *task* says; gives the hosts it applies to (those that are to flush).

        Each host has its own banner, as in stock, but for those commands that mean everybody.
        """
        command = command_of(task)
        asked = hosts if command in _PER_HOST else hosts[:1]
        applies = []
        for host in asked:
            scope = scope_of(self.wiring, task, host)
            label = labels.label(task if handler else _as_written(task), scope, handler=handler)
            if not self.lockstep and labels.reader.run_once(task, scope):
                self.wiring.events.emit(Noticed(Warned(ONCE_UNDER_FREE)))
            if self._applies(task, command, host, scope, label):
                applies.append(host)
        if applies:
            self._carry_out(command, applies)
        return applies

    def _applies(
        self, task: Task, command: Meta, host: str, scope: Scope, label: TaskLabel
    ) -> bool:
        if self.lockstep:
            self.wiring.events.emit(TaskStarted(label))
        if command in _UNCONDITIONAL:
            self._warn_of_condition(task, command)
        if command in _UNCONDITIONAL or all_hold(task.keywords.when, self.wiring.evaluate, scope):
            if command is Meta.FLUSH_HANDLERS:
                self.due(host)
            if command is not Meta.END_ROLE:  # stock takes it for its own, and is silent
                self._say(_done(command, host))
            return True
        skipped = Skipped(_why_not(task, command, host))
        self._say(skipped.payload["skip_reason"])
        self.wiring.events.emit(TaskEnded(task=label, host=host, outcome=skipped))
        return False

    def _say(self, text: object) -> None:
        self.wiring.events.emit(Said(f"META: {text}", verbosity=2))

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
                standing.forgive(self.company)
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


def _as_written(task: Task) -> Task:
    """Give *task* with its name as it is written: stock evaluates none of those that steer."""
    return replace(task, name=task.name.text) if isinstance(task.name, Template) else task


def _done(command: Meta, host: str) -> str:
    """Tell what a meta task does, in the words of stock."""
    return {
        Meta.NOOP: "noop",
        Meta.FLUSH_HANDLERS: f"triggered running handlers for {host}",
        Meta.REFRESH_INVENTORY: "inventory successfully refreshed",
        Meta.RESET_CONNECTION: "reset connection",
        Meta.CLEAR_FACTS: "facts cleared",
        Meta.CLEAR_HOST_ERRORS: "cleared host errors",
        Meta.END_BATCH: "ending batch",
        Meta.END_PLAY: "ending play",
        Meta.END_HOST: f"ending play for {host}",
    }[command]


def _why_not(task: Task, command: Meta, host: str) -> dict[str, object]:
    """Give the result of a meta task that does nothing, in the words of stock."""
    role = task.role.full_name if task.role else ""
    goes_on = {
        Meta.FLUSH_HANDLERS: f", not running handlers for {host}",
        Meta.CLEAR_FACTS: f", not clearing facts and fact cache for {host}",
        Meta.CLEAR_HOST_ERRORS: f", not clearing host error state for {host}",
        Meta.END_BATCH: ", continuing current batch",
        Meta.END_PLAY: ", continuing play",
        Meta.END_HOST: f", continuing execution for {host}",
        Meta.END_ROLE: f"continuing role {role} for {host}",
    }[command]
    told = "conditional evaluated to"
    said = f"{command} {told} false{goes_on}" if command is Meta.END_HOST else str(command)
    return {"msg": said, "skip_reason": f"{command} {told} False{goes_on}"}
