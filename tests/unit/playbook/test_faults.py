"""What is wrong with a playbook is said in stock's words, at the place to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from outlast.errors import NotSupportedYet, OutlastError

FAULTS = yaml.safe_load(Path(__file__).with_name("faults.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault["case"] for fault in FAULTS])
def test_a_wrong_playbook_is_refused_with_words_place_and_exit_code(room, fault):
    with pytest.raises(OutlastError) as caught:
        room.plays(fault["text"])
    error = caught.value
    folder = f"{room.folder.resolve()}/"
    name = fault["case"].replace(" ", "_")
    said = [
        cause.message.replace(folder, "FOLDER/").replace("play.yml", f"{name}.yml")
        for cause in error.chain
    ]
    place = str(error.origin).partition("play.yml")[2].lstrip(":") if error.origin else ""
    assert (said, place, error.exit_code) == (fault["says"], fault["at"], fault["exit"])


OURS = "There are outlast.jobs.cancel, outlast.jobs.info and outlast.jobs.wait."


def test_every_fault_has_a_name_of_its_own():
    assert len({fault["case"] for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("- hosts: all\n  taks: []", "Did you mean 'tasks'?"),
        ("- hosts: all\n  tasks:\n  - debug:\n    wehn: x", "Did you mean 'when'?"),
        ("- hosts: all\n  tasks:\n  - wehn: x\n    debug:", "Did you mean 'when'?"),
        ("- hosts: all\n  tasks:\n  - comand: ls", "Did you mean 'command'?"),
        ("- hosts: all\n  tasks:\n  - action: comand ls", "Did you mean 'command'?"),
        ("- hosts: all\n  tasks:\n  - registr: x", "Did you mean 'register'?"),
        ("- hosts: all\n  tasks:\n  - block: []\n    alway: []", "Did you mean 'always'?"),
        ("- hosts: all\n  tasks:\n  - debug:\n    command: ls", ""),
        ("- hosts: all\n  tasks:\n  - xyzzy:", ""),
        ("- hosts: all\n  tasks:\n  - outlast.jobs.wiat:", OURS),
        ("- hosts: all\n  tasks:\n  - action: outlast.jobs.kill", OURS),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_the_word_that_was_meant(room, text, suggestion):
    with pytest.raises(OutlastError) as caught:
        room.plays(text)
    assert caught.value.help_text == suggestion


@pytest.mark.parametrize(
    "line",
    [
        "  roles: ['{{ web }}']",
        "  tasks: [{ansible.builtin.import_role: {name: '{{ web }}'}}]",
        "- import_playbook: '{{ other }}.yml'",
    ],
)
def test_what_is_not_built_is_refused_loudly_and_at_its_place(room, line):
    with pytest.raises(NotSupportedYet, match="is not supported yet") as caught:
        room.plays(f"- hosts: all\n{line}")
    assert caught.value.origin.line == 2
