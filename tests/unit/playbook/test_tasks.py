"""A task's keywords become what the engine needs, and nothing is lost on the way."""

from __future__ import annotations

import pytest

from outlast.errors import OutlastError, PlaybookError
from outlast.playbook.model import LoopControl
from outlast.values import Template


def test_a_task_without_keywords_has_nothing_set(room):
    task = room.task("- ping:")
    assert (task.name, task.register, task.loop, task.until) == ("", None, None, ())
    assert (task.retries, task.delay, task.async_limit, task.poll) == (None, None, 0, None)
    assert (task.changed_when, task.failed_when, task.listen) == (None, None, ())
    assert task.inherited is None


def test_values_are_kept_as_they_are_written(room):
    task = room.task(
        """
        - name: "Do {{ it }}"
          ping:
          register: result
          retries: "3"
          delay: "{{ pause }}"
          async: abc
          poll: 0
          until: result is success
          changed_when: false
          failed_when: [a, "{{ b }}"]
        """
    )
    assert task.name == Template("Do {{ it }}")
    assert (task.register, task.retries, task.delay) == ("result", "3", Template("{{ pause }}"))
    assert (task.async_limit, task.poll) == ("abc", 0)
    assert [c.source for c in task.until] == ["result is success"]
    assert [c.source for c in task.changed_when] == [False]
    assert [c.source for c in task.failed_when] == ["a", Template("{{ b }}")]


def test_conditions_know_their_places(room):
    task = room.task(
        """
        - ping:
          when:
            - first
            - second
          until: third
        """
    )
    assert [(c.source, c.origin.line, c.origin.column) for c in task.keywords.when] == [
        ("first", 4, 7),
        ("second", 5, 7),
    ]
    assert (task.until[0].origin.line, task.until[0].origin.column) == (6, 10)


def test_every_keyword_a_task_gives_has_its_place(room):
    task = room.task("- ping:\n  async: 5\n  become: true")
    assert {name: (at.line, at.column) for name, at in task.places.items()} == {
        "ping": (1, 8),
        "async_val": (2, 10),
        "become": (3, 11),
    }


@pytest.mark.parametrize("word", ["changed_when", "failed_when"])
def test_an_empty_verdict_says_nothing_but_an_absent_condition_is_one(room, word):
    assert getattr(room.task(f"- ping:\n  {word}: []"), word) is None
    (condition,) = getattr(room.task(f"- ping:\n  {word}:"), word)
    assert condition.source is None


@pytest.mark.parametrize("word", ["until", "loop", "register", "async", "retries"])
def test_a_keyword_without_a_value_is_as_good_as_none(room, word):
    bare, plain = room.task(f"- ping:\n  {word}:"), room.task("- ping:")
    for name in ("until", "loop", "register", "async_limit", "retries"):
        assert getattr(bare, name) == getattr(plain, name)


@pytest.mark.parametrize("name", ["_x", "a1", "for", "class", "True_"])
def test_a_register_may_have_any_name_that_jinja_can_say(room, name):
    assert room.task(f"- ping:\n  register: '{name}'").register == name


@pytest.mark.parametrize("name", ["a-b", "1a", "", "é", "none", "not", "a b"])
def test_a_register_that_nobody_could_name_is_refused(room, name):
    with pytest.raises(PlaybookError, match="Invalid 'register' specified"):
        room.task(f"- ping:\n  register: '{name}'")


def test_a_loop_repeats_over_its_items(room):
    loop = room.task("- ping:\n  loop: [1, '{{ two }}']").loop
    assert (loop.items, loop.lookup) == ([1, Template("{{ two }}")], None)
    assert loop.control == LoopControl()


@pytest.mark.parametrize("name", ["items", "dict", "sequence", "ansible.builtin.items"])
def test_a_with_loop_names_its_lookup(room, name):
    loop = room.task(f"- ping:\n  with_{name}: '{{{{ some }}}}'").loop
    assert (loop.items, loop.lookup) == (Template("{{ some }}"), name)


def test_a_loop_after_a_with_loop_gives_it_its_list(room):
    loop = room.task("- ping:\n  with_items: [1]\n  loop: [2]").loop
    assert (loop.items, loop.lookup) == ([2], "items")


