"""What a task's `outlast_*` variables do to its job, from the playbook to the host."""

from __future__ import annotations

import sys

import pytest
from real.wrong_world import World

HEAD = "- hosts: here\n  gather_facts: false\n  tasks:\n"
HERE = {"here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, HERE)


def test_a_job_that_is_silent_for_too_long_is_ended(world):
    ended = world.run(
        "    - shell: echo begun; exec sleep 60\n"
        "      async: 60\n"
        "      poll: 1\n"
        "      vars: {outlast_idle_limit: 0.3}\n",
        head=HEAD,
    )
    assert ended.code == 2
    assert '"msg": "No output for 0.3 s"' in ended.out


def test_items_of_a_loop_have_their_jobs_side_by_side(world):
    """Each job ends only when it has seen all three of them running."""
    meet = world.folder / "meet"
    meet.mkdir()
    ended = world.run(
        f"    - shell: touch {meet}/{{{{ item }}}}; until test $(ls {meet} | wc -l) = 3;"
        " do sleep 0.02; done; echo {{ item }}\n"
        "      loop: [c, a, b]\n"
        "      async: 20\n"
        "      poll: 15\n"
        "      vars: {outlast_loop_limit: 3}\n"
        "      register: met\n"
        "    - debug: msg={{ met.results | map(attribute='stdout') | join(' ') }}\n",
        "--forks=1",
        head=HEAD,
    )
    assert ended.code == 0, ended
    assert '"msg": "c a b"' in ended.out


def test_a_value_that_cannot_be_is_told_with_its_variable_and_place(world):
    ended = world.run(
        "    - command: 'true'\n"
        "      async: 20\n"
        "      vars: {outlast_idle_limit: '{{ 3 * \"a\" }}'}\n",
        head=HEAD,
    )
    assert ended.code == 2
    assert "The variable 'outlast_idle_limit' is a number of seconds, not 'aaa'." in ended.out
    assert "p.yml:6" in ended.out


def test_a_job_nobody_waits_for_is_judged_when_it_ends(world):
    """The handler runs after the job, which cannot end before the task after it has run."""
    gate = world.folder / "gate"
    ended = world.run(
        f"    - name: Build\n"
        f"      shell: until test -e {gate}; do sleep 0.02; done; echo built\n"
        "      async: 30\n"
        "      poll: 0\n"
        "      vars: {outlast_settle: true}\n"
        "      register: build\n"
        "      failed_when: build.stdout != 'built'\n"
        "      notify: Deploy\n"
        f"    - file: {{path: {gate}, state: touch}}\n"
        "  handlers:\n"
        "    - name: Deploy\n"
        "      debug: msg=deploying-what-was-{{ build.stdout }}\n",
        head=HEAD,
    )
    assert ended.code == 0, ended
    assert ended.recap == {"here": "changed=2 ok=3"}
    told = [line for line in ended.out.splitlines() if line.startswith(("TASK", "RUNNING"))]
    assert [line.split("]")[0] for line in told] == [
        "TASK [Build",
        "TASK [file",
        "TASK [Build",
        "RUNNING HANDLER [Deploy",
    ]
    assert '"msg": "deploying-what-was-built"' in ended.out
