"""Which host a task really runs on, and with whose variables it is reached.

The delegate's own variables say how to reach it; loop variables and the task's vars stay
visible to them. Facts and results stay with the original host: that is for `tasks` to see to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from outlast.engine.ports import Wiring
from outlast.engine.scopes import scope_of
from outlast.errors import EvaluationError
from outlast.playbook.model import Task
from outlast.values import OMIT, Overlaid, Scope, Template

_NOBODY: Final = (None, "")
"""What stands for the host itself when it is written; a template that gives no text is wrong."""


class Delegate(Struct, frozen=True):
    """The host that stands in."""

    name: str
    scope: Scope
    address: str | None
    """Its `ansible_host`, where the inventory gives one."""


def as_written(task: Task, scope: Scope) -> Delegate | None:
    """Give the delegate as the playbook writes it, for a task that fails before it is known."""
    name = task.keywords.delegate_to
    if name in _NOBODY:
        return None
    return Delegate(name.text if isinstance(name, Template) else str(name), scope, None)


def delegate_of(task: Task, scope: Scope, wiring: Wiring) -> Delegate | None:
    """Give the delegate of *task* for the host and item of *scope*; None: the host itself."""
    if task.keywords.delegate_to in _NOBODY:
        return None
    name = wiring.evaluate.render(task.keywords.delegate_to, scope)
    if name is OMIT or name is None:
        return None
    if name == "":
        written = getattr(task.keywords.delegate_to, "text", "")  # only a template can give it
        raise EvaluationError(f'Empty hostname produced from delegate_to: "{written}"')
    own = Overlaid(local_names(scope), scope_of(wiring, task, str(name)))
    address = wiring.evaluate.render(own["ansible_host"], own) if "ansible_host" in own else None
    return Delegate(str(name), own, str(address) if address is not None else None)


def local_names(scope: Scope) -> Mapping[str, object]:
    """Give what was put on top of *scope*: loop variables and the like."""
    return scope.over if isinstance(scope, Overlaid) else {}
