"""A play from the middle on: where it is cut, and what of its blocks is left."""

from __future__ import annotations

import pytest
from unit.engine.play_world import World, block, play, task

from outlast.engine.ports import Tags
from outlast.engine.starting import begun_at
from outlast.events import Complained
from outlast.playbook.model import Block
from outlast.values import Template


def names(steps):
    return [
        [names(s.block), names(s.rescue), names(s.always)] if isinstance(s, Block) else s.name
        for s in steps
    ]


PLAY = play(
    task("b"),
    block(task("c"), task("d"), rescue=[task("r")], always=[task("z"), task("y")]),
    task("e"),
    pre_tasks=(task("a"),),
    post_tasks=(task("f"), task("")),
)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("a", [["a"], ["b", [["c", "d"], ["r"], ["z", "y"]], "e"], ["f", ""]]),
        ("d", [[], [[["d"], ["r"], ["z", "y"]], "e"], ["f", ""]]),
        ("y", [[], [[[], [], ["y"]], "e"], ["f", ""]]),
        ("[ef]", [[], ["e"], ["f", ""]]),
        ("ping", [[], [], [""]]),
    ],
)
def test_what_comes_before_the_task_is_left_out(name, left):
    begun = begun_at(PLAY, name, Tags())
    assert [names(s) for s in (begun.pre_tasks, begun.tasks, begun.post_tasks)] == left


@pytest.mark.parametrize("name", ["r", "nowhere", "D"])
def test_a_task_that_would_not_run_by_itself_is_not_found(name):
    assert begun_at(PLAY, name, Tags()) is None


def test_a_task_whose_tags_are_not_wanted_is_not_found():
    tagged = play(task("x", tags=frozenset({"t"})))
    assert begun_at(tagged, "x", Tags(skip=frozenset({"t"}))) is None
    assert begun_at(tagged, "x", Tags(only=frozenset({"t"}))) is not None


def test_a_name_is_compared_as_it_is_written():
    written = play(task(Template("is {{ x }}")))
    assert begun_at(written, "is {{ x }}", Tags()) is not None


@pytest.mark.looptime
async def test_plays_before_the_one_that_has_the_task_do_nothing_and_those_after_it_all():
    world = World(hosts=("a",), start_at="2")
    await world.play(play(task("0")), play(task("1"), task("2")), play(task("1"), task("2")))
    assert [name for name, _ in world.actions.calls] == ["2", "1", "2"]
    assert not world.events.of(Complained)


@pytest.mark.looptime
async def test_a_name_that_nobody_has_is_told_at_the_end():
    world = World(hosts=("a",), start_at="nowhere")
    assert await world.play(play(task("0"))) == 0
    [complaint] = world.events.of(Complained)
    assert complaint.why[0].message.startswith('No matching task "nowhere" found.')
