"""Random trees under the one executor and under an interpreter that takes host by host."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from trees import HOSTS, Block, End, Flush, Include, Interpreted, Leaf, Step, Tree, grown, interpret
from unit.engine.play_world import World, block, play, task

from outlast.engine.ports import IncludedFile
from outlast.errors import HostUnreachable
from outlast.events import TaskEnded
from outlast.outcome import Failed, Ok, Skipped, Unreachable
from outlast.values import Template

MANY = 9
"""Handlers may run as often."""


@dataclass
class FilesAsBuilt:
    """Included files by path; what they inherit is in them already."""

    files: dict[str, list] = field(default_factory=dict)

    async def tasks(self, path, folders, inherited, *, handlers, role):
        return IncludedFile(path, tuple(self.files[path]))


@dataclass
class Planted:
    """A world in which a tree stands."""

    world: World
    tree: Tree

    def step(self, step: Step):
        match step:
            case Leaf():
                return self.leaf(step)
            case Include():
                return self.include(step)
            case Flush():
                return task("flush", "meta", args={"_raw_params": "flush_handlers"})
            case End():
                args = {"_raw_params": "end_host"}
                return task("end", "meta", args=args, when=[self.those(step.hosts)])
            case Block():
                return block(
                    *map(self.step, step.block),
                    rescue=[self.step(one) for one in step.rescue],
                    always=[self.step(one) for one in step.always],
                )

    def those(self, hosts: frozenset[str]) -> str:
        """Give a condition that holds for *hosts* alone."""
        name = f"only_{''.join(sorted(hosts))}"
        for host in HOSTS:
            self.world.variables.hosts.setdefault(host, {})[name] = host in hosts
        return name

    def leaf(self, leaf: Leaf):
        for host in HOSTS:
            self.world.actions.script[leaf.name, host] = self.script(leaf, host)
        return task(
            leaf.name,
            when=[f"not {self.those(leaf.skips)}"],
            ignore_errors=leaf.ignored,
            run_once=leaf.once,
            any_errors_fatal=leaf.fatal,
            notify=() if leaf.notify is None else (self.tree.handlers[leaf.notify].name,),
            retries=1 if leaf.stumbles else None,
            delay=0,
        )

    @staticmethod
    def script(leaf: Leaf, host: str) -> list:
        changed = host in leaf.changes
        if host in leaf.loses:
            return [HostUnreachable("gone")]
        if host in leaf.fails:
            return [Failed({"msg": "no"}, changed=changed) for _ in range(MANY)]
        stumble = [Failed({"msg": "not yet"})] if host in leaf.stumbles else []
        return [*stumble, Ok({}, changed=changed)]

    def include(self, include: Include):
        for number, steps in enumerate(include.files):
            path = f"{include.name}_{number}.yml"
            self.world.files.files[path] = [self.step(step) for step in steps]
        for host, number in include.chosen.items():
            variables = self.world.variables.hosts.setdefault(host, {})
            variables[include.name] = f"{include.name}_{number}.yml"
        args = {"_raw_params": Template(f"{{{{ {include.name} }}}}")}
        condition = self.those(frozenset(include.chosen))
        return task(include.name, "include_tasks", args=args, when=[condition])


def came_to(event: TaskEnded) -> str:
    match event.outcome:
        case Skipped():
            return "skipped"
        case Unreachable():
            return "unreachable"
        case Failed():
            return "ignored" if event.ignored else "failed"
        case Ok(changed=True):
            return "changed"
    return "ok"


def seen(world: World, host: str) -> list[tuple[str, str]]:
    ended = [event for event in world.events.of(TaskEnded) if event.host == host]
    named = [event for event in ended if event.task.name[0] in "tha"]
    return [(event.task.name, came_to(event)) for event in named]


async def engine_says(tree: Tree) -> dict[str, object]:
    world = World(hosts=HOSTS)
    world.files = FilesAsBuilt()
    planted = Planted(world, tree)
    steps = [planted.step(step) for step in tree.steps]
    handlers = tuple(planted.leaf(handler) for handler in tree.handlers)
    first = play(*steps, handlers=handlers, strategy=tree.strategy)
    code = await world.play(first, play(task("again")))
    told = {host: (seen(world, host), world.tally(host)) for host in HOSTS}
    return {"code": code, "lost": world.run.standing.unreachable, **told}


def told_by(alone: Interpreted) -> dict[str, object]:
    told = {name: (host.seen, dict(host.tally)) for name, host in alone.hosts.items()}
    lost = {name for name, host in alone.hosts.items() if host.lost}
    return {"code": alone.exit_code, "lost": lost, **told}


@pytest.mark.parametrize("strategy", ["linear", "free"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_sets_of_hosts_do_what_each_host_alone_would(strategy, seed):
    tree = grown(Random(seed), strategy)
    alone = interpret(tree)
    assume(not alone.belated)
    assert asyncio.run(engine_says(tree)) == told_by(alone)
