"""An import is the steps of its file in its place, with all that stands on it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from outlast.errors import NotSupportedYet, OutlastError, PlaybookError, SourceMissing
from outlast.playbook.model import Keywords


@dataclass
class Files:
    """Files beside the playbook."""

    room: object

    def write(self, **texts):
        for name, text in texts.items():
            path = self.room.folder / f"{name.replace('__', '/')}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def tasks(self, text):
        return self.room.play(f"- hosts: all\n  become: true\n  tasks:\n{text}").tasks


@pytest.fixture
def files(room):
    return Files(room)


def test_the_steps_of_the_file_stand_in_its_place(files):
    files.write(a="- {name: a1, ping: }\n- block: [{name: a2, ping: }]\n")
    steps = files.tasks(
        "  - {name: before, ping: }\n  - import_tasks: a.yml\n  - {name: after, ping: }"
    )
    assert [step.name for step in steps] == ["before", "a1", "", "after"]
    assert steps[2].block[0].name == "a2"
    assert steps[1].origin.path.endswith("a.yml")


@pytest.mark.parametrize(
    "text",
    [
        "import_tasks: a.yml",
        "import_tasks: {file: a.yml}",
        "ansible.builtin.import_tasks: a.yml",
        "action: import_tasks a.yml",
    ],
)
def test_an_import_is_found_in_every_spelling(files, text):
    files.write(a="- {name: a1, ping: }\n")
    assert [step.name for step in files.tasks(f"  - {text}")] == ["a1"]


def test_all_that_stands_on_an_import_stands_on_its_steps(files):
    files.write(a="- ping:\n  when: own\n  tags: own\n  vars: {b: 2}\n")
    (task,) = files.tasks(
        """
  - import_tasks: a.yml
    name: never shown
    when: outer
    tags: outer
    vars: {a: 1, b: 1}
    become_user: me
    notify: it
    async: 5
    register: nothing
"""
    )
    words = task.keywords
    assert [condition.source for condition in words.when] == ["outer", "own"]
    assert (words.tags, words.vars) == ({"outer", "own"}, {"a": 1, "b": 2})
    assert (words.become, words.become_user, words.notify) == (True, "me", ("it",))
    assert (task.async_limit, task.register, task.name) == (0, None, "")


def test_files_are_looked_for_beside_the_importing_file_and_then_the_playbook(files):
    files.write(sub__a="- import_tasks: b.yml\n- import_tasks: c.yml\n")
    files.write(sub__b="- {name: in sub, ping: }\n", b="- {name: wrong, ping: }\n")
    files.write(c="- {name: beside the playbook, ping: }\n")
    steps = files.tasks("  - import_tasks: sub/a.yml")
    assert [step.name for step in steps] == ["in sub", "beside the playbook"]


def test_an_included_file_may_import_from_the_playbooks_folder(room, files):
    files.write(c="- {name: beside the playbook, ping: }\n", sub__a="- import_tasks: c.yml\n")
    path = room.folder / "sub/a.yml"
    (task,) = room.parser.parse_tasks(path, Keywords(), folders=[room.folder])
    assert task.name == "beside the playbook"


def test_imported_handlers_are_handlers(room, files):
    files.write(h="- {name: a, ping: , listen: topic}\n- block: [{name: b, ping: }]\n")
    play = room.play("- hosts: all\n  handlers:\n  - import_tasks: h.yml")
    assert [(step.name, step.listen) for step in play.handlers] == [("a", ("topic",)), ("b", ())]


def test_an_empty_file_brings_nothing_and_is_told_of(room, files):
    files.write(a="", b="[]", c="# nothing")
    assert files.tasks("".join(f"  - import_tasks: {name}.yml\n" for name in "abc")) == ()
    path = room.folder / "a.yml"
    assert room.notices[0].text == f"file {path} is empty and had no tasks to include"
    assert len(room.notices) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import_tasks: a.yml\n    loop: [1]", "You cannot use loops on 'import_tasks'"),
        ("import_tasks: a.yml\n    with_items: [1]", "You cannot use loops on 'import_tasks'"),
        (
            "import_tasks: a.yml\n    with_bogus: [1]",
            "'with_bogus' is not a valid attribute for a TaskInclude\n",
        ),
        ("import_tasks: a.yml x=y", "Invalid options for import_tasks: x"),
        (
            "import_tasks: {file: a.yml, apply: {tags: x}}",
            "Invalid options for import_tasks: apply",
        ),
        ("import_tasks:", "No file specified for import_tasks"),
        ("import_tasks: mapping.yml", "included task files must contain a list of tasks"),
        ("import_tasks: itself.yml", "imported by what it imports itself"),
    ],
)
def test_an_import_that_makes_no_sense_is_refused(files, text, said):
    files.write(a="- ping:\n", mapping="a: b\n", itself="- import_tasks: itself.yml\n")
    with pytest.raises(PlaybookError) as caught:
        files.tasks(f"  - {text}")
    assert said in caught.value.message


def test_a_missing_file_is_named_with_its_whole_path(room, files):
    with pytest.raises(SourceMissing) as caught:
        files.tasks("  - import_tasks: nowhere.yml")
    path = room.folder / "nowhere.yml"
    assert f"Could not find or access '{path}' on the Ansible Controller." in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_path_with_a_template_is_refused_loudly(files):
    with pytest.raises(NotSupportedYet, match="is not supported yet"):
        files.tasks("  - import_tasks: '{{ which }}.yml'")


def test_faults_in_an_imported_file_are_told_at_their_place(files):
    files.write(a="- ping:\n- dbug:\n")
    with pytest.raises(OutlastError) as caught:
        files.tasks("  - import_tasks: a.yml")
    assert caught.value.origin.path.endswith("a.yml")
    assert caught.value.origin.line == 2