def test_a_with_loop_after_a_loop_is_one_too_many(room):
    with pytest.raises(OutlastError, match="duplicate loop in task: items"):
        room.task("- ping:\n  loop: [2]\n  with_items: [1]")


def test_loop_control_says_how_items_are_named_and_shown(room):
    control = room.task(
        """
        - ping:
          loop: [1]
          loop_control:
            loop_var: it
            index_var: at
            label: "{{ it.name }}"
            pause: 0.5
            extended: yes
            extended_allitems: "no"
            break_when: [it == 1]
        """
    ).loop.control
    assert (control.loop_var, control.index_var, control.pause) == ("it", "at", 0.5)
    assert control.label == Template("{{ it.name }}")
    assert (control.extended, control.extended_allitems) == (True, "no")
    assert [condition.source for condition in control.break_when] == ["it == 1"]


def test_loop_control_is_checked_even_where_nothing_loops(room):
    with pytest.raises(PlaybookError, match="'labl' is not a valid attribute for a LoopControl"):
        room.task("- ping:\n  loop_control: {labl: x}")


def test_empty_words_of_loop_control_are_given_all_the_same(room):
    words = ["loop_var", "index_var", "label", "pause", "extended", "extended_allitems"]
    nothing = ", ".join(f"{word}: " for word in [*words, "break_when"])
    control = room.task(f"- ping:\n  loop: [1]\n  loop_control: {{{nothing}}}").loop.control
    assert [getattr(control, word) for word in words] == [None] * len(words)
    assert control.break_when == ()
    assert control.places.keys() == {*words, "break_when"}


def test_an_include_cannot_be_delegated_by_the_old_spelling_either(room):
    with pytest.raises(PlaybookError) as caught:
        room.task("- local_action: include_tasks a.yml")
    assert caught.value.message == "'delegate_to' is not a valid attribute for a TaskInclude"


def test_an_include_is_a_task_with_its_file(room):
    for text in ("- include_tasks: a.yml", "- include_tasks: {file: a.yml}"):
        task = room.task(text)
        assert task.action.resolved == "ansible.builtin.include_tasks"
        assert task.action.args == {"_raw_params": "a.yml"}


def test_an_include_keeps_what_its_block_hands_down_apart_from_its_own(room):
    play = room.play(
        """
        - hosts: all
          become: true
          tasks:
            - block:
                - include_tasks: "{{ file }}"
                  when: own
                  tags: own
                  vars: {a: 1}
              when: outer
              tags: outer
        """
    )
    task = play.tasks[0].block[0]
    assert task.action.args == {"_raw_params": Template("{{ file }}")}
    assert [c.source for c in task.keywords.when] == ["outer", "own"]
    assert task.keywords.vars == {"a": 1}
    assert [c.source for c in task.inherited.when] == ["outer"]
    assert (task.inherited.tags, task.inherited.vars) == (frozenset({"outer"}), {"a": 1})
    assert task.inherited.become is True


def test_what_apply_says_is_handed_to_what_is_included(room):
    task = room.task(
        """
        - include_tasks:
            file: a.yml
            apply: {tags: [x], become: true, when: "{{ c }}"}
          tags: own
        """
    )
    apply = {"tags": ["x"], "become": True, "when": Template("{{ c }}")}
    assert task.action.args == {"_raw_params": "a.yml", "apply": apply}
    assert (task.inherited.tags, task.inherited.become) == (frozenset({"x"}), True)
    assert [c.source for c in task.inherited.when] == [Template("{{ c }}")]
    assert (task.keywords.tags, task.keywords.become) == (frozenset({"own"}), None)


def test_a_handler_may_listen_to_topics(room):
    assert room.task("- ping:\n  listen: a", handlers=True).listen == ("a",)
    assert room.task("- ping:\n  listen: [a, '{{ b }}']", handlers=True).listen == (
        "a",
        "{{ b }}",
    )


def test_an_included_handler_may_listen_too(room):
    task = room.task("- include_tasks: a.yml\n  listen: a", handlers=True)
    assert task.listen == ("a",)


@pytest.mark.parametrize("word", ["async", "poll", "notify", "delegate_to"])
def test_meta_takes_keywords_that_do_nothing(room, word):
    assert room.task(f"- meta: noop\n  {word}: 5").action.args == {"_raw_params": "noop"}
