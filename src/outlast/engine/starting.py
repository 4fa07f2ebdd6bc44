"""`--start-at-task`: a play without what comes before a task of that name.

Knows how stock looks for the name: as it is written, in the order in which the tasks would
run if none failed. Only computes. What a dynamic include brings in is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from typing import TypeAlias

from msgspec.structs import replace

from outlast.engine.ports import Tags
from outlast.playbook.model import Block, Play, Step, Task
from outlast.values import Template

_Wanted: TypeAlias = Callable[[Task], bool]


def begun_at(play: Play, name: str, tags: Tags) -> Play | None:
    """Give *play* from the task called *name* on (its facts are still gathered), if it has one.

    *name* may be a pattern.
    """

    def is_it(task: Task) -> bool:
        return tags.select(task.keywords.tags) and _is_called(task, name)

    sections = (play.pre_tasks, play.tasks, play.post_tasks)
    for number, section in enumerate(sections):
        rest = _from(section, is_it)
        if rest is not None:
            kept = [(), *[()] * number, rest, *sections[number + 1 :]][1:]
            return replace(play, pre_tasks=kept[0], tasks=kept[1], post_tasks=kept[2])
    return None


def nothing_of(play: Play) -> Play:
    """Give *play* with nothing to do."""
    return replace(play, gather_facts=False, pre_tasks=(), tasks=(), post_tasks=())


def _from(steps: Sequence[Step], is_it: _Wanted) -> tuple[Step, ...] | None:
    for number, step in enumerate(steps):
        rest = _within(step, is_it) if isinstance(step, Block) else step if is_it(step) else None
        if rest is not None:
            return (rest, *steps[number + 1 :])
    return None


def _within(block: Block, is_it: _Wanted) -> Block | None:
    """Give what is left of *block*; nothing has failed, so `rescue` is not looked at."""
    rest = _from(block.block, is_it)
    if rest is not None:
        return replace(block, block=rest)
    rest = _from(block.always, is_it)
    return None if rest is None else replace(block, block=(), rescue=(), always=rest)


def _is_called(task: Task, pattern: str) -> bool:
    name = task.name.text if isinstance(task.name, Template) else str(task.name or "")
    shown = name or task.action.name
    if task.role is not None:
        shown = f"{task.role.full_name} : {shown}"
    return (
        pattern in (name, shown) or fnmatch(shown, pattern) or bool(name and fnmatch(name, pattern))
    )
