"""validate_argument_spec: what a role is given, held against what it says it takes.

Knows where the arguments come from. Leaves the check to ansible-core's own validator, which
is imported only when a role has a specification: it costs more than a plain play.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.errors import ActionFailed
from outlast.outcome import Ok, Performed


async def validate_argument_spec(call: Call) -> Performed:
    """Check the arguments that are given and those that are variables of the task."""
    context = call.args.get("validate_args_context", {})
    if "argument_spec" not in call.args:
        raise ActionFailed(f'"argument_spec" arg is required in args: {dict(call.args)}')
    spec = _mapping(call, "argument_spec")
    given = _mapping(call, "provided_arguments")
    in_scope = {name: call.scope[name] for name in spec if name in call.scope}
    seen = call.evaluate.render(in_scope, call.scope)
    arguments = {**(seen if isinstance(seen, dict) else {}), **given}
    errors = await asyncio.to_thread(_errors, spec, arguments)
    if not errors:
        passed = {"msg": "The arg spec validation passed", "validate_args_context": context}
        return Performed(Ok(passed))
    said = "\n".join(errors)
    return Performed(
        action_failed(
            {
                "msg": f"Validation of arguments failed:\n{said}",
                "argument_spec_data": spec,
                "argument_errors": list(errors),
                "validate_args_context": context,
            }
        )
    )


def _mapping(call: Call, name: str) -> Mapping[str, object]:
    value = call.args.get(name, {})
    if not isinstance(value, dict):
        told = f"Incorrect type for {name}, expected dict and got {type(value)}"
        raise ActionFailed(told)
    return value


def _errors(spec: Mapping[str, object], arguments: Mapping[str, object]) -> Sequence[str]:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator  # noqa: PLC0415  # dear

    result = ArgumentSpecValidator(dict(spec)).validate(
        dict(arguments), validate_role_argument_spec=True
    )
    return [str(message) for message in result.error_messages]
