"""A world without hosts for the engine: scripted actions, plain variables, recorded events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from outlast.engine.ports import (
    Ask,
    HashPassword,
    IncludedFile,
    Intents,
    NoIntents,
    Tags,
    Wiring,
    hash_nothing,
    nobody,
)
from outlast.engine.run import Run
from outlast.errors import HostUnreachable, UndefinedVariable
from outlast.events import TaskEnded
from outlast.outcome import Detached, Failed, Ok, Performed
from outlast.playbook.model import ActionCall, Block, Condition, Keywords, Play, Task
from outlast.settings import Settings
from outlast.values import DictScope, Origin, Overlaid, Scope, Template

HERE = Origin("/here/play.yml", 1, 1)


class PlainEvaluate:
    """Knows one kind of template, `{{ name }}`, and conditions that are names or booleans."""

    def render(self, value: object, scope: Scope) -> object:
        if isinstance(value, Template):
            name = value.text.strip("{} ")
            if name not in scope:
                raise UndefinedVariable(f"'{name}' is undefined", value.origin)
            return scope[name]
        if isinstance(value, list):
            return [self.render(one, scope) for one in value]
        if isinstance(value, dict):
            return {key: self.render(one, scope) for key, one in value.items()}
        return value

    def render_args(self, args, scope):
        return {name: self.render(value, scope) for name, value in args.items()}

    def entries(self, source, scope):
        return self.render(source, scope)

    def written(self, source, scope):
        return None

    def lookup(self, name, terms, scope, *, action):
        return self.render(terms, scope)

    def shown(self, text, scope):
        return self.expression(text, scope), ()

    def label(self, template, scope):
        try:
            return str(self.render(template, scope)), ()
        except UndefinedVariable as error:
            return f"<< error 1 - {error} >>", (f"error 1 - {error}",)

    def may_block(self, value, scope) -> bool:
        return "pipe" in repr(value)

    def expression(self, text, scope):
        return self.render(Template(text), scope)

    def holds(self, condition, scope, origin) -> bool:
        if isinstance(condition, bool):
            return condition
        value: object = scope
        for part in str(condition).removeprefix("not ").split("."):
            if part not in value:
                raise UndefinedVariable(f"'{part}' is undefined", origin)
            value = value[part]
        return bool(value) != str(condition).startswith("not ")


@dataclass
class PlainVariables:
    """Every host has a dict; whoever sets something last wins."""

    hosts: dict[str, dict[str, object]] = field(default_factory=dict)
    active: list[tuple[str, ...]] = field(default_factory=list)
    play_vars: Mapping[str, object] = field(default_factory=dict)
    roles: list = field(default_factory=list)
    newcomers: list[str] = field(default_factory=list)
    extra: frozenset[str] = frozenset()

    def begin_playbook(self, path) -> None:
        self.hosts.setdefault("localhost", {})

    def tell_reserved(self, play, roles) -> None:
        pass

    def begin_play(self, play, hosts, roles) -> None:
        self.play_vars = play.vars

    def add_roles(self, roles) -> None:
        self.roles = [*self.roles, *roles]

    def set_batch(self, batch, active) -> None:
        self.active.append(tuple(active))

    def is_extra(self, name) -> bool:
        return name in self.extra

    def welcome(self, host) -> None:
        self.newcomers.append(host)

    def header_scope(self, play, *, role=None, task_vars=None) -> Scope:
        return DictScope({**play.vars, **(role.defaults if role else {}), **(task_vars or {})})

    def scope(self, host, task_vars, **_words) -> Scope:
        own = self.hosts.setdefault(host, {})
        return Overlaid(task_vars, DictScope({**self.play_vars, "inventory_hostname": host, **own}))

    def register(self, host, name, value) -> None:
        self.hosts.setdefault(host, {})[name] = value

    def set_facts(self, host, facts, *, cacheable) -> None:
        self.hosts.setdefault(host, {}).update(facts)

    def add_ansible_facts(self, host, facts) -> None:
        self.hosts.setdefault(host, {}).setdefault("ansible_facts", {}).update(facts)

    def add_included_vars(self, host, variables) -> None:
        self.hosts.setdefault(host, {}).update(variables)

    def clear_facts(self, host) -> None:
        self.hosts.get(host, {}).pop("ansible_facts", None)

    def has_facts(self, host) -> bool:
        return "ansible_facts" in self.hosts.get(host, {})


@dataclass
class ScriptedActions:
    """Answers from a script: (task, host) to a list of outcomes, errors, seconds or events."""

    script: dict[tuple[str, str], list] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    settle_seconds: float = 0.0

    async def perform(self, call) -> Performed:
        self.calls.append((call.task_name, call.host))
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            return await self._answer(call)
        finally:
            self.busy -= 1

    async def _answer(self, call) -> Performed:
        steps = self.script.get((call.task_name, call.host), [])
        while steps:
            match steps.pop(0):
                case int() | float() as seconds:
                    await asyncio.sleep(seconds)
                case Exception() as error:
                    raise error
                case Performed() as performed:
                    return performed
                case outcome:
                    return Performed(outcome)
        if call.limit:
            return Performed(Detached(jid="j1.2", results_file="f", payload={"finished": False}))
        return Performed(Ok({"args": dict(call.args)}))

    async def settle(self, call, job, *, poll, on_poll) -> Performed:
        elapsed = 0.0
        while elapsed + poll < self.settle_seconds:
            await asyncio.sleep(poll)
            elapsed += poll
            on_poll()
        await asyncio.sleep(self.settle_seconds - elapsed)
        return Performed(Ok({"job": job.jid}, changed=True))


@dataclass
class NoReach:
    closed: list[str] = field(default_factory=list)

    async def open(self, target):
        raise AssertionError("nothing here connects")

    async def reset(self, target) -> None:
        self.closed.append(target.name)


@dataclass
class FixedHosts:
    names: tuple[str, ...]

    def match(self, pattern):
        return self.names if pattern == "all" else ()

    def grow(self, growth) -> bool:
        if growth.name in self.names:
            return False
        self.names = (*self.names, growth.name)
        return True


@dataclass
class Files:
    """Included files by path."""

    files: dict[str, tuple] = field(default_factory=dict)
    asked: list[tuple[str, Keywords]] = field(default_factory=list)

    async def tasks(self, path, folders, inherited, *, handlers, role):
        self.asked.append((path, inherited))
        steps = tuple(replace(step, keywords=inherited) for step in self.files[path])
        return IncludedFile(f"{folders[0]}/{path}", steps)


@dataclass
class Recorder:
    seen: list = field(default_factory=list)

    def emit(self, event) -> None:
        self.seen.append(event)

    def of(self, kind) -> list:
        return [event for event in self.seen if isinstance(event, kind)]

    def ended(self) -> list[tuple[str, str, str]]:
        """(task, host, kind of outcome) in the order of the ends."""
        return [
            (event.task.name, event.host, type(event.outcome).__name__)
            for event in self.of(TaskEnded)
        ]


@dataclass
class World:
    """Everything around the engine."""

    hosts: tuple[str, ...] = ("a", "b", "c")
    actions: ScriptedActions = field(default_factory=ScriptedActions)
    variables: PlainVariables = field(default_factory=PlainVariables)
    events: Recorder = field(default_factory=Recorder)
    files: Files = field(default_factory=Files)
    settings: Settings = field(default_factory=Settings)
    tags: Tags = field(default_factory=Tags)
    reach: NoReach = field(default_factory=NoReach)
    ask: Ask = nobody
    start_at: str | None = None
    ask_anybody: Ask = nobody
    hash_password: HashPassword = hash_nothing
    step: bool = False
    check_mode: bool = False
    intents: Intents = field(default_factory=NoIntents)
    run: Run | None = None

    async def play(self, *plays: Play) -> int:
        wiring = Wiring(
            actions=self.actions,
            reach=self.reach,
            ask=self.ask,
            start_at=self.start_at,
            ask_anybody=self.ask_anybody,
            hash_password=self.hash_password,
            step=self.step,
            check_mode=self.check_mode,
            intents=self.intents,
            evaluate=PlainEvaluate(),
            variables=self.variables,
            hosts=FixedHosts(self.hosts),
            includes=self.files,
            events=self.events,
            settings=self.settings,
            tags=self.tags,
        )
        self.run = Run(wiring=wiring)
        return await self.run.run(["play.yml"], lambda _path: plays)

    def fails(self, task: str, *hosts: str, times: int = 1) -> None:
        for host in hosts:
            self.actions.script[task, host] = [Failed({"msg": "no"})] * times

    def loses(self, task: str, *hosts: str) -> None:
        for host in hosts:
            self.actions.script[task, host] = [HostUnreachable("gone")]

    def changes(self, task: str, *hosts: str) -> None:
        for host in hosts:
            self.actions.script[task, host] = [Ok({}, changed=True)]

    def tally(self, host: str) -> dict[str, int]:
        tally = self.run.standing.tally(host)
        counts = {name: getattr(tally, name) for name in tally.__struct_fields__}
        return {name: count for name, count in counts.items() if count}


def task(name: str, action: str = "ping", **given) -> Task:
    """A task; what is a keyword goes where keywords are."""
    inherited = {k: given.pop(k) for k in list(given) if k in Keywords.__struct_fields__}
    if "when" in inherited:
        inherited["when"] = conditions(*inherited["when"])
    for key in ("until", "changed_when", "failed_when"):
        if key in given:
            given[key] = conditions(*given[key])
    args = given.pop("args", {})
    return Task(
        name=name,
        action=ActionCall(action, f"ansible.builtin.{action}", args, HERE),
        origin=HERE,
        keywords=Keywords(**inherited),
        **given,
    )


def conditions(*sources) -> tuple[Condition, ...]:
    return tuple(Condition(source) for source in sources)


def block(*steps, rescue=(), always=()) -> Block:
    return Block(block=tuple(steps), rescue=tuple(rescue), always=tuple(always), origin=HERE)


def play(*tasks, **given) -> Play:
    given.setdefault("gather_facts", False)
    return Play(name="p", hosts="all", origin=HERE, tasks=tuple(tasks), **given)
