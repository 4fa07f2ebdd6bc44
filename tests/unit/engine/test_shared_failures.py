"""Who is failed by whom, how far that reaches, and what brings them back."""

from __future__ import annotations

from unit.engine.play_world import World, block, play, task


def went(world, name):
    return [host for named, host, _ in world.events.ended() if named == name]


async def test_who_was_failed_by_another_is_out_of_the_next_play_whatever_rescued_them():
    world = World()
    world.fails("risky", "b")
    first = play(block(task("risky", any_errors_fatal=True), rescue=[task("mend")]), task("after"))
    code = await world.play(first, play(task("next")))
    assert went(world, "mend") == went(world, "after") == ["a", "b", "c"]
    assert went(world, "next") == ["b"]
    assert code == 2


async def test_of_a_run_once_only_who_ran_it_is_rescued_and_all_go_through_always():
    world = World()
    world.fails("once", "a")
    steps = block(task("once", run_once=True), rescue=[task("mend")], always=[task("tidy")])
    code = await world.play(play(steps, task("after")))
    assert went(world, "mend") == ["a"]
    assert went(world, "tidy") == ["a", "b", "c"]
    assert went(world, "after") == ["a"]
    assert code == 2


async def test_errors_that_are_cleared_stay_cleared():
    world = World()
    world.fails("risky", "b")
    clear = task("clear", "meta", args={"_raw_params": "clear_host_errors"})
    code = await world.play(play(task("risky"), clear, task("after")), play(task("next")))
    assert went(world, "after") == ["a", "c"]
    assert went(world, "next") == ["a", "b", "c"]
    assert code == 0


async def test_a_handler_that_fails_is_rescued_by_the_block_around_the_flush():
    world = World(hosts=("a",))
    world.changes("one", "a")
    world.fails("h", "a")
    flush = task("flush", "meta", args={"_raw_params": "flush_handlers"})
    steps = block(task("one", notify=("h",)), flush, rescue=[task("mend")])
    code = await world.play(play(steps, handlers=(task("h"),)))
    assert went(world, "mend") == ["a"]
    assert world.tally("a")["rescued"] == 1
    assert code == 0


async def test_who_has_left_an_inner_block_as_failed_is_not_failed_again_before_its_rescue():
    world = World()
    world.fails("own", "a")
    world.fails("risky", "b")
    inner = block(task("own"))
    steps = block(inner, task("risky", any_errors_fatal=True), rescue=[task("mend")])
    await world.play(play(steps))
    assert went(world, "mend") == ["a", "b", "c"]


async def test_a_percentage_beside_a_rescue_leaves_its_first_task_to_those_that_failed():
    world = World(hosts=("a", "b", "c"))
    world.fails("risky", "b")
    rescue = [task("mend"), task("more")]
    steps = block(task("risky", any_errors_fatal=True), rescue=rescue)
    code = await world.play(play(steps, task("after"), max_fail_percentage=50), play(task("next")))
    assert went(world, "mend") == ["b"]
    assert went(world, "more") == went(world, "after") == went(world, "next") == []
    assert code == 2


async def test_who_has_an_always_to_come_does_not_count_towards_the_percentage():
    world = World(hosts=("a", "b", "c"))
    world.fails("risky", "a", "b")
    steps = block(task("risky"), always=[task("tidy")])
    await world.play(play(steps, task("after"), max_fail_percentage=0))
    assert went(world, "tidy") == ["a", "b", "c"]
    assert went(world, "after") == ["c"]
