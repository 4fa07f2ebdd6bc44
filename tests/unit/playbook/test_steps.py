"""Tasks and blocks keep their order and shape; handlers come out flat."""

from __future__ import annotations

import pytest

from outlast.errors import OutlastError, SourceMissing
from outlast.outcome import Warned
from outlast.playbook.model import Block, Keywords, Task
from outlast.values import Template


def names(steps):
    return [
        step.name
        if isinstance(step, Task)
        else {part: names(getattr(step, part)) for part in ("block", "rescue", "always")}
        for step in steps
    ]


def test_steps_keep_their_order_and_nesting(room):
    steps = room.steps(
        """
        - {name: a, ping: }
        - name: outer
          block:
            - {name: b, ping: }
            - block: [{name: c, ping: }]
              rescue: [{name: d, ping: }]
          rescue: [{name: e, ping: }]
          always:
            - {name: f, ping: }
            - {name: g, ping: }
        - {name: h, ping: }
        """
    )
    assert names(steps) == [
        "a",
        {
            "block": ["b", {"block": ["c"], "rescue": ["d"], "always": []}],
            "rescue": ["e"],
            "always": ["f", "g"],
        },
        "h",
    ]


def test_a_block_keeps_its_name_and_place(room):
    (block,) = room.steps("- name: 'All {{ of }} it'\n  block: [{ping: }]")
    assert isinstance(block, Block)
    assert (block.name, block.origin.line) == (Template("All {{ of }} it"), 1)


def test_an_empty_block_is_a_block(room):
    (block,) = room.steps("- block: []")
    assert block.block == ()


def test_what_a_block_says_reaches_all_three_parts_of_it(room):
    (block,) = room.steps(
        """
        - block: [{ping: }]
          rescue: [{ping: , become: false}]
          always: [{block: [{ping: }], tags: inner}]
          become: true
          tags: outer
        """
    )
    assert block.block[0].keywords.become is True
    assert block.rescue[0].keywords.become is False
    assert block.always[0].block[0].keywords.tags == {"outer", "inner"}
    assert block.keywords.tags == {"outer"}


def test_empty_places_in_a_list_of_tasks_say_nothing(room):
    assert names(room.steps("- {name: a, ping: }\n-\n- {name: b, ping: }")) == ["a", "b"]


@pytest.mark.parametrize("text", ["", "---", "# nothing", "~", "[]"])
def test_an_empty_file_of_tasks_has_no_steps(room, text):
    assert room.steps(text) == ()


def test_a_file_of_tasks_must_hold_a_list(room):
    with pytest.raises(OutlastError, match="included task files must contain a list of tasks") as e:
        room.steps("a: b")
    assert e.value.exit_code == 1  # the include fails, the run goes on


def test_a_missing_file_of_tasks_is_missing(room):
    with pytest.raises(SourceMissing, match="Could not read"):
        room.parser.parse_tasks(room.folder / "nowhere.yml", Keywords())


def test_included_steps_inherit_what_they_are_given(room):
    task = room.task("- ping:\n  tags: own", Keywords(become=True, tags=frozenset({"outer"})))
    assert (task.keywords.become, task.keywords.tags) == (True, {"outer", "own"})


def test_handlers_in_a_block_come_out_flat_with_its_keywords(room):
    steps = room.steps(
        """
        - {name: a, ping: }
        - block: [{name: b, ping: }, {name: c, ping: }]
          become: true
        """,
        handlers=True,
    )
    assert [(step.name, step.keywords.become) for step in steps] == [
        ("a", None),
        ("b", True),
        ("c", True),
    ]
    assert room.notices == []


def test_a_rescue_among_handlers_is_said_to_do_nothing(room):
    room.steps("- block: [{ping: }]\n  rescue: [{ping: }]", handlers=True)
    (notice,) = room.notices
    assert isinstance(notice, Warned)
    assert "never run" in notice.text


def test_merged_keys_count_as_the_tasks_own(room):
    task = room.play(
        """
        - hosts: all
          vars:
            shared: &shared {become: true, when: a}
          tasks:
            - ping:
              <<: *shared
        """
    ).tasks[0]
    assert task.keywords.become is True
    assert [c.source for c in task.keywords.when] == ["a"]


def test_a_doubled_key_is_told_once_and_the_last_one_counts(room):
    task = room.task("- ping:\n  register: a\n  register: b")
    assert task.register == "b"
    assert [notice.text for notice in room.notices] == ["Found duplicate mapping key 'register'."]
