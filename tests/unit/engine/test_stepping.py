"""What `--step` asks, and what follows from the answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from unit.engine.play_world import World, play, task

from outlast.errors import OutlastError
from outlast.events import Said, TaskStarted

pytestmark = pytest.mark.looptime


@dataclass
class Typist:
    lines: list[str]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, text, *, private):
        self.asked.append(text)
        return self.lines.pop(0) if self.lines else None


async def run(*lines, tasks=("1", "2", "3"), plays=1, **given):
    world = World(hosts=("a", "b"), ask_anybody=Typist(list(lines)), step=True)
    await world.play(*[play(*map(task, tasks), **given) for _ in range(plays)])
    return world


async def test_only_who_says_yes_gets_the_task_and_all_hosts_share_the_answer():
    world = await run("y", "", "YES")
    assert [event.task.name for event in world.events.of(TaskStarted)] == ["1", "3"]
    assert [call[0] for call in world.actions.calls] == ["1", "1", "3", "3"]
    assert world.ask_anybody.asked[0] == "Perform task: TASK: 1 (N)o/(y)es/(c)ontinue: "
    assert all(event.banner for event in world.events.of(Said))


async def test_who_wants_to_continue_is_asked_again_in_the_next_play():
    world = await run("c", "n", "n", "c", plays=2)
    assert [event.task.name for event in world.events.of(TaskStarted)] == ["1", "2", "3", "3"]


async def test_an_input_that_has_ended_ends_the_run():
    with pytest.raises(OutlastError, match="the input has ended"):
        await run("y")


async def test_hosts_at_their_own_pace_are_asked_for_one_by_one():
    world = await run(*["y", "n"] * 3, tasks=("1", "2", "3"), strategy="free")
    asked = world.ask_anybody.asked
    assert len(asked) == 6
    assert asked[:2] == [
        "Perform task: TASK: 1 on a (N)o/(y)es/(c)ontinue: ",
        "Perform task: TASK: 1 on b (N)o/(y)es/(c)ontinue: ",
    ]
    assert len(world.actions.calls) == 3


async def test_who_wants_to_continue_is_not_asked_for_the_other_hosts_either():
    world = await run("y", "c", strategy="host_pinned")
    assert len(world.ask_anybody.asked) == 2
    assert len(world.actions.calls) == 6
