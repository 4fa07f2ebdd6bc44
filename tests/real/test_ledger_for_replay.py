"""What a run that resumes another needs to find in the ledger, after a good end and a bad one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from small_disk import disk_of
from unit.ledger.run_told import read

from outlast.ledger.schema import STEPS

HEAD = "- hosts: localhost\n  gather_facts: false\n  tasks:\n"


@pytest.fixture
def start(tmp_path):
    """Start a playbook whose tasks are given; its folder is where the test's is."""

    def start(tasks, *words, head=HEAD, state="state"):
        (tmp_path / "play.yml").write_text(head + tasks.replace("HERE", str(tmp_path)))
        environ = {
            **os.environ,
            "OUTLAST_STATE_DIR": str(tmp_path / state),
            "ANSIBLE_ASYNC_DIR": str(tmp_path / "async"),
        }
        argv = [sys.executable, "-m", "outlast", "playbook", "-i", "localhost,", "-c", "local"]
        return subprocess.Popen(
            [*argv, *words, str(tmp_path / "play.yml")],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start):
    """Run a playbook to its good end; gives what it wrote to stderr."""

    def run(tasks, *words, **given):
        with start(tasks, *words, **given) as running:
            out, err = running.communicate(timeout=60)
        assert running.returncode == 0, out + err
        assert "Traceback" not in err
        return err

    return run


@pytest.fixture
def kept(tmp_path):
    """Read the one run there is: its record, results, jobs and what is unfinished."""

    def kept(state="state"):
        with read(tmp_path / state / "ledger.sqlite") as ledger:
            (record,) = ledger.runs()
            jobs = list(reversed(ledger.jobs()))
            return record, ledger.results(record.id), jobs, ledger.unfinished(record.id)

    return kept


# -- whole outcomes -----------------------------------------------------------------------------


def test_facts_and_all_that_followed_are_there(run, kept, tmp_path):
    (tmp_path / "more.yml").write_text("from_file: 7\n")
    (tmp_path / "none.yml").write_text("- meta: noop\n")
    run(
        """
    - setup: gather_subset=!all
      register: found
    - set_fact: {size: "{{ 1 + 2 }}", cacheable: true}
    - set_fact: {hidden: hunter2}
      no_log: true
    - include_vars: HERE/more.yml
    - set_stats: {data: {n: 1}}
    - add_host: {name: other, groups: [more], speed: 9}
    - group_by: key=fast
    - command: echo {{ item }}
      loop: [a, a]
      notify: tell
      register: said
    - include_tasks: HERE/none.yml
      register: included
      loop: [1]
  handlers:
    - name: tell
      debug: msg=told
"""
    )
    _, results, _, unfinished = kept()
    assert unfinished == []
    whole = [one for one in results if one.position is None and one.action != "meta"]
    setup, set_, hidden, vars_, stats, host, group, said, included, told = whole
    assert setup.payload["ansible_facts"]["ansible_distribution"]
    assert setup.follows == {"register": "found", "shown": "never"}
    (effect,) = set_.follows["effects"]
    assert effect == {"is": "SetFacts", "facts": {"size": 3}, "cacheable": True}
    assert (hidden.censored, hidden.follows) == (True, {})
    assert vars_.follows["effects"] == [{"is": "SetIncludedVars", "variables": {"from_file": 7}}]
    assert stats.follows["effects"][0]["data"] == {"n": 1}
    assert host.follows["growth"]["variables"] == {"speed": 9}
    assert (group.follows["growth"]["is"], group.follows["growth"]["group"]) == (
        *("AddToGroup", "fast"),
    )
    assert said.follows == {"notified": ["tell", "tell"], "register": "said"}
    items = [one for one in results if one.position is not None]
    assert [(one.position, one.item, one.payload["stdout"]) for one in items] == [
        *((0, '"a"', "a"), (1, '"a"', "a")),
    ]
    assert included.follows["registered"]["results"][0]["include"].endswith("none.yml")
    assert (told.handler, told.identity) == (True, "play.yml#0/handlers/0")


RETRIED = """
    - name: the third time
      shell: echo x >> HERE/{{ item }}; test $(wc -l < HERE/{{ item }}) -ge 3
      ASYNC
      retries: 5
      delay: 0
      until: tried is success
      register: tried
      loop: [one, two]
"""


def test_each_attempt_is_there(run, kept):
    run(RETRIED.replace("ASYNC", "changed_when: false"))
    _, results, _, _ = kept()
    assert [(one.position, one.attempt, one.payload.get("rc")) for one in results] == [
        *((0, 1, 1), (0, 2, 1), (0, None, 0)),
        *((1, 1, 1), (1, 2, 1), (1, None, 0), (None, None, None)),
    ]


