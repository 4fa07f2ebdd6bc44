"""Where short names are looked for."""

from __future__ import annotations

import pytest

from outlast.errors import PlaybookError
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import Place
from outlast.playbook.model import Keywords
from outlast.playbook.reading import from_value
from outlast.playbook.searching import searched, searched_in_role
from outlast.values import Origin

HERE = Origin("p.yml", 1, 1)


def test_what_everybody_knows_comes_last_unless_it_is_named():
    assert searched(["a.b"], None) == ("a.b", "ansible.legacy")
    assert searched(["ansible.builtin", "a.b"], None) == ("ansible.builtin", "a.b")
    assert searched([], None) == ()


def test_the_collection_at_home_comes_first_unless_it_is_named():
    assert searched([], "h.h") == ("h.h", "ansible.legacy")
    assert searched(["a.b"], "h.h") == ("h.h", "a.b", "ansible.legacy")
    assert searched(["a.b", "h.h"], "h.h") == ("a.b", "h.h", "ansible.legacy")


def test_a_role_looks_into_its_own_collection_and_then_into_those_of_its_meta():
    assert searched_in_role("a.b", ["c.d", "a.b"], "h.h") == ("a.b", "c.d", "ansible.builtin")
    assert searched_in_role(None, ["c.d"], "h.h") == ("h.h", "c.d", "ansible.legacy")
    assert searched_in_role(None, [], None) == ()


def test_an_inner_list_replaces_the_outer_one():
    outer = handed_down(Keywords(), from_value({"collections": ["a.b"]}, HERE), Place.PLAY)
    inner = handed_down(outer, from_value({"collections": "c.d"}, HERE), Place.BLOCK)
    assert inner.collections == ("c.d", "ansible.legacy")
    assert handed_down(outer, from_value({}, HERE), Place.BLOCK).collections == outer.collections


def test_a_number_is_no_collection():
    with pytest.raises(PlaybookError, match="Keyword 'collections' items must be"):
        handed_down(Keywords(), from_value({"collections": [1]}, HERE), Place.PLAY)
