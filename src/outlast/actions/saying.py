"""debug, fail, assert: actions that only look at variables and say something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from outlast.actions.argument_spec import Argument, Spec, boolean, only, whole_number
from outlast.actions.written_places import place_of
from outlast.call import Call
from outlast.errors import Cause, EvaluationError
from outlast.outcome import Failed, Ok, Outcome, Payload, Performed, Shown, Skipped, Warned
from outlast.values import Template, is_list, nowhere


def action_failed(payload: Payload) -> Failed:
    """Give the failure an action reports itself, its `msg` being the reason."""
    reason = str(payload.get("msg", "Unknown error."))
    return Failed(payload, (Cause("Action failed."), Cause(reason)))


# -- debug ----------------------------------------------------------------------------------


def _only_text(value: object) -> object:
    if isinstance(value, str):
        return value
    raise TypeError(f"'{value!r}' is not a string and conversion is not allowed")


_DEBUG = Spec(
    {
        "msg": Argument(default="Hello world!"),
        "var": Argument(_only_text, "_check_type_str_no_conversion"),
        "verbosity": Argument(whole_number, "int", default=0),
    },
    exclusive=(("msg", "var"),),
)


async def debug(call: Call) -> Performed:
    """Show a message or the value of an expression."""
    args = _DEBUG.check(call.args, "debug")
    verbosity, expression = args["verbosity"], args["var"]
    if isinstance(verbosity, int) and verbosity > call.verbosity:
        reason = "Verbosity threshold not met."
        return Performed(Skipped({"skipped_reason": reason, "failed": False}))
    if isinstance(expression, str) and expression:
        return Performed(await _shown(call, expression), shown="always")
    return Performed(Ok({"msg": call.args.get("msg", args["msg"])}), shown="always")


async def _shown(call: Call, expression: str) -> Outcome:
    """Give the value, with a note in place of what is undefined: that is what people debug."""
    try:
        value, notes = call.evaluate.shown(expression, call.scope)
    except EvaluationError as error:
        what = "Error while resolving `var` expression"
        place = await asyncio.to_thread(place_of, call, "var")
        raise EvaluationError(what, place or call.origin, causes=error.chain) from error
    if not notes:
        return Ok({expression: value})
    place = await asyncio.to_thread(place_of, call, "var")
    told = [
        Warned(f"Encountered 1 template error.\n{note.text}", note.origin or place)
        for note in notes
    ]
    return Ok({expression: value, "warnings": [one.text for one in told]}, notices=tuple(told))


# -- fail -----------------------------------------------------------------------------------


async def fail(call: Call) -> Performed:
    """Fail, with a message of the playbook's."""
    only(call.args, ("msg",), call.written_as)
    return Performed(action_failed({"msg": call.args.get("msg", "Failed as requested from task")}))


# -- assert ---------------------------------------------------------------------------------


def _text_or_texts(value: object) -> object:
    if isinstance(value, str) or (is_list(value) and all(isinstance(one, str) for one in value)):
        return value
    raise TypeError("a string or list of strings is required")


_ASSERT = Spec(
    {
        "that": Argument(required=True),
        "fail_msg": Argument(
            _text_or_texts, "str_or_list_of_str", default="Assertion failed", aliases=("msg",)
        ),
        "success_msg": Argument(
            _text_or_texts, "str_or_list_of_str", default="All assertions passed"
        ),
        "quiet": Argument(boolean, "bool", default=False),
    }
)


_UNTRUSTED = "Encountered untrusted template or expression."
_TRUSTED = (
    "Templates and expressions must be defined by trusted sources such as playbooks or roles, not"
    " untrusted sources such as module results."
)


async def assert_(call: Call) -> Performed:
    """Check conditions, one after the other; the first that is false ends it."""
    args = _ASSERT.check(call.args, "assert")
    shown: Shown = "usual" if args["quiet"] else "always"
    for condition, told in _conditions(call, args["that"]):
        if isinstance(condition, str) and not told:
            raise EvaluationError(_UNTRUSTED, nowhere(condition), help_text=_TRUSTED)
        if not await _holds(call, condition):
            # As it is written, even a template: evaluated when somebody looks at it.
            payload = {"assertion": condition, "evaluated_to": False, "msg": args["fail_msg"]}
            return Performed(action_failed(payload), shown=shown)
    return Performed(Ok({"msg": args["success_msg"]}), shown=shown)


async def _holds(call: Call, condition: object) -> bool:
    try:
        return call.evaluate.holds(condition, call.scope, call.origin)
    except EvaluationError:
        written = call.written.get("that")
        index = list(written).index(condition) if is_list(written) else None
        place = await asyncio.to_thread(place_of, call, "that", index)
        if place is None:
            raise
        return call.evaluate.holds(condition, call.scope, place)  # says it again, with its place


def _conditions(call: Call, given: object) -> list[tuple[object, bool]]:
    """Give the conditions as they are to be evaluated, and whether a file has them.

    One that is data, what a host has said, is no condition: evaluating it would run what was
    said. *given* is what the argument came to.
    """
    written = call.written.get("that")
    if written is None:
        return [(one, False) for one in _listed(given)]
    if isinstance(written, Template):
        named = call.evaluate.written(written, call.scope)
        if is_list(named):
            return [(one, True) for one in named]
        value = _value(call, written)
        if is_list(value):
            return [(one, False) for one in value]
    return [(one, True) for one in _listed(written)]


def _listed(value: object) -> Sequence[object]:
    return value if is_list(value) else [value]


def _value(call: Call, written: Template) -> object:
    try:
        return call.evaluate.render(written, call.scope)
    except EvaluationError:
        return None  # evaluating it as a condition says what is wrong


def with_warning(outcome: Outcome, warning: str) -> Outcome:
    """Give *outcome* with one more warning, for the playbook and for people."""
    said = outcome.payload.get("warnings")
    warnings = [*(said if is_list(said) else ()), warning]
    notices = (*outcome.notices, Warned(warning))
    return replace(outcome, payload={**outcome.payload, "warnings": warnings}, notices=notices)
