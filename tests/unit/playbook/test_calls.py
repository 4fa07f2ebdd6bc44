"""A task's action is found in every spelling a playbook knows."""

from __future__ import annotations

import pytest

from outlast.errors import EvaluationError, PlaybookError
from outlast.outcome import Deprecated
from outlast.values import OMIT, Origin, Template

COPY = {"src": "a", "dest": "b"}


@pytest.mark.parametrize(
    "task",
    [
        "- copy: {src: a, dest: b}",
        "- copy: src=a dest=b",
        "- copy: src='a' dest=\"b\"",
        "- action: copy src=a dest=b",
        "- action: {module: copy, src: a, dest: b}",
        "- action: {module: copy src=a, dest: b}",
        "- action: {module: copy, args: {src: a, dest: b}}",
        "- action: {module: copy, args: src=a dest=b}",
        "- action: {module: copy, src: a}\n  args: {dest: b}",
        "- action: copy src=a\n  args: {dest: b}",
        "- copy: {src: a}\n  args: {dest: b}",
        "- copy:\n  args: {src: a, dest: b}",
        "- copy: {src: a, dest: b}\n  args: {src: hidden}",
        "- local_action: copy src=a dest=b",
        "- local_action: {module: copy, src: a, dest: b}",
        "- ansible.builtin.copy: {src: a, dest: b}",
        "- ansible.legacy.copy: src=a dest=b",
    ],
)
def test_all_spellings_of_a_call_come_to_the_same(room, task):
    call = room.task(task).action
    assert (call.resolved, call.args) == ("ansible.builtin.copy", COPY)


def test_a_call_remembers_how_the_playbook_spells_its_action(room):
    assert room.task("- ansible.legacy.copy: src=a").action.name == "ansible.legacy.copy"
    assert room.task("- action: copy src=a").action.name == "copy"


def test_a_call_stands_where_its_key_stands(room):
    task = room.task(
        """
        - name: first the name
          copy: src=a
        """
    )
    assert (task.action.origin.line, task.action.origin.column) == (3, 3)
    assert (task.origin.line, task.origin.column) == (2, 3)


@pytest.mark.parametrize("task", ["- ping:", "- ping: {}", "- action: ping", "- ping: ''"])
def test_an_action_may_take_no_arguments(room, task):
    assert room.task(task).action.args == {}


@pytest.mark.parametrize("name", ["command", "shell", "raw", "script", "ansible.builtin.shell"])
def test_a_command_keeps_its_text_whole(room, name):
    call = room.task(f"- {name}: make CC=gcc 'a  b' chdir=/tmp").action
    assert call.args == {"_raw_params": "make CC=gcc 'a  b'", "chdir": "/tmp"}


def test_other_actions_keep_what_is_no_pair_as_free_text(room):
    assert room.task("- include_vars: a.yml").action.args == {"_raw_params": "a.yml"}
    call = room.task("- meta: flush_handlers").action
    assert (call.resolved, call.args) == (
        "ansible.builtin.meta",
        {"_raw_params": "flush_handlers"},
    )


def test_args_add_to_a_command_line(room):
    call = room.task("- command: ls -l\n  args: {chdir: /tmp, creates: '{{ x }}'}").action
    assert call.args == {"_raw_params": "ls -l", "chdir": "/tmp", "creates": Template("{{ x }}")}


@pytest.mark.parametrize("name", ["command", "include_vars", "set_fact", "meta", "add_host"])
def test_an_action_that_takes_text_takes_a_template(room, name):
    call = room.task(f"- {name}: '{{{{ it }}}}'").action
    assert call.args == {"_raw_params": Template("{{ it }}")}


def test_templates_on_one_line_are_templates_with_the_place_of_the_line(room):
    call = room.task("- copy: src={{ a b }} dest=/plain mode='{{ m }}'").action
    assert call.args == {
        "src": Template("{{ a b }}"),
        "dest": "/plain",
        "mode": Template("{{ m }}"),
    }
    origin = call.args["src"].origin
    assert (origin.line, origin.column) == (1, 9)


def test_unsafe_text_on_one_line_is_never_a_template(room):
    call = room.task("- copy: !unsafe src={{ a }} dest=b").action
    assert call.args == {"src": "{{ a }}", "dest": "b"}


