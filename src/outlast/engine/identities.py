"""By which name a task is known again: when the same files are run another time, it is the same.

Knows that a task is named after the way that leads to it (playbook, play, section, places in
the tree of blocks), and what a dynamic include brings in after the include and what it named.
No host stands in it: all that go through a task have one name for it. Only names; nothing here
changes what is run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from outlast.engine.results import Include
from outlast.playbook.model import Block, Play, Step, Task

_INCLUDED = ">"
"""Stands before what a dynamic include brings in."""
_SECTIONS = ("pre_tasks", "tasks", "post_tasks", "handlers")


class Identities(Struct):
    """The names of the tasks of the play that runs."""

    _play: str = ""
    _names: dict[int, tuple[Task, str]] = field(default_factory=dict)
    """The task is kept, lest another gets its id."""
    _turns: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of handlers alone: all else a host meets once."""

    def begin_play(self, play: Play, name: str) -> None:
        """Name the tasks of *play*, which is called *name*; those of the play before are over."""
        self._play = name
        self._turns.clear()
        self.name_anew(play)

    def name_anew(self, play: Play) -> None:
        """Name the tasks of the play that runs, which are others now, as those they stand for."""
        self._names.clear()
        for section in _SECTIONS:
            self._walk(getattr(play, section), f"{self._play}/{section}")

    def begin_included(
        self, task: Task, mark: str, steps: Sequence[Step], handlers: Sequence[Step]
    ) -> None:
        """Name what *task* has included: *mark* tells it from all else that *task* includes."""
        inside = f"{self.of(task)}{_INCLUDED}{mark}"
        self._walk(steps, inside)
        self._walk(handlers, f"{inside}/handlers")

    def of(self, task: Task) -> str:
        """Give the name of *task*; the one that gathers facts is written nowhere."""
        if task.implicit:
            return f"{self._play}/facts"
        _, name = self._names.get(id(task), (task, ""))
        return name

    def depth(self, task: Task) -> int:
        """Count the includes that have led to *task*."""
        return self.of(task).count(_INCLUDED)

    def turn(self, name: str, host: str, *, handler: bool) -> int:
        """Count that *host* begins the task called *name*; gives how often it has before."""
        if not handler:
            return 0
        turn = self._turns[name, host]
        self._turns[name, host] = turn + 1
        return turn

    def _walk(self, steps: Sequence[Step], inside: str) -> None:
        for number, step in enumerate(steps):
            name = f"{inside}/{number}"
            if isinstance(step, Task):
                self._names[id(step)] = (step, name)
            else:
                self._walk_block(step, name)

    def _walk_block(self, block: Block, name: str) -> None:
        if block.role is not None:
            name = f"{name}({block.role.full_name})"
        self._walk(block.block, name)
        self._walk(block.rescue, f"{name}/rescue")
        self._walk(block.always, f"{name}/always")


def play_name(playbook: str, before: Sequence[str], number: int) -> str:
    """Give the name of a play: the file's, and the play's *number* in it.

    The folder does not count: who names the file from another one means the same file. *before*
    are the playbooks of this run that came before it.
    """
    name = playbook.rpartition("/")[2]
    again = sum(one.rpartition("/")[2] == name for one in before)
    return f"{name}{f'+{again}' if again else ''}#{number}"


def marks(includes: Iterable[Include]) -> list[str]:
    """Give for each of what one task includes a mark that tells it from the others.

    It follows from what is included and its item, not from who asks first: with other hosts, or
    when each host comes alone, it is the same. Items under no_log are only counted.
    """
    seen: Counter[str] = Counter()
    given = []
    for include in includes:
        mark = _mark(include)
        given.append(f"{mark}+{seen[mark]}" if seen[mark] else mark)
        seen[mark] += 1
    return given


def _mark(include: Include) -> str:
    mark = include.path
    if include.role is not None and (tasks := include.role.files.get("tasks")):
        mark += f":{tasks}"
    if not include.looped or include.no_log:
        return mark
    from hashlib import sha256  # noqa: PLC0415  # few playbooks include in loops

    item = json.dumps(include.variables, default=_plain, skipkeys=True)
    return f"{mark}[{sha256(item.encode()).hexdigest()[:10]}]"


def _plain(value: object) -> object:
    """Give what JSON has no form for as text: a template as it is written, wherever that is."""
    return getattr(value, "text", str(value))
