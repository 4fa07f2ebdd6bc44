"""wait_for_connection: waiting until a host can be worked on, over connections made anew.

Knows what stock waits for and says. Leaves connecting, and how long one attempt at it may take,
to the call's session.
"""

from __future__ import annotations

import asyncio

from outlast.actions.argument_spec import only
from outlast.actions.modules import Modules
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.errors import ActionFailed, HostUnreachable, InterpreterMissing
from outlast.outcome import Failed, Ok, Performed, Skipped

_PING = "ansible.builtin.ping"
_OPTIONS = ("connect_timeout", "delay", "sleep", "timeout")


async def wait_for_connection(call: Call, modules: Modules) -> Performed:
    """Wait until the host takes a new connection and runs a module."""
    delay, sleep, patience = (
        whole(call, name, unset) for name, unset in (("delay", 0), ("sleep", 1), ("timeout", 600))
    )
    connecting = whole(call, "connect_timeout", 0)
    if call.check_mode:
        return Performed(Skipped({"failed": False}))
    only(call.args, _OPTIONS, call.written_as)
    clock = asyncio.get_running_loop()
    began = clock.time()
    await asyncio.sleep(delay)
    deadline = clock.time() + patience
    why = "there was no time to try it"
    while clock.time() < deadline:
        why = await _tried(call, modules, connecting or None, deadline)
        if not why:
            return Performed(Ok({"elapsed": int(clock.time() - began)}))
        await asyncio.sleep(sleep)
    elapsed = int(clock.time() - began)
    msg = f"timed out waiting for ping module test: {why}"
    return Performed(action_failed({"elapsed": elapsed, "msg": msg}))


def whole(call: Call, option: str, unset: int) -> int:
    """Give an option that is a number; what is none ends the task in stock's words."""
    value = call.args.get(option, unset)
    try:
        return int(value)  # type: ignore[call-overload,no-any-return]  # as stock: fractions are cut off
    except (TypeError, ValueError) as error:
        raise ActionFailed(str(error)) from error


async def _tried(call: Call, modules: Modules, connecting: float | None, deadline: float) -> str:
    """Connect and run a module; gives why that was not possible, or nothing.

    What is going on when the time is over is not waited for any longer.
    """
    try:
        async with asyncio.timeout_at(deadline):
            await call.reset()
            async with asyncio.timeout(connecting):
                await call.session()
            outcome = await modules.run(call, _PING, {})
    except TimeoutError:
        return "the host did not answer in time"
    except (ActionFailed, HostUnreachable, InterpreterMissing) as error:
        return error.message
    return str(outcome.payload.get("msg")) if isinstance(outcome, Failed) else ""
