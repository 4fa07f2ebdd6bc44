"""An action's defaults: which entries of which levels apply to it."""

from __future__ import annotations

import pytest

from outlast.call import ResolvedAction
from outlast.errors import PlaybookError
from outlast.playbook.defaults import DefaultsReader
from outlast.playbook.model import ActionCall, Keywords
from outlast.values import Origin

_CORE = ("debug", "ping", "gather_facts", "setup")


class Core:
    def resolve(self, name, _collections=()):
        short = name.removeprefix("ansible.legacy.").removeprefix("ansible.builtin.")
        return ResolvedAction(f"ansible.builtin.{short}") if short in _CORE else None


def groups(name):
    return {"g": frozenset({"ansible.builtin.debug"})}.get(name)


def applied(action, *levels):
    call = ActionCall(action, f"ansible.builtin.{action}", {}, Origin("p.yml", 1, 1))
    return DefaultsReader(Core(), groups).applied(call, Keywords(module_defaults=levels))


def defaults_of(action, *levels):
    return list(applied(action, *levels).defaults)


def test_the_innermost_entry_of_an_action_replaces_the_others_however_it_is_spelt():
    assert defaults_of("debug", {"debug": {"a": 1}}, {"ansible.builtin.debug": {"b": 2}}) == [
        {"b": 2}
    ]
    assert defaults_of("ping", {"debug": {"a": 1}}) == []


def test_what_is_said_of_a_group_is_weaker_than_what_is_said_of_the_action():
    assert defaults_of("debug", {"debug": {"a": 1}}, {"group/g": {"a": 2}}) == [{"a": 2}, {"a": 1}]


def test_gathering_knows_the_defaults_of_what_it_hands_its_arguments_on_to():
    said = {"gather_facts": {"a": 1}, "setup": {"a": 2, "b": 3}, "group/g": {"c": 4}}
    gather = applied("gather_facts", said)
    assert gather.defaults == ({"a": 1},)
    assert gather.handed["ansible.builtin.setup"] == ({"a": 2, "b": 3},)
    assert gather.handed["ansible.builtin.debug"] == ({"c": 4},)
    assert applied("ping", said).handed == {}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("nosuch", "Could not resolve action ansible.legacy.nosuch in module_defaults"),
        ("a.b.c", "Could not resolve action a.b.c in module_defaults"),
        ("group/h", "could not resolve the module_defaults group ansible.builtin.h"),
    ],
)
def test_a_name_that_nobody_knows_is_refused(entry, told):
    with pytest.raises(PlaybookError, match=told):
        defaults_of("debug", {entry: {}})
