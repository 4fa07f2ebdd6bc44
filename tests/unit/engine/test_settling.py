"""Tasks that are judged when their jobs end, while the play goes on: `outlast_settle`."""

from __future__ import annotations

import asyncio

import pytest
from unit.engine.play_world import World, block, play, task

from outlast.errors import HostUnreachable
from outlast.events import ItemEnded, RunEnded, TaskEnded
from outlast.outcome import Failed, Ok, Performed
from outlast.playbook.model import Loop
from outlast.values import Template

pytestmark = pytest.mark.looptime


class Jobs:
    """Ends jobs after as many seconds as their task says, as it says."""

    def __init__(self, world: World) -> None:
        world.actions.settle = self.settle
        self.polls = []

    async def settle(self, call, job, *, poll, on_poll) -> Performed:
        self.polls.append(poll)
        await asyncio.sleep(call.args["seconds"])
        how = call.args.get("ends", "changed")
        if how == "lost":
            raise HostUnreachable("gone")
        if how == "failed":
            return Performed(Failed({"msg": "no"}))
        return Performed(Ok({"how": how}, how == "changed"))


def settled(name="job", *, seconds=10, ends="changed", **given):
    given.setdefault("vars", {"outlast_settle": True})
    args = {"seconds": seconds, "ends": ends}
    return task(name, args=args, async_limit=100, poll=0, **given)


def slow(name, world, seconds, *hosts):
    for host in hosts or ("a",):
        world.actions.script[name, host] = [float(seconds), Ok()]
    return task(name)


async def played(*plays, hosts=("a",), world=None):
    world = world or World(hosts=hosts)
    Jobs(world)
    begun = asyncio.get_running_loop().time()
    code = await world.play(*plays)
    return world, code, asyncio.get_running_loop().time() - begun


async def test_the_play_goes_on_and_waits_at_its_end():
    world = World(hosts=("a",))
    _, code, took = await played(play(settled(register="r"), slow("next", world, 3)), world=world)
    assert (code, took) == (0, pytest.approx(10))
    assert [name for name, _, _ in world.events.ended()] == ["job", "next", "job"]
    first, _, last = world.events.of(TaskEnded)
    assert (first.outcome.changed, last.outcome.changed) == (False, True)
    assert world.variables.hosts["a"]["r"]["how"] == "changed"
    assert world.tally("a") == {"ok": 2, "changed": 1}


async def test_what_it_registers_at_first_says_that_it_runs():
    world = World(hosts=("a",))
    seen = task("seen", when=["not r.finished"])
    await played(play(settled(register="r"), seen), world=world)
    assert ("seen", "a", "Ok") in world.events.ended()


async def test_handlers_hear_of_it_when_it_has_ended_and_run_once():
    world = World(hosts=("a",))
    tasks = (settled(notify=("h",)), slow("next", world, 20), settled("second", notify=("h",)))
    _, _, took = await played(play(*tasks, handlers=(task("h"),)), world=world)
    ended = [name for name, _, _ in world.events.ended()]
    assert ended == ["job", "job", "next", "second", "h", "second", "h"]
    assert took == pytest.approx(30)


async def test_a_job_that_changes_nothing_notifies_nobody():
    world, _, _ = await played(play(settled(ends="same", notify=("h",)), handlers=(task("h"),)))
    assert world.tally("a") == {"ok": 1}


async def test_conditions_see_how_it_ended():
    decided = settled(
        register="r",
        changed_when=["not r.how"],
        failed_when=["r.how"],
        ignore_errors=True,
    )
    world, code, _ = await played(play(decided))
    assert code == 0
    assert world.tally("a") == {"ok": 1, "ignored": 1}
    assert world.variables.hosts["a"]["r"]["failed_when_result"] is True


