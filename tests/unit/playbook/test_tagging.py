"""Tags that are templates become what they come to, everywhere in a play but in its handlers."""

from __future__ import annotations

import pytest

from outlast.errors import OutlastError, PlaybookError, UndefinedVariable
from outlast.playbook.tagging import tagged, tagged_play
from outlast.values import OMIT

TEXT = """
- hosts: all
  tags: "{{ play }}"
  tasks:
    - {ping: , tags: [plain, "{{ several }}"]}
    - tags: "{{ block }}"
      block: [{ping: }]
      always: [{ping: , tags: "{{ late }}"}]
  handlers:
    - {name: h, ping: , tags: "{{ nope }}"}
"""
KNOWN = {
    "play": "p",
    "several": ["a", 7, None, OMIT],
    "block": "b",
    "late": "l",
}


def give(template):
    name = template.text.strip("{} ")
    if name not in KNOWN:
        raise UndefinedVariable(f"{name!r} is undefined", template.origin)
    return KNOWN[name]


def test_all_tags_of_a_play_but_its_handlers_are_evaluated(room):
    (play,) = room.plays(TEXT)
    now = tagged_play(play, give)
    task, block = now.tasks
    assert now.keywords.tags == {"p"}
    assert task.keywords.tags == {"p", "plain", "a", "7"}
    assert block.block[0].keywords.tags == {"p", "b"}
    assert block.always[0].keywords.tags == {"p", "b", "l"}
    assert now.handlers is play.handlers


def test_a_play_without_such_tags_stays_itself(room):
    (play,) = room.plays("- hosts: all\n  tags: t\n  tasks: [{ping: , tags: u}]")
    assert tagged_play(play, give) is play
    assert tagged(play.tasks, give) is play.tasks


def test_what_is_undefined_ends_the_run_with_its_place(room):
    (play,) = room.plays("- hosts: all\n  tasks: [{ping: , tags: '{{ nope }}'}]")
    with pytest.raises(OutlastError, match="'nope' is undefined") as caught:
        tagged_play(play, give)
    assert caught.value.origin.line == 2
    assert not isinstance(caught.value, UndefinedVariable)


@pytest.mark.parametrize("value", [1.5, {"a": 1}, [["a"]]])
def test_what_is_no_tag_is_refused(room, value):
    (play,) = room.plays("- hosts: all\n  tasks: [{ping: , tags: '{{ it }}'}]")
    with pytest.raises(PlaybookError, match="items must be of type 'str' or 'int'"):
        tagged_play(play, lambda _tag: value)
