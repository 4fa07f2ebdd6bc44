"""What changes a host is noted before the host is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

import pytest
from unit.engine.play_world import ScriptedActions, World, play, task

from outlast.outcome import Ok
from outlast.playbook.model import Loop


@dataclass
class Hosts:
    """Opens sessions and keeps the order in which things happen."""

    happened: list = field(default_factory=list)

    async def open(self, target):
        self.happened.append(f"open {target.name}")
        return target.name

    async def reset(self, target) -> None:
        pass


@dataclass
class Disk:
    """Takes notes; they are on disk when `turn` is set."""

    happened: list
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    noted: list = field(default_factory=list)

    def begins(self, action):
        self.noted.append(action)
        return partial(self._written, action)

    async def _written(self, action) -> None:
        await self.turn.wait()
        self.happened.append(f"noted {action.host}")


@dataclass
class Acting(ScriptedActions):
    """Asks for the session, twice, before it answers."""

    happened: list = field(default_factory=list)

    async def _answer(self, call):
        for _ in range(2):
            host = await call.session()
        self.happened.append(f"act on {host}")
        return await super()._answer(call)


@pytest.fixture
def world():
    reach = Hosts()
    world = World(hosts=("a",), reach=reach, actions=Acting(happened=reach.happened))
    world.intents = Disk(reach.happened)
    world.intents.turn.set()
    return world


async def test_nothing_is_done_before_it_is_on_disk(world):
    world.intents.turn.clear()
    async with asyncio.TaskGroup() as group:
        playing = group.create_task(world.play(play(task("t", "command"))))
        for _ in range(50):
            await asyncio.sleep(0)
        assert world.intents.happened == ["open a"]
        world.intents.turn.set()
    assert playing.result() == 0
    assert world.intents.happened[:2] == ["open a", "noted a"]
    assert world.intents.happened[-1] == "act on a"


async def test_an_attempt_is_noted_once_however_often_it_asks_for_its_host(world):
    await world.play(play(task("t", "command")))
    (noted,) = world.intents.noted
    assert (noted.task.name, noted.host, noted.delegate) == ("t", "a", None)
    assert noted.attempt.task == "play.yml#0/tasks/0"
    assert (noted.attempt.turn, noted.attempt.item, noted.attempt.number) == (0, None, 1)


async def test_each_attempt_of_each_item_is_noted(world):
    world.actions.script["t", "a"] = [Ok({"done": done}) for done in (False, True, True)]
    again = {"until": ["done.done"], "retries": 1, "delay": 0}
    await world.play(play(task("t", "command", loop=Loop(["x", "x"]), register="done", **again)))
    attempts = [noted.attempt for noted in world.intents.noted]
    assert [(one.item, one.number) for one in attempts] == [(0, 1), (0, 2), (1, 1)]


async def test_what_is_not_to_run_is_not_noted(world):
    await world.play(play(task("t", "command", when=[False])))
    assert world.intents.noted == []


@pytest.mark.parametrize("action", ["debug", "set_fact", "setup", "stat", "async_status"])
async def test_what_changes_no_host_waits_for_no_disk(world, action):
    world.intents.turn.clear()
    await world.play(play(task("t", action)))
    assert world.intents.noted == []
    assert world.actions.calls == [("t", "a")]


async def test_what_only_predicts_waits_for_no_disk(world):
    world.check_mode = True
    await world.play(play(task("t", "command")))
    assert world.intents.noted == []