async def test_a_failure_takes_the_host_out_before_its_next_task():
    world = World(hosts=("a", "b"))
    tasks = (
        settled(ends=Template("{{ ends }}")),
        slow("meanwhile", world, 20, "a", "b"),
        task("later"),
    )
    world.variables.hosts = {"a": {"ends": "failed"}, "b": {"ends": "same"}}
    world, code, _ = await played(play(*tasks), play(task("next play")), world=world)
    assert code == 2
    assert ("meanwhile", "a", "Ok") in world.events.ended()
    assert [host for name, host, _ in world.events.ended() if name == "later"] == ["b"]
    assert [host for name, host, _ in world.events.ended() if name == "next play"] == ["b"]
    assert world.tally("a") == {"ok": 1, "failed": 1}


async def test_no_rescue_is_for_it_but_every_always():
    world = World(hosts=("a",))
    inside = block(
        slow("meanwhile", world, 20),
        task("skipped"),
        rescue=(task("rescue"),),
        always=(task("always"),),
    )
    world, code, _ = await played(play(settled(ends="failed"), inside, task("later")), world=world)
    assert code == 2
    names = [name for name, _, _ in world.events.ended()]
    assert names == ["job", "job", "meanwhile", "always"]


async def test_a_failure_at_the_very_end_counts():
    world, code, _ = await played(play(settled(ends="failed")))
    assert code == 2
    assert world.tally("a") == {"failed": 1}


async def test_any_errors_fatal_takes_all_hosts_out():
    world = World(hosts=("a", "b"))
    world.variables.hosts = {"a": {"ends": "failed"}, "b": {"ends": "same"}}
    tasks = (
        settled(ends=Template("{{ ends }}"), any_errors_fatal=True),
        slow("meanwhile", world, 20, "a", "b"),
        task("later"),
    )
    world, _, _ = await played(play(*tasks), world=world)
    assert "later" not in [name for name, _, _ in world.events.ended()]


async def test_a_host_lost_meanwhile_is_unreachable():
    world, code, _ = await played(play(settled(ends="lost")))
    assert code == 4
    assert world.tally("a") == {"unreachable": 1}


async def test_what_does_not_start_is_told_at_once_and_only_once():
    world = World(hosts=("a",))
    world.fails("job", "a")
    world, code, took = await played(play(settled(), task("later")), world=world)
    assert (code, took) == (2, 0)
    assert world.events.ended() == [("job", "a", "Failed")]
    world, _, _ = await played(play(settled(when=[False])))
    assert world.tally("a") == {"skipped": 1}


async def test_the_items_of_a_loop_all_start_at_once():
    job = settled(seconds=Template("{{ item }}"), loop=Loop([9, 6, 3]), register="r")
    world, _, took = await played(play(job))
    assert took == pytest.approx(9)
    assert [event.label for event in world.events.of(ItemEnded)] == [9, 6, 3, 9, 6, 3]
    assert world.variables.hosts["a"]["r"]["changed"] is True
    assert world.tally("a") == {"ok": 1, "changed": 1}


async def test_only_so_many_items_run_at_a_time_where_that_is_asked():
    variables = {"outlast_settle": True, "outlast_loop_limit": 1}
    job = settled(seconds=5, loop=Loop([1, 2]), vars=variables)
    world = World(hosts=("a",))
    _, _, took = await played(play(job, slow("next", world, 1)), world=world)
    assert took == pytest.approx(10)
    assert world.events.ended()[1][0] == "next"


async def test_a_job_that_is_waited_for_is_judged_at_once_anyway():
    job = task("job", args={"seconds": 3}, async_limit=9, poll=1, vars={"outlast_settle": True})
    world, _, _ = await played(play(job, task("next")))
    assert [name for name, _, _ in world.events.ended()] == ["job", "next"]


async def test_nothing_is_left_when_the_run_is_broken_off():
    world = World(hosts=("a",))
    Jobs(world)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await world.play(play(settled(seconds=99)))
    assert world.events.of(RunEnded) == []
