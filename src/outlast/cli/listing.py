"""What a playbook would do, as text: --list-hosts, --list-tasks, --list-tags, --syntax-check.

Knows stock's layout of these lists and which tasks they show. Leaves parsing and matching
hosts to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from outlast.cli.options import RunOptions
from outlast.engine.ports import Tags
from outlast.playbook.model import Block, Play, Step, Task
from outlast.values import Template, Value


class Listed(Struct, frozen=True):
    """A play with what its header means in this inventory."""

    play: Play
    patterns: tuple[str, ...]
    """Its `hosts`, evaluated."""
    hosts: tuple[str, ...] = ()
    """The hosts they match, within the limit."""


def listing(playbook: str, plays: Sequence[Listed], options: RunOptions) -> str:
    """Give what stock prints about *playbook* instead of running it.

    A syntax check shows the playbook alone, whatever else was asked for.
    """
    text = f"\nplaybook: {playbook}\n"
    if options.syntax_check:
        return text
    wanted = Tags(frozenset(options.tags), frozenset(options.skip_tags))
    return text + "".join(
        _play(number, listed, wanted, options) for number, listed in enumerate(plays, start=1)
    )


def _play(number: int, listed: Listed, wanted: Tags, options: RunOptions) -> str:
    words = listed.play.keywords
    tags = words.tags.union(tag.text for tag in words.late_tags)
    hosts = ",".join(listed.patterns)
    name = _text(listed.play.name) or hosts
    lines = ["", f"  play #{number} ({hosts}): {name}\tTAGS: [{','.join(sorted(tags))}]"]
    if options.list_hosts:
        lines.append(f"    pattern: {list(listed.patterns)}")
        lines.append(f"    hosts ({len(listed.hosts)}):")
        lines += [f"      {host}" for host in listed.hosts]
    tasks = [task for task in _tasks(listed.play) if wanted.select(task.keywords.tags)]
    if options.list_tasks:
        lines.append("    tasks:")
        lines += [f"      {_name(task)}\tTAGS: [{_tags(tags, [task])}]" for task in tasks]
    if options.list_tags:
        lines.append(f"      TASK TAGS: [{_tags(tags, tasks)}]")
    return "\n".join(lines) + "\n"


def _tasks(play: Play) -> Iterator[Task]:
    for section in (play.pre_tasks, play.tasks, play.post_tasks):
        for step in section:
            yield from _walked(step)


def _walked(step: Step) -> Iterator[Task]:
    """Yield a step's tasks; those of rescue and always are not what is planned."""
    if isinstance(step, Block):
        for inner in step.block:
            yield from _walked(inner)
    elif not step.implicit:
        yield step


def _name(task: Task) -> str:
    name = _text(task.name)
    if not name:
        return task.action.name
    return f"{task.role.full_name} : {name}" if task.role else name


def _tags(of_play: frozenset[str], tasks: Sequence[Task]) -> str:
    return ", ".join(sorted(of_play.union(*(task.keywords.tags for task in tasks))))


def _text(value: Value) -> str:
    return value.text if isinstance(value, Template) else str(value or "")
