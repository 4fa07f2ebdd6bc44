"""Modules that are programs of their own, over SSH: what they are given, and what they leave."""

from __future__ import annotations

import pytest
from real.wrong_world import World
from real_hosts import running_sshd

pytestmark = pytest.mark.ssh

LISTS = """\
#!/usr/bin/env -S sh -e
# WANT_JSON
files="$(ls "${1%/*}" | tr '\\n' ' ')"
printf '{"changed": true, "files": "%s", "given": %s}' "$files" "$(cat "$1")"
"""
SLEEPS = "#!/bin/sh\ncd ${1%/*}; pwd > WHERE; cat args > WHERE.args; sleep 600\n"
TASKS = """\
    - lists: {text: one}
      register: now
    - lists: {text: two}
      vars: {ansible_env_interpreter: /usr/bin/env}
      async: 30
      poll: 5
      register: job
    - debug: msg="{{ now.files }}- {{ now.given.text }} {{ job.files }}- {{ job.given.text }}"
    - sleeps: {text: three}
      timeout: 1
      ignore_errors: true
    - sleeps: {text: four}
      async: 1
      poll: 1
      ignore_errors: true
    - ping:
"""


@pytest.fixture
def server():
    with running_sshd() as server:
        yield server


def test_they_run_as_tasks_and_as_jobs_and_leave_nothing(server, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "lists.sh").write_text(LISTS)
    (library / "sleeps.sh").write_text(SLEEPS.replace("WHERE", str(tmp_path / "where")))
    world = World(tmp_path, {"far": server.variables()}, {"ANSIBLE_LIBRARY": str(library)})
    ended = world.run(TASKS)
    assert ended.recap == {"far": "changed=2 ignored=2 ok=6"}, ended
    files = "AnsiballZ_lists.sh args "
    assert f'"msg": "{files}- one {files}- two"' in ended.out
    assert "text=four " in (tmp_path / "where.args").read_text()
    assert not list((tmp_path / "remote").glob("*"))
    assert not list((tmp_path / "jobs").glob(".outlast/*/module"))
