"""How tasks are called towards listeners."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from msgspec import Struct, field

from outlast.call import Evaluate
from outlast.engine.terms import TermsReader
from outlast.errors import EvaluationError
from outlast.events import EventSink, Noticed, TaskLabel
from outlast.outcome import Warned
from outlast.playbook.model import Task
from outlast.values import Scope, Template


class Labels(Struct, frozen=True):
    """Gives each task its label; one task keeps one key, whichever host asks."""

    evaluate: Evaluate
    reader: TermsReader
    events: EventSink
    _keys: dict[int, tuple[Task, int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def label(self, task: Task, scope: Scope, *, handler: bool) -> TaskLabel:
        """Give the label of *task* as the host of *scope* sees its name."""
        _, key = self._keys.setdefault(id(task), (task, next(self._numbers)))
        check_mode, diff = self._modes(task, scope)
        return TaskLabel(
            key=key,
            name=self._name(task, scope),
            action=task.action.name,
            origin=task.origin,
            handler=handler,
            check_mode=check_mode,
            diff=diff,
        )

    def _name(self, task: Task, scope: Scope) -> str:
        name: object = task.name
        if isinstance(task.name, Template):
            name, notes = self.evaluate.label(task.name, scope)
            if notes:
                errors = "1 template error" if len(notes) == 1 else f"{len(notes)} template errors"
                text = "\n".join([f"Encountered {errors}.", *notes])
                self.events.emit(Noticed(Warned(text, task.name.origin)))
        return str(name) if name not in (None, "") else task.action.name

    def _modes(self, task: Task, scope: Scope) -> tuple[bool, bool]:
        try:
            terms = self.reader.read(task, scope)
        except EvaluationError:
            return self.reader.check_mode, self.reader.diff
        return terms.check_mode, terms.diff
