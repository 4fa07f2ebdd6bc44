"""What a role is given is held against what it says it takes."""

from __future__ import annotations

import pytest
from unit.actions.calls import a_call, actions

from outlast.outcome import Failed, Ok

SPEC = {"count": {"type": "int", "required": True}, "colour": {"choices": ["red", "blue"]}}


@pytest.fixture
def doing(tmp_path):
    return actions(tmp_path)


async def checked(doing, written, **scope):
    call = a_call("validate_argument_spec", written, scope=scope)
    return (await doing.perform(call)).outcome


async def test_what_fits_passes(doing):
    written = {"argument_spec": SPEC, "provided_arguments": {"count": "3"}}
    outcome = await checked(doing, written, colour="red")
    assert isinstance(outcome, Ok)
    assert outcome.payload["msg"] == "The arg spec validation passed"


async def test_variables_are_arguments_and_those_that_are_given_win(doing):
    written = {"argument_spec": SPEC, "provided_arguments": {"count": 1}}
    assert isinstance(await checked(doing, written, count="many"), Ok)
    assert isinstance(await checked(doing, {"argument_spec": SPEC}, count=1), Ok)


async def test_all_that_does_not_fit_is_told(doing):
    context = {"name": "web"}
    written = {"argument_spec": SPEC, "validate_args_context": context}
    outcome = await checked(doing, written, colour="green")
    assert isinstance(outcome, Failed)
    errors = [
        "missing required arguments: count",
        "value of colour must be one of: red, blue, got: green",
    ]
    assert outcome.payload == {
        "msg": "Validation of arguments failed:\n" + "\n".join(errors),
        "argument_errors": errors,
        "argument_spec_data": SPEC,
        "validate_args_context": context,
    }


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, '"argument_spec" arg is required in args'),
        ({"argument_spec": []}, "Incorrect type for argument_spec, expected dict and got"),
        (
            {"argument_spec": {}, "provided_arguments": "x"},
            "Incorrect type for provided_arguments, expected dict and got",
        ),
    ],
)
async def test_a_task_that_says_no_mappings_fails(doing, written, message):
    outcome = await checked(doing, written)
    assert isinstance(outcome, Failed)
    assert outcome.why[0].message.startswith(message)
