"""What is wrong with an argument is shown where it is written."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions, done

from outlast.actions.written_places import place_of, place_of_name
from outlast.values import Origin

PLAYBOOK = """\
- hosts: all
  tasks:
    - name: looks
      debug: {var: nonesuch}
    - assert:
        that:
          - number == 5
          - nonesuch
    - set_fact: {one: 1, "no good": 2}
    - debug: msg=x
"""
PLACES = {"debug": (4, 7), "assert": (5, 7), "set_fact": (9, 7), "plain": (10, 7)}


@pytest.fixture
def playbook(tmp_path):
    path = tmp_path / "play.yml"
    path.write_text(PLAYBOOK)
    return path


def at(playbook, action, args):
    line, column = PLACES[action]
    return replace(a_call(action, args), origin=Origin(str(playbook), line, column))


def test_a_value_a_member_and_a_name_are_found(playbook):
    looks = at(playbook, "debug", {})
    assert place_of(looks, "var") == Origin(str(playbook), 4, 20)
    asserts = at(playbook, "assert", {})
    assert place_of(asserts, "that", 1) == Origin(str(playbook), 8, 13)
    assert place_of(asserts, "that", 7) == Origin(str(playbook), 7, 11)
    assert place_of_name(at(playbook, "set_fact", {}), "no good") == Origin(str(playbook), 9, 26)


def test_what_is_written_another_way_is_not_found(playbook):
    assert place_of(at(playbook, "plain", {}), "msg") is None
    assert place_of(at(playbook, "debug", {}), "absent") is None
    playbook.write_text("- {")
    assert place_of(at(playbook, "debug", {}), "var") is None
    playbook.unlink()
    assert place_of(at(playbook, "debug", {}), "var") is None


async def test_errors_and_warnings_carry_the_place(playbook, tmp_path):
    performing = await asyncio.to_thread(actions, tmp_path)
    _, shown = await done(performing, at(playbook, "debug", {"var": "nonesuch"}))
    assert shown.outcome.notices[0].origin == Origin(str(playbook), 4, 20)
    that = {"that": ["number == 5", "nonesuch"]}
    _, failed = await done(performing, at(playbook, "assert", that))
    assert failed.outcome.why[-1].origin == Origin(str(playbook), 8, 13)
    _, refused = await done(performing, at(playbook, "set_fact", {"one": 1, "no good": 2}))
    assert refused.outcome.why[0].origin == Origin(str(playbook), 9, 26)
    assert refused.outcome.why[0].help_text.startswith("Variable names must be strings")