def test_templates_in_a_mapped_action_are_templates(room):
    call = room.task("- action: {module: 'copy src={{ a }}', dest: '{{ b }}'}").action
    assert call.args == {"src": Template("{{ a }}"), "dest": Template("{{ b }}")}


def test_templates_on_the_line_of_mapped_args_are_templates(room):
    call = room.task("- action: {module: copy, args: 'src={{ a }} dest=b'}").action
    assert call.args == {"src": Template("{{ a }}"), "dest": "b"}


def test_a_local_action_is_delegated_to_localhost_whatever_else_is_said(room):
    task = room.task("- local_action: copy src=a\n  delegate_to: elsewhere")
    assert task.keywords.delegate_to == "localhost"


@pytest.mark.parametrize(
    "task", ["action: copy 'a", "copy: src='a", 'action: {module: "copy \'a"}', "command: {{ a"]
)
def test_a_line_with_something_left_open_cannot_be_read(room, task):
    name, _, value = task.partition(": ")
    value = value if value.startswith("{m") else f'"{value}"'
    with pytest.raises(PlaybookError) as caught:
        room.task(f"- {name}: {value}")
    first, second = caught.value.chain
    assert first.message == "Error loading tasks."
    assert second.message.startswith("failed at splitting arguments, either an unbalanced jinja2")


def test_a_mapped_action_is_deprecated(room):
    room.task("- action: {module: copy, src: a}")
    (notice,) = room.notices
    assert isinstance(notice, Deprecated)
    assert notice.text == "Using a mapping for `action` is deprecated."
    assert notice.removed_in == "This feature will be removed from ansible-core version 2.23."
    assert notice.help_text == "Use a string value for `action`."
    assert (notice.origin.line, notice.origin.column) == (1, 11)


def test_pairs_on_the_line_beside_args_are_deprecated(room):
    room.task("- command: ls creates=x chdir=/tmp\n  args: {stdin: a}")
    (notice,) = room.notices
    assert notice.text == "Merging legacy k=v args ('chdir', 'creates') into task args."


def test_empty_args_are_deprecated_and_say_nothing(room):
    assert room.task("- command: ls\n  args:").action.args == {"_raw_params": "ls"}
    assert [notice.text for notice in room.notices] == ["Ignoring empty task `args` keyword."]


def test_a_command_line_without_args_is_nobodys_concern(room):
    room.task("- command: ls chdir=/tmp")
    assert room.notices == []


def test_origins_name_the_file_as_it_was_given(room):
    assert room.task("- ping:").origin == Origin(str(room.folder / "tasks.yml"), 1, 3)


@pytest.mark.parametrize(
    "task",
    [
        "- action: '{{ name }} a=b'",
        "- action: {module: '{{ name }}', a: b}",
        "- local_action: '{{ name }} a=b'",
        "- action: '{{ name }}'\n  args: {a: b}",
    ],
)
def test_a_name_that_is_a_template_waits_until_it_is_known(room, task):
    call = room.task(task).action
    assert (call.name, call.resolved, call.args) == ("{{ name }}", "", {"a": "b"})
    assert call.late.template == Template("{{ name }}")
    named = call.late.called(call, "copy")
    assert (named.name, named.resolved, named.args) == ("copy", "ansible.builtin.copy", {"a": "b"})
    assert named.late is None


@pytest.mark.parametrize("name", ["nonesuch", "meta", "include_tasks", "", None, 5, ["copy"], OMIT])
def test_what_is_no_name_of_an_action_is_refused_where_the_template_stands(room, name):
    call = room.task("- action: '{{ name }}'").action
    with pytest.raises(EvaluationError) as caught:
        call.late.called(call, name)
    assert caught.value.origin.column == 11


def test_the_defaults_of_a_late_name_come_with_it(room):
    task = "- action: '{{ name }}'\n  module_defaults: {copy: {mode: '0600'}}"
    call = room.task(task).action
    assert call.defaults == ()
    assert call.late.called(call, "copy").defaults == ({"mode": "0600"},)


def test_a_template_in_place_of_args_stays_one(room):
    assert room.task("- copy: src=a\n  args: '{{ all }}'").action.args == {
        "_variable_params": Template("{{ all }}"),
        "src": "a",
    }
