"""The plays of an imported playbook stand where the import stood."""

from __future__ import annotations

import pytest

from outlast.errors import OutlastError, PlaybookError, SourceMissing
from outlast.values import Template

NO_WORD = "is not a valid attribute for a PlaybookInclude"


def write(room, **texts):
    for name, text in texts.items():
        path = room.folder / f"{name.replace('__', '/')}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_imported_plays_stand_in_the_imports_place(room):
    write(room, a="- hosts: a1\n- hosts: a2\n")
    plays = room.plays("- hosts: before\n- import_playbook: a.yml\n- hosts: after\n")
    assert [play.hosts for play in plays] == ["before", "a1", "a2", "after"]
    assert plays[1].origin.path.endswith("a.yml")


@pytest.mark.parametrize("word", ["import_playbook", "ansible.builtin.import_playbook"])
def test_an_import_may_have_its_full_name_and_a_label(room, word):
    write(room, a="- hosts: a1\n")
    assert room.play(f"- name: label\n  {word}: a.yml\n").name == ""


def test_an_import_lays_its_variables_tags_and_conditions_on_the_plays(room):
    write(
        room,
        a="""
- hosts: a1
  vars: {a: 1, b: 1}
  tags: own
  tasks: [{ping: , when: own}]
  handlers: [{ping: }]
""",
    )
    play = room.play(
        "- import_playbook: a.yml\n  vars: {b: 2, c: '{{ b }}'}\n  tags: outer\n  when: outer\n"
    )
    assert play.vars == {"a": 1, "b": 2, "c": Template("{{ b }}")}
    assert play.keywords.vars == {}
    assert play.tasks[0].keywords.tags == {"own", "outer"}
    assert [c.source for c in play.tasks[0].keywords.when] == ["outer", "own"]
    assert play.handlers[0].keywords.when == ()
    assert room.notices == []


def test_the_outermost_import_has_the_last_word_on_variables(room):
    write(
        room,
        a="- import_playbook: b.yml\n  vars: {x: inner, y: inner}\n  when: inner\n",
        b="- hosts: all\n  vars: {x: own, y: own, z: own}\n  tasks: [{ping: }]\n",
    )
    play = room.play("- import_playbook: a.yml\n  vars: {x: outer}\n  when: outer\n")
    assert play.vars == {"x": "outer", "y": "inner", "z": "own"}
    assert [c.source for c in play.tasks[0].keywords.when] == ["outer", "inner"]


def test_keywords_that_an_import_does_not_lay_on_are_told_of(room):
    write(room, a="- hosts: a1\n")
    play = room.play("- import_playbook: a.yml\n  become: true\n")
    assert play.keywords.become is None
    (notice,) = room.notices
    assert notice.text == "'become' on an import_playbook does nothing."


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("- import_playbook: a.yml\n  bogus: 1", f"'bogus' {NO_WORD}", (2, 3)),
        ("- import_playbook: a.yml\n  hosts: x", f"'hosts' {NO_WORD}", (2, 3)),
        ("- import_playbook:", "The field 'import_playbook' is required but was not set.", (1, 3)),
        (
            "- import_playbook: a.yml\n  vars: x",
            "Vars in a PlaybookInclude must be specified as a dictionary.",
            (2, 9),
        ),
        ("- import_playbook: itself.yml", "This playbook is imported by what it imports.", (1, 3)),
        (
            "- import_playbook: [a.yml]",
            "The field 'import_playbook' is supposed to be a string type, however the incoming data"
            " structure is a <class 'ansible.module_utils._internal._datatag._AnsibleTaggedList'>",
            (1, 3),
        ),
    ],
)
def test_an_import_that_makes_no_sense_is_refused(room, text, said, place):
    write(room, a="- hosts: a1\n", itself="- import_playbook: itself.yml\n")
    with pytest.raises(PlaybookError) as caught:
        room.plays(text)
    error = caught.value
    assert (error.message, (error.origin.line, error.origin.column)) == (said, place)


def test_a_playbook_that_is_not_there_is_named_with_its_whole_path(room):
    with pytest.raises(SourceMissing) as caught:
        room.plays("- import_playbook: nowhere.yml")
    path = room.folder / "nowhere.yml"
    assert f"Could not find or access '{path}' on the Ansible Controller." in str(caught.value)


def test_a_playbook_in_another_folder_has_that_folder_for_its_home(room):
    write(room, sub__a="- hosts: a1\n- import_playbook: ../b.yml\n", b="- hosts: b1\n")
    plays = room.plays("- import_playbook: sub/a.yml")
    assert [play.origin.path for play in plays] == [
        str(room.folder / "sub" / "a.yml"),
        str(room.folder / "b.yml"),
    ]


def test_faults_in_an_imported_playbook_are_told_at_their_place(room):
    write(room, a="- hosts: a1\n  taks: []\n")
    with pytest.raises(OutlastError) as caught:
        room.plays("- import_playbook: a.yml")
    assert str(caught.value.origin).endswith("a.yml:2:3")
