"""Who goes where when something fails: block, rescue, always, and the exit code."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.engine.play_world import World, block, play, task

from outlast.events import NoHostsLeft, PlayStarted, TaskStarted


async def test_a_failed_host_goes_through_rescue_and_its_neighbours_do_not():
    world = World()
    world.fails("risky", "b")
    code = await world.play(play(block(task("risky"), task("next"), rescue=[task("mend")])))
    ends = world.events.ended()
    assert ("mend", "b", "Ok") in ends
    assert ("mend", "a", "Ok") not in ends
    assert ("next", "b", "Ok") not in ends
    assert world.tally("b") == {"ok": 1, "rescued": 1}
    assert code == 0


async def test_what_failed_is_known_in_the_rescue():
    world = World(hosts=("a",))
    world.fails("risky", "a")
    await world.play(play(block(task("risky"), rescue=[task("mend")])))
    known = world.variables.hosts["a"]
    assert known["ansible_failed_task"]["name"] == "risky"
    assert known["ansible_failed_result"]["failed"] is True
    assert known["ansible_failed_result"]["msg"] == "no"


async def test_always_runs_for_everybody_and_a_failed_host_is_out_after_it():
    world = World()
    world.fails("risky", "b")
    code = await world.play(play(block(task("risky"), always=[task("tidy")]), task("after")))
    ends = world.events.ended()
    assert [host for name, host, _ in ends if name == "tidy"] == ["a", "b", "c"]
    assert [host for name, host, _ in ends if name == "after"] == ["a", "c"]
    assert world.tally("b") == {"ok": 1, "failed": 1}
    assert code == 2


async def test_an_unreachable_host_runs_neither_rescue_nor_always():
    world = World()
    world.loses("risky", "b")
    code = await world.play(
        play(block(task("risky"), rescue=[task("mend")], always=[task("tidy")]), task("after"))
    )
    assert [name for name, host, _ in world.events.ended() if host == "b"] == ["risky"]
    assert world.tally("b") == {"unreachable": 1}
    assert code == 4


async def test_who_is_still_in_the_play_is_known_at_once_and_a_rescued_host_is_back():
    world = World()
    world.fails("risky", "b")
    world.fails("fatal", "c")
    steps = (block(task("risky"), rescue=[task("mend")]), task("fatal"), task("next"))
    await world.play(play(*steps))
    told = list(dict.fromkeys(world.variables.active))
    assert told == [("a", "b", "c"), ("a", "c"), ("a", "b")]


async def test_a_failed_rescue_fails_the_host():
    world = World(hosts=("a",))
    world.fails("risky", "a")
    world.fails("mend", "a")
    assert await world.play(play(block(task("risky"), rescue=[task("mend")]))) == 2
    assert world.tally("a") == {"rescued": 1, "failed": 1}


async def test_an_ignored_failure_fails_nobody():
    world = World(hosts=("a",))
    world.fails("risky", "a")
    assert await world.play(play(task("risky", ignore_errors=True), task("next"))) == 0
    assert world.tally("a") == {"ok": 2, "ignored": 1}


async def test_any_errors_fatal_takes_all_hosts_down_but_a_rescue_still_catches_them():
    world = World()
    world.fails("risky", "b")
    fatal = task("risky", any_errors_fatal=True)
    await world.play(play(block(fatal, rescue=[task("mend")])))
    assert [host for name, host, _ in world.events.ended() if name == "mend"] == ["a", "b", "c"]


async def test_any_errors_fatal_ends_the_play_for_all():
    world = World()
    world.loses("risky", "b")
    await world.play(play(task("risky", any_errors_fatal=True), task("next")))
    assert "next" not in [name for name, _, _ in world.events.ended()]


async def test_too_many_failures_end_the_play_and_say_so_as_stock_does():
    world = World()
    world.fails("risky", "b")
    code = await world.play(
        play(task("risky"), task("next"), max_fail_percentage=10), play(task("x"))
    )
    assert [name for name, _, _ in world.events.ended()] == ["risky"] * 3
    assert len(world.events.of(NoHostsLeft)) == 2
    assert code == 2


async def test_a_batch_that_fails_to_the_last_host_ends_the_run():
    world = World()
    world.fails("risky", "a")
    code = await world.play(play(task("risky"), serial=(1,)), play(task("other play")))
    assert world.events.ended() == [("risky", "a", "Failed")]
    assert len(world.events.of(PlayStarted)) == 1
    assert code == 2


@pytest.mark.parametrize(
    ("serial", "batches"),
    [
        ((2,), [2, 2, 1]),
        ((1, 3), [1, 3, 1]),
        (("40%",), [2, 2, 1]),
        (("1%",), [1] * 5),
        ((0,), [5]),
        ((), [5]),
    ],
)
async def test_serial_cuts_batches(serial, batches):
    world = World(hosts=("a", "b", "c", "d", "e"))
    await world.play(play(task("t"), serial=serial))
    started = [event for event in world.events.seen if isinstance(event, PlayStarted | TaskStarted)]
    assert len(world.events.of(PlayStarted)) == len(batches)
    assert len(started) == 2 * len(batches)
    assert len(world.events.ended()) == 5


async def test_a_host_that_failed_stays_out_of_the_next_play():
    world = World()
    world.fails("risky", "b")
    await world.play(play(task("risky")), play(task("next")))
    assert [host for name, host, _ in world.events.ended() if name == "next"] == ["a", "c"]


async def test_end_host_lets_a_host_go_without_failing_it():
    world = World()
    world.variables.hosts = {"b": {"go": True}, "a": {"go": False}, "c": {"go": False}}
    leave = task("leave", "meta", args={"_raw_params": "end_host"}, when=["go"])
    assert await world.play(play(leave, task("next")), play(task("again"))) == 0
    assert [host for name, host, _ in world.events.ended() if name == "next"] == ["a", "c"]
    assert [host for name, host, _ in world.events.ended() if name == "again"] == ["a", "b", "c"]


async def test_end_play_ends_it_for_all_batches():
    world = World()
    end = task("end", "meta", args={"_raw_params": "end_play"})
    assert await world.play(play(task("t"), end, task("u"), serial=(1,)), play(task("v"))) == 0
    assert [name for name, _, _ in world.events.ended()] == ["t", "v", "v", "v"]


# -- the set executor against a host-by-host interpreter -----------------------------------------

HOSTS = ("a", "b", "c")
leaves = st.sets(st.sampled_from(HOSTS)).map(frozenset)
"""A task is the set of hosts it fails on; a tuple is a block: block, rescue, always."""
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2),
    ),
    max_leaves=12,
)


def named(steps, path="t"):
    """Give every task a name of its own: (name, hosts it fails on)."""
    for number, step in enumerate(steps):
        here = f"{path}.{number}"
        if isinstance(step, frozenset):
            yield here, step
        else:
            yield tuple(list(named(part, f"{here}.{kind}")) for kind, part in enumerate(step))


def interpret(steps, host, seen) -> bool:
    """What a host alone would do; True: it got through."""
    for step in steps:
        if len(step) == 2:
            seen.append(step[0])
            if host in step[1]:
                return False
            continue
        inside, rescue, always = step
        fine = interpret(inside, host, seen)
        if not fine and rescue:
            fine = interpret(rescue, host, seen)
        if not interpret(always, host, seen):
            fine = False
        if not fine:
            return False
    return True


def built(step, world):
    if len(step) == 2:
        world.fails(step[0], *step[1], times=100)
        return task(step[0])
    inside, rescue, always = ([built(one, world) for one in part] for part in step)
    return block(*inside, rescue=rescue, always=always)


@pytest.mark.parametrize("strategy", ["linear", "free"])
@given(steps=st.lists(trees, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_walking_with_sets_is_walking_with_each_host(strategy, steps):
    steps = list(named(steps))

    async def both():
        world = World(hosts=HOSTS)
        await world.play(play(*[built(step, world) for step in steps], strategy=strategy))
        for host in HOSTS:
            seen: list[str] = []
            fine = interpret(steps, host, seen)
            assert [name for name, by in world.actions.calls if by == host] == seen
            assert (host in world.run.standing.failed) is not fine

    asyncio.run(both())
