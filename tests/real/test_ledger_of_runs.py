"""A whole run, and what of it is in the ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from contextlib import suppress

import pytest
from unit.ledger.run_told import read

SECRETS = ("hunter2-typed", "hunter2-var", "hunter2-become", "hunter2-said", "hunter2-item")

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: say a secret
      command: echo {{ password }} hunter2-said
      no_log: true
    - name: say several
      debug: msg={{ item }}
      loop: [hunter2-item, "{{ password }}"]
      no_log: true
    - name: fail with one
      fail: msg={{ password }}
      no_log: true
      ignore_errors: true
    - name: a secret job of {{ 'some' }}
      shell: echo {{ password }}
      async: 30
      poll: 1
      no_log: true
    - name: become who I am
      command: id
      become: true
      become_user: "{{ lookup('pipe', 'id -un') }}"
    - name: wait for it
      shell: echo done
      async: 30
      poll: 1
    - name: do not wait
      shell: "true"
      async: 30
      poll: 0
"""


@pytest.fixture
def run(tmp_path):
    """Run a playbook; gives what it wrote to stderr."""

    def run(*words, state=tmp_path / "state", playbook=PLAYBOOK):
        (tmp_path / "play.yml").write_text(playbook)
        argv = [sys.executable, "-m", "outlast", "playbook", "-i", "localhost,", "-c", "local"]
        environ = {
            **os.environ,
            "OUTLAST_STATE_DIR": str(state),
            "ANSIBLE_ASYNC_DIR": str(tmp_path / "async"),
        }
        ran = subprocess.run(
            [*argv, *words, str(tmp_path / "play.yml")],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stderr

    return run


def all_bytes(folder) -> bytes:
    """Give the files as they are, and all that is packed in them."""
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    packed = []
    at = raw.find(b"x^")
    while at >= 0:
        with suppress(zlib.error):  # two letters of something else
            packed.append(zlib.decompressobj().decompress(raw[at : at + 100_000]))
        at = raw.find(b"x^", at + 1)
    return raw + b"".join(packed)


def test_what_happened_is_there_and_what_is_secret_is_not(run, tmp_path):
    secrets_file = tmp_path / "secret"
    secrets_file.write_text("hunter2-typed")
    said = run(
        *("-e", "password=hunter2-var", "-ejson=1", "--extra-v", '{"x": "hunter2-var"}'),
        *("-e", "ansible_become_password=hunter2-become"),
        *("--become-password-file", str(secrets_file), "-t", "all", "--limit", "localhost"),
    )
    assert "ledger" not in said
    kept = all_bytes(tmp_path / "state")
    assert b'"censored"' in kept  # the look into what is packed works
    assert [secret for secret in SECRETS if secret.encode() in kept] == []

    with read(tmp_path / "state" / "ledger.sqlite") as ledger:
        (record,) = ledger.runs()
        results, jobs = ledger.results(record.id), ledger.jobs()
    assert (record.state, record.code) == ("ended", 0)
    hidden = ("-e", "...") * 4
    assert record.command == (
        *("outlast", "playbook", str(tmp_path / "play.yml"), "-i", "localhost,"),
        *("-l", "localhost", *hidden),
    )
    assert [one.task for one in results if one.item is None] == [
        *("say a secret", "say several", "fail with one", "a secret job of some"),
        *("become who I am", "wait for it", "do not wait"),
    ]
    assert [one.kind for one in results].count("failed") == 1
    assert results[-2].payload["stdout"] == "done"
    assert results[-2].place == f"{tmp_path / 'play.yml'}:25"
    assert [(job.task, job.state, job.cause) for job in reversed(jobs)] == [
        ("", "joined", "exited"),
        ("wait for it", "joined", "exited"),
        ("do not wait", "running", ""),
    ]
    assert jobs[0].async_dir == str(tmp_path / "async")
    assert jobs[0].endpoint["kind"] == "local"
    assert json.loads(json.dumps(jobs[0].endpoint)) == jobs[0].endpoint


def test_a_ledger_that_cannot_be_written_is_told_once_and_stops_nothing(run, tmp_path):
    (tmp_path / "state").write_text("no folder")
    hello = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=hello\n"
    said = run(playbook=hello)
    assert said.count("[WARNING]: This run is not recorded") == 1
    assert "Traceback" not in said


def test_a_run_without_tasks_is_none(run, tmp_path):
    run(playbook="- hosts: localhost\n  gather_facts: false\n")
    assert not (tmp_path / "state").exists()
