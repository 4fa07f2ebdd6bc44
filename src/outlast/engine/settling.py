"""Tasks that are judged when their jobs end, while the play goes on: `outlast_settle`.

Knows that such a task answers twice: that its jobs have started, which counts nowhere, and later
what became of them, which counts, notifies handlers and may fail its host. Leaves carrying the
task to its host to `loops`, and what a failed host misses to `blocks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.engine.beginning import Begun
from outlast.engine.loops import HostTask
from outlast.engine.results import HostResult
from outlast.engine.terms import TermsReader
from outlast.errors import EvaluationError
from outlast.playbook.model import Task
from outlast.values import Scope


class Answers(Struct, frozen=True):
    """Whoever hears what such a task has to say."""

    started: Callable[[HostResult], None]
    ended: Callable[[HostResult], None]


class Settling(Struct, frozen=True, kw_only=True):
    """Keeps the tasks of one company whose jobs still run."""

    group: asyncio.TaskGroup
    reader: TermsReader
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    def wanted(self, task: Task, scope: Scope) -> bool:
        """Tell whether *task* is to be judged when its jobs end, and nobody waits for them."""
        try:
            return self.reader.poll(task, scope) <= 0 and self.reader.settles(scope)
        except EvaluationError:
            return False  # the task will say so itself

    async def begin(self, host_task: HostTask, answers: Answers) -> HostResult:
        """Start the task's jobs; give its first answer, or its only one if none has started."""
        begun = Begun()
        work = replace(host_task, begun=begun)
        running = self.group.create_task(work.run(), name=f"{work.label.name} @ {work.host}")
        starting = self.group.create_task(begun.said.wait())
        await asyncio.wait((running, starting), return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        if not begun.started:
            result = await running
            answers.ended(result)
            return result
        answers.started(begun.result)
        later = self.group.create_task(_end(running, answers))
        self._open.add(later)
        later.add_done_callback(self._open.discard)
        return begun.result

    @property
    def open(self) -> bool:
        """Tell whether some are still to be judged."""
        return bool(self._open)

    async def ended(self) -> None:
        """Return when all that are open now have been judged."""
        await asyncio.wait(set(self._open))


async def _end(running: asyncio.Task[HostResult], answers: Answers) -> None:
    answers.ended(await running)
