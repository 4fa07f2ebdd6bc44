"""Which handlers run, on whom, in which order, how often."""

from __future__ import annotations

import pytest
from unit.engine.play_world import World, play, task

from outlast.errors import OutlastError
from outlast.settings import Settings


def flush():
    return task("flush", "meta", args={"_raw_params": "flush_handlers"})


async def test_handlers_run_once_in_the_order_they_are_defined():
    world = World(hosts=("a",))
    world.changes("one", "a")
    world.changes("two", "a")
    handlers = (task("first", "debug"), task("second", "debug"))
    await world.play(
        play(
            task("one", notify=("second", "first")),
            task("two", notify=("second",)),
            handlers=handlers,
        )
    )
    assert [name for name, _ in world.actions.calls] == ["one", "two", "first", "second"]


async def test_only_a_change_notifies_and_only_its_host_runs():
    world = World()
    world.changes("one", "b")
    await world.play(play(task("one", notify=("h",)), handlers=(task("h", "debug"),)))
    assert [host for name, host in world.actions.calls if name == "h"] == ["b"]


async def test_everyone_who_listens_is_told():
    world = World(hosts=("a",))
    world.changes("one", "a")
    handlers = (task("x", "debug", listen=("topic",)), task("y", "debug", listen=("topic",)))
    await world.play(play(task("one", notify=("topic",)), handlers=handlers))
    assert [name for name, _ in world.actions.calls] == ["one", "x", "y"]


async def test_of_two_handlers_with_one_name_the_first_counts():
    world = World(hosts=("a",))
    world.changes("one", "a")
    handlers = (task("h", "debug", register="first"), task("h", "debug", register="second"))
    await world.play(play(task("one", notify=("h",)), handlers=handlers))
    assert "first" in world.variables.hosts["a"]
    assert "second" not in world.variables.hosts["a"]


async def test_a_flush_in_the_middle_runs_what_is_due_by_then():
    world = World(hosts=("a",))
    for name in ("one", "two"):
        world.changes(name, "a")
    steps = (task("one", notify=("h",)), flush(), task("two", notify=("h",)))
    await world.play(play(*steps, handlers=(task("h", "debug"),)))
    assert [name for name, _ in world.actions.calls] == ["one", "h", "two", "h"]


async def test_a_handler_may_notify_a_later_one():
    world = World(hosts=("a",))
    world.changes("one", "a")
    world.changes("h1", "a")
    handlers = (task("h1", "debug", notify=("h2",)), task("h2", "debug"))
    await world.play(play(task("one", notify=("h1",)), handlers=handlers))
    assert [name for name, _ in world.actions.calls] == ["one", "h1", "h2"]


async def test_each_section_flushes():
    world = World(hosts=("a",))
    world.changes("pre", "a")
    pre = (task("pre", notify=("h",)),)
    await world.play(play(task("t"), pre_tasks=pre, handlers=(task("h", "debug"),)))
    assert [name for name, _ in world.actions.calls] == ["pre", "h", "t"]


async def test_a_failed_host_runs_no_handlers_unless_they_are_forced():
    for force, expected in ((False, []), (True, ["a"])):
        world = World(hosts=("a",))
        world.changes("one", "a")
        world.fails("two", "a")
        steps = (task("one", notify=("h",)), task("two"))
        await world.play(play(*steps, handlers=(task("h", "debug"),), force_handlers=force))
        assert [host for name, host in world.actions.calls if name == "h"] == expected


async def test_a_failing_handler_fails_its_host():
    world = World()
    world.changes("one", *world.hosts)
    world.fails("h1", "b")
    handlers = (task("h1", "debug"), task("h2", "debug"))
    assert await world.play(play(task("one", notify=("h1", "h2")), handlers=handlers)) == 2
    assert [host for name, host in world.actions.calls if name == "h2"] == ["a", "c"]


async def test_a_missing_handler_is_an_error_of_the_run():
    world = World(hosts=("a",))
    world.changes("one", "a")
    with pytest.raises(OutlastError, match="The requested handler 'nope' was not found"):
        await world.play(play(task("one", notify=("nope",))))


async def test_a_missing_handler_may_be_a_warning():
    world = World(hosts=("a",), settings=Settings(error_on_missing_handler=False))
    world.changes("one", "a")
    assert await world.play(play(task("one", notify=("nope",)))) == 0
