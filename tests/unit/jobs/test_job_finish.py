"""What an action adds to its last run's answer is added on the host when that run was a job."""

from __future__ import annotations

import json

import pytest

from outlast_agent.supervision.finish import finished


@pytest.mark.parametrize(
    ("rules", "result", "made"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"only": ["a", "b"]}, {"a": 1, "c": 2}, {"a": 1}),
        ({"fill": {"a": 1}}, {"a": ""}, {"a": 1}),
        ({"fill": {"a": 1}}, {"a": 2}, {"a": 2}),
        ({"add": {"a": 1}}, {}, {"a": 1}),
        ({"add": {"a": 1}}, {"a": ""}, {"a": ""}),
        ({"alike": {"b": "a"}}, {"a": 1}, {"a": 1, "b": 1}),
        ({"alike": {"b": "a"}}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        ({"alike": {"b": "a"}}, {"a": 1, "failed": True}, {"a": 1, "failed": True}),
        ({"alike": {"b": "a"}}, {"a": 1, "rc": 2}, {"a": 1, "rc": 2}),
        ({"changed": True}, {"changed": False}, {"changed": True}),
        ({"complaint": "no"}, {"rc": 0}, {"rc": 0}),
        ({"complaint": "no"}, {"rc": 3}, {"rc": 3, "failed": True, "msg": "no"}),
        ({"complaint": "no"}, {}, {"failed": True, "msg": "no"}),
        ({"warnings": ["w"]}, {}, {"warnings": ["w"]}),
        ({"warnings": ["w"]}, {"warnings": ["v"]}, {"warnings": ["v", "w"]}),
    ],
)
def test_each_rule_does_one_thing(rules, result, made):
    assert finished(result, json.dumps(rules)) == made


def test_without_rules_a_result_stays_as_it_is():
    assert finished({"rc": 3, "changed": False}, "") == {"rc": 3, "changed": False}
