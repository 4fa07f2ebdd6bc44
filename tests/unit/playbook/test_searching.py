"""Where short names are looked for."""

from __future__ import annotations

import pytest

from outlast.call import ResolvedAction
from outlast.errors import PlaybookError
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import Place
from outlast.playbook.model import Keywords
from outlast.playbook.reading import from_value
from outlast.playbook.searching import InCollections, with_ours
from outlast.values import Origin

HERE = Origin("p.yml", 1, 1)


class Few:
    def resolve(self, name):
        known = {"a.b.x", "c.d.x", "x", "ping"}
        return ResolvedAction(name) if name in known else None


def found(name, *collections):
    action = InCollections(Few(), collections).resolve(name)
    return action.fqcn if action else None


def test_the_first_collection_that_has_a_short_name_is_meant():
    assert found("x", "c.d", "a.b") == "c.d.x"
    assert found("x", "ansible.builtin", "a.b") == "x"
    assert found("ping", "c.d", "a.b") == "ping"
    assert found("y", "c.d") is None


def test_a_full_name_is_looked_for_nowhere_else():
    assert found("a.b.x", "c.d") == "a.b.x"


def test_what_everybody_knows_comes_last_unless_it_is_named():
    assert with_ours(["a.b"]) == ("a.b", "ansible.legacy")
    assert with_ours(["ansible.builtin", "a.b"]) == ("ansible.builtin", "a.b")
    assert with_ours([]) == ()


def test_an_inner_list_replaces_the_outer_one():
    outer = handed_down(Keywords(), from_value({"collections": ["a.b"]}, HERE), Place.PLAY)
    inner = handed_down(outer, from_value({"collections": "c.d"}, HERE), Place.BLOCK)
    assert inner.collections == ("c.d", "ansible.legacy")
    assert handed_down(outer, from_value({}, HERE), Place.BLOCK).collections == outer.collections


def test_a_number_is_no_collection():
    with pytest.raises(PlaybookError, match="Keyword 'collections' items must be"):
        handed_down(Keywords(), from_value({"collections": [1]}, HERE), Place.PLAY)
