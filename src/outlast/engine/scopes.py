"""What a task sees on a host: the host's variables, those of its role, and where files lie.

Knows which of a task's words bear on that. Leaves precedence to the owner of variables.
"""

from __future__ import annotations

import os

from outlast.engine.ports import Wiring
from outlast.playbook.model import Task
from outlast.values import Scope


def scope_of(wiring: Wiring, task: Task, host: str) -> Scope:
    """Give what *task* sees on *host*."""
    words = task.keywords
    return wiring.variables.scope(
        host,
        words.vars,
        environment=words.environment,
        params=words.params,
        role=task.role,
        search_path=tuple(dict.fromkeys(search_path(wiring, task))),
    )


def search_path(wiring: Wiring, task: Task) -> tuple[str, ...]:
    """Give the folders *task* looks for files in: its roles', its own file's, the playbook's.

    The playbook's comes last whether it has been named or not: so do stock's lists of places.
    """
    roles = task.role.folders if task.role else ()
    beside = os.path.dirname(task.origin.path)  # noqa: PTH120  # text in, text out
    return (*roles, *(() if beside in roles else (beside,)), *wiring.search_path)