def test_each_attempt_has_its_job(run, kept):
    run(RETRIED.replace("ASYNC", "async: 30\n      poll: 1"))
    _, _, jobs, _ = kept()
    assert {job.identity for job in jobs} == {"play.yml#0/tasks/0"}
    assert [(job.position, job.attempt, job.state) for job in jobs] == [
        (item, attempt, "joined") for item in (0, 1) for attempt in (1, 2, 3)
    ]


def test_an_attempt_that_holds_what_was_encrypted_is_hidden(run, kept, tmp_path):
    (tmp_path / "pass").write_text("open sesame\n")
    (tmp_path / "file").write_text("password: hunter2\n")
    words = ["encrypt", "--vault-password-file", str(tmp_path / "pass"), str(tmp_path / "file")]
    ansible_vault = str(Path(sys.executable).with_name("ansible-vault"))
    subprocess.run([ansible_vault, *words], check=True, capture_output=True)
    run(
        """
    - include_vars: HERE/file
      retries: 1
      delay: 0
      until: tried.attempts == 2
      register: tried
""",
        *("--vault-password-file", str(tmp_path / "pass")),
    )
    _, results, _, _ = kept()
    assert [(one.attempt, one.censored) for one in results] == [(1, True), (None, True)]
    assert [one.follows for one in results] == [{}, {"register": "tried"}]


# -- killed ---------------------------------------------------------------------------------------


def test_what_was_under_way_when_the_controller_was_killed_is_there(start, kept, tmp_path):
    began, go = tmp_path / "began", tmp_path / "go"
    os.mkfifo(began)
    os.mkfifo(go)
    tasks = """
    - name: done before
      command: echo before
    - name: acts
      shell: echo {{ item }} > HERE/began; read line < HERE/go
      loop: [first]
    - name: never begun
      command: echo after
"""
    with start(tasks) as running:
        assert began.read_text() == "first\n"  # it acts
        running.send_signal(signal.SIGKILL)
        running.communicate()
    with suppress(OSError):  # nobody waits any more
        os.close(os.open(go, os.O_WRONLY | os.O_NONBLOCK))
    record, results, _, unfinished = kept()
    assert record.state == "died"
    assert [(one.task, one.kind) for one in results] == [("done before", "ok")]
    (acts,) = unfinished
    assert (acts.task, acts.host, acts.position, acts.attempt) == ("acts", "localhost", 0, 1)
    assert acts.identity == "play.yml#0/tasks/1"


# -- broken and full -----------------------------------------------------------------------------

SPOIL = f"""
import sqlite3, sys
path = sys.argv[1]
connection = sqlite3.connect(path)
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
connection.execute("PRAGMA user_version = {len(STEPS)}")
connection.commit()
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
connection.close()
with open(path, "r+b") as stream:
    size = stream.seek(0, 2)
    stream.seek(4096)
    stream.write(b"\\xff" * (size - 4096))
"""


def test_a_ledger_that_is_spoilt_under_a_run_is_told_once_and_begun_again_whole(
    run, kept, tmp_path
):
    (tmp_path / "spoil.py").write_text(SPOIL)
    said = run(
        f"""
    - command: echo before
    - shell: echo job
      async: 30
      poll: 1
    - command: {sys.executable} HERE/spoil.py HERE/state/ledger.sqlite
    - command: echo after
"""
    )
    assert said.count("was damaged") == 1
    assert "lost" not in said
    record, results, jobs, unfinished = kept()
    assert (record.state, record.code, unfinished) == ("ended", 0, [])
    assert [one.payload.get("stdout") for one in results] == ["before", "job", "", "after"]
    assert [job.state for job in jobs] == ["joined"]
    assert len(list((tmp_path / "state").glob("ledger.sqlite.damaged-*"))) >= 1


@pytest.fixture
def tiny_disk(tmp_path):
    with disk_of("300k", tmp_path / "tiny") as place:
        yield place


def test_a_disk_that_is_full_is_told_once_and_the_run_goes_on_to_its_end(run, kept, tiny_disk):
    said = run(
        """
    - shell: head -c 30000 /dev/urandom | base64 -w0
      loop: "{{ range(20) | list }}"
    - shell: echo job
      async: 30
      poll: 1
""",
        state=tiny_disk.name,
    )
    assert said.count("This run is not recorded, or not wholly") == 1
    assert "full" in said
    record, results, jobs, _ = kept(tiny_disk.name)
    assert (record.state, jobs) == ("died", [])
    positions = [one.position for one in results]
    assert positions == list(range(len(positions)))
    assert 0 < len(positions) < 20
