"""Looking at many things without keeping others waiting.

Knows how long the agent may be busy at a time. Leaves what is looked at to the op, and answering
to whoever asked for it all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from outlast_agent.agent import Agent
from outlast_agent.request import Request

_SLICE = 0.02
"""Seconds spent at a time, before others have their turn."""


def gather(
    agent: Agent,
    request: Request,
    found: Generator[dict[str, object], None, None],
    done: Callable[[list[dict[str, object]]], None],
) -> None:
    """Call *done* with all that is *found*, later, unless the request is withdrawn before."""
    rows: list[dict[str, object]] = []

    def go_on() -> None:
        until = time.monotonic() + _SLICE
        for row in found:
            rows.append(row)
            if time.monotonic() > until:
                agent.loop.call_later(0, go_on)
                return
        if request.open:
            done(rows)

    def give_up() -> None:
        found.close()
        request.cancelled()

    request.on_cancel = give_up
    go_on()
