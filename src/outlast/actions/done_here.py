"""What the controller itself does under `async`: done at once, then recorded as an ended job.

Knows that whoever asks for the job later (async_status, a polled task, somebody at the host) is
to find what the task would have said without `async`. Leaves doing it to the action, and
recording it to the host.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping

from msgspec.structs import replace

from outlast.actions.modules import started
from outlast.call import Call
from outlast.errors import Cause, Refused
from outlast.outcome import Detached, Failed, Ok, Outcome, Performed, censored, registered
from outlast.values import Template
from outlast.work import Given

OF_GROWTH = "outlast_growth"
"""Marks the result of a job that made the inventory more.

No module's result may have the keys that such a one has; this one is told from theirs by it.
"""
_LATE = "Timeout exceeded"
"""What stock says of a job that has not ended within its limit."""


async def here(call: Call, act: Callable[[], Awaitable[Performed]]) -> Performed:
    """Do what the controller alone can do, on a host that can keep what comes of it."""
    if call.job.name:
        # Whether such a job is there already would be known too late.
        text = f"outlast_job is of no use to {call.written_as}, which the controller does at once."
        raise Refused(text)
    return await partly(call, act)


async def partly(call: Call, act: Callable[[], Awaitable[Performed]]) -> Performed:
    """Do the controller's part of an action; what needed no job of its own is recorded as one.

    The limit holds for that part, and anew for a job that it starts.
    """
    deadline = asyncio.timeout(call.limit if call.limit > 0 else None)
    try:
        async with deadline:
            performed = await act()
    except TimeoutError:
        if not deadline.expired():  # somebody else's: a bug, not ours to hide
            raise
        performed = Performed(Failed({"msg": _LATE}, (Cause("Module failed."), Cause(_LATE))))
    return await _recorded(call, performed)


async def _recorded(call: Call, performed: Performed) -> Performed:
    outcome = performed.outcome
    if isinstance(outcome, Detached) or not performed.begun:
        return performed
    if performed.growth is not None and isinstance(outcome, Ok):
        outcome = replace(outcome, changed=call.grow(performed.growth))
    # What was encrypted on the controller is not to lie on the host in the clear.
    told = censored(outcome) if performed.secret else outcome
    result = plain(registered(told))
    assert isinstance(result, dict)  # noqa: S101  # it was one
    if performed.growth is not None:
        result[OF_GROWTH] = True
    start = await started(call, await call.session(), Given(action=call.written_as, result=result))
    job = start.outcome
    if not isinstance(job, Detached):
        return start
    return replace(performed, outcome=replace(job, known=outcome), growth=None)


def with_job(known: Outcome, job: Mapping[str, object]) -> Outcome:
    """Give what came of a task with what stock adds to the result of a polled job."""
    empty = {"stdout": "", "stdout_lines": [], "stderr": "", "stderr_lines": []}
    return replace(known, payload={**empty, **known.payload, **job})


def plain(value: object) -> object:
    """Give *value* as a host can keep it; a template that nobody has looked at is its text."""
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member) for member in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Template):
        return value.text
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
