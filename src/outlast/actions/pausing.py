"""pause: waiting for some time, or for a person."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time

from outlast.actions.argument_spec import Argument, Spec, boolean, text
from outlast.actions.prompting import answer, interactive
from outlast.actions.saying import with_warning
from outlast.call import Call
from outlast.outcome import Ok, Outcome, Performed


def _whole(value: object) -> int:
    return int(value)  # type: ignore[call-overload,no-any-return]  # as stock: fractions are cut off


_SPEC = Spec(
    {
        "echo": Argument(boolean, "bool", default=True),
        "minutes": Argument(_whole, "int"),
        "seconds": Argument(_whole, "int"),
        "prompt": Argument(text, "str"),
    },
    exclusive=(("minutes", "seconds"),),
)
_DEFAULT_PROMPT = "Press enter to continue, Ctrl+C to interrupt"
_NOBODY = "Not waiting for response to prompt as stdin is not interactive"


async def pause(call: Call) -> Performed:
    """Wait for the time given; without one, for the enter key where somebody can press it."""
    args = _SPEC.check(call.args, "pause")
    echo = bool(args["echo"])
    hidden = "" if echo else " (output is hidden)"
    seconds = _seconds(args)
    began, start = time.monotonic(), str(dt.datetime.now())  # local time, as stock
    said = ""
    if seconds is not None:
        call.say(f"Pausing for {seconds} seconds{hidden}")
        await asyncio.sleep(seconds)
    elif interactive(sys.stdin):
        asked = args["prompt"] or _DEFAULT_PROMPT
        call.say(f"[{call.task_name.strip()}]\n{asked}{hidden}:")
        said = await answer(sys.stdin, echo=echo)
    outcome = _report(args, echo=echo, start=start, took=time.monotonic() - began, said=said)
    if seconds is None and not interactive(sys.stdin):
        outcome = with_warning(outcome, _NOBODY)
    return Performed(outcome)


def _seconds(args: dict[str, object]) -> int | None:
    for unit, factor in (("minutes", 60), ("seconds", 1)):
        value = args[unit]
        if isinstance(value, int):
            return max(value * factor, 1)
    return None


def _report(args: dict[str, object], *, echo: bool, start: str, took: float, said: str) -> Outcome:
    unit = "seconds" if args["seconds"] is not None else "minutes"
    shown = round(took if unit == "seconds" else took / 60, 2)
    return Ok(
        {
            "rc": 0,
            "stdout": f"Paused for {shown} {unit}",
            "stderr": "",
            "start": start,
            "stop": str(dt.datetime.now()),  # local time, as stock
            "delta": int(took),
            "echo": echo,
            "user_input": said,
        }
    )
