"""Items of a loop whose jobs run side by side: `outlast_loop_limit`."""

from __future__ import annotations

import asyncio

import pytest
from unit.engine.play_world import PlainEvaluate, World, conditions, play, task

from outlast.errors import EvaluationError
from outlast.events import ItemEnded
from outlast.outcome import Failed, Ok, Performed
from outlast.playbook.model import Loop, LoopControl
from outlast.values import Template

pytestmark = pytest.mark.looptime
HOST = ("a",)


class ByItem:
    """Jobs that take as long as their item says; those that take 3 s fail."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0

    def install(self, world: World) -> ByItem:
        world.actions.settle = self.settle
        return self

    async def settle(self, call, job, *, poll, on_poll) -> Performed:
        seconds = call.args["seconds"]
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(seconds)
        self.running -= 1
        return Performed(Failed({"msg": "no"}) if seconds == 3 else Ok({"took": seconds}))


def looped(seconds, *, limit=None, control=None, **given):
    variables = {} if limit is None else {"outlast_loop_limit": limit}
    return task(
        "t",
        args={"seconds": Template("{{ item }}")},
        loop=Loop(seconds, control=control or LoopControl()),
        async_limit=100,
        poll=10,
        vars=variables,
        register="r",
        **given,
    )


async def played(*steps):
    world = World(hosts=HOST)
    jobs = ByItem().install(world)
    begun = asyncio.get_running_loop().time()
    await world.play(play(*steps))
    return world, jobs, asyncio.get_running_loop().time() - begun


async def test_items_wait_for_each_other_unless_the_variable_says_otherwise():
    _, jobs, took = await played(looped([5, 5, 5]))
    assert (jobs.most, took) == (1, pytest.approx(15))


async def test_so_many_items_run_at_a_time_and_are_told_of_in_their_order():
    world, jobs, took = await played(looped([6, 5, 4, 5], limit=2))
    assert jobs.most == 2
    assert took == pytest.approx(11)
    assert [event.label for event in world.events.of(ItemEnded)] == [6, 5, 4, 5]
    results = world.variables.hosts["a"]["r"]["results"]
    assert [(one["item"], one["took"]) for one in results] == [(6, 6), (5, 5), (4, 4), (5, 5)]


async def test_the_first_failure_does_not_hide_the_others():
    world, _, _ = await played(looped([3, 5, 3, 4], limit=4, ignore_errors=True))
    results = world.variables.hosts["a"]["r"]["results"]
    assert [one["failed"] for one in results] == [True, False, True, False]


async def test_a_pause_lies_between_two_starts():
    _, jobs, took = await played(looped([5, 5, 5], limit=3, control=LoopControl(pause=2)))
    assert jobs.most == 3
    assert took == pytest.approx(9)


async def test_a_loop_that_may_end_early_cannot_run_side_by_side():
    control = LoopControl(break_when=conditions("r.failed"))
    world, _, _ = await played(looped([5, 5], limit=2, control=control))
    assert world.tally("a") == {"failed": 1}
    assert world.actions.calls == []


async def test_a_label_that_cannot_be_evaluated_ends_the_task_and_not_the_run(monkeypatch):
    world = World(hosts=HOST)
    ByItem().install(world)

    def render(self, value, scope):
        if value == "broken":
            raise EvaluationError("broken")
        return plain(self, value, scope)

    plain = PlainEvaluate.render
    monkeypatch.setattr(PlainEvaluate, "render", render)
    control = LoopControl(label="broken")
    assert await world.play(play(looped([1, 2], limit=2, control=control))) == 2
    assert world.tally("a") == {"failed": 1}


@pytest.mark.parametrize("limit", [0, -1, "many", 1.5])
async def test_a_limit_that_is_none_is_refused(limit):
    world, _, _ = await played(looped([1, 2], limit=limit))
    assert world.tally("a") == {"failed": 1}
