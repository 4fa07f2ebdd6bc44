"""How tasks are called towards listeners."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.call import Evaluate
from outlast.engine.identities import Identities
from outlast.engine.terms import TermsReader
from outlast.errors import EvaluationError
from outlast.events import EventSink, Noticed, TaskLabel
from outlast.outcome import Warned
from outlast.playbook.model import ActionCall, Task
from outlast.values import Scope, Template, Value

_INCLUDE_ROLE = "ansible.builtin.include_role"


class Labels(Struct, frozen=True):
    """Gives each task its label; one task keeps one key, whichever host asks."""

    evaluate: Evaluate
    reader: TermsReader
    events: EventSink
    identities: Identities = field(default_factory=Identities)
    _keys: dict[int, tuple[Task, int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def label(self, task: Task, scope: Scope, *, handler: bool) -> TaskLabel:
        """Give the label of *task* as the host of *scope* sees its name."""
        _, key = self._keys.setdefault(id(task), (task, next(self._numbers)))
        check_mode, diff = self._modes(task, scope)
        name = self._evaluated(task.name, scope)
        return TaskLabel(
            key=key,
            identity=self.identities.of(task),
            name=full_name(task, name),
            own_name=name,
            action=task.action.name,
            origin=task.origin,
            handler=handler,
            check_mode=check_mode,
            diff=diff,
        )

    def _evaluated(self, name: Value, scope: Scope) -> str:
        if not isinstance(name, Template):
            return "" if name is None else str(name)
        text, notes = self.evaluate.label(name, scope)
        if notes:
            errors = "1 template error" if len(notes) == 1 else f"{len(notes)} template errors"
            told = "\n".join([f"Encountered {errors}.", *notes])
            self.events.emit(Noticed(Warned(told, name.origin)))
        return str(text)

    def _modes(self, task: Task, scope: Scope) -> tuple[bool, bool]:
        try:
            terms = self.reader.read(task, scope)
        except EvaluationError:
            return self.reader.check_mode, self.reader.diff
        written = isinstance(task.keywords.check_mode, Template)  # stock looks at it unevaluated
        return terms.check_mode or written, terms.diff


def full_name(task: Task, name: str) -> str:
    """Give what a banner calls *task*: its *name*, with the role's before it."""
    if task.action.resolved == _INCLUDE_ROLE:
        args = task.action.args
        asked = args.get("name", args.get("role"))
        shown = asked.text if isinstance(asked, Template) else asked  # stock's, too
        return name or f"{task.action.name} : {shown}"
    shown = name or task.action.name
    return f"{task.role.full_name} : {shown}" if task.role else shown


def labelled(label: TaskLabel, written: ActionCall, action: ActionCall | None) -> TaskLabel:
    """Give *label* with the name that the template in *written* came to, in *action*."""
    if written.late is None or action is None:
        return label
    name = label.name
    if not label.own_name:
        name = name.removesuffix(written.name) + action.name
    return replace(label, name=name, action=action.name)
