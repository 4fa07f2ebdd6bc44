"""`--step`: each task is asked for before it runs.

Knows stock's question and what the answers mean: hosts that keep step share an answer, one that
goes at its own pace has its own. One question is asked at a time. Leaves asking to whoever
implements `Ask`.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from outlast.engine.labels import full_name
from outlast.engine.ports import Wiring
from outlast.engine.standing import Standing
from outlast.errors import Unanswered
from outlast.events import Said
from outlast.playbook.model import Task
from outlast.values import Template


class Stepping(Struct, frozen=True):
    """Asks for the tasks of a play, until it is told to go on."""

    wiring: Wiring
    standing: Standing
    floor: asyncio.Lock
    """Held by the host whose result is being told, or which is asked for."""

    async def wanted(self, task: Task, *, handler: bool, host: str | None = None) -> bool:
        """Tell whether *task* is to run; only who says yes gets it.

        *host* is the one that goes its own way. Raises `Unanswered`.
        """
        if not self.wiring.step:
            return True
        async with self.floor:
            return self.standing.carry_on or await self._answered(task, handler=handler, host=host)

    async def _answered(self, task: Task, *, handler: bool, host: str | None) -> bool:
        kind = "HANDLER" if handler else "TASK"
        where = f" on {host}" if host else ""
        question = f"Perform task: {kind}: {_name(task)}{where} (N)o/(y)es/(c)ontinue: "
        answer = await self.wiring.ask_anybody(question, private=False)
        if answer is None:
            raise Unanswered(
                "There is no answer to --step: the input has ended.",
                help_text="Run it at a terminal, or without --step.",
            )
        self.standing.carry_on = answer.lower() in ("c", "continue")
        self.wiring.events.emit(Said(question, banner=True))
        return self.standing.carry_on or answer.lower() in ("y", "yes")


def _name(task: Task) -> str:
    name = task.name.text if isinstance(task.name, Template) else task.name
    return full_name(task, str(name or ""))
