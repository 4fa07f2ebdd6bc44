"""The controller, or its ssh, is killed before each frame of a run that starts a job and waits.

The frames are counted until the run ends unharmed: intent, start, answer, waiting, collecting
and cleaning up are all among them. Whatever was said last, the job runs once or not at all, it
is known, and its output is in the ledger or on the host.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from stopping import wait_for_quiet
from unit.ledger.run_told import read

from outlast.ledger.records import JobRecord, ResultRecord
from outlast_agent import spool
from outlast_agent.jobs import status as job_status

RELAY = Path(__file__).with_name("relay.py")
PLAYBOOK = """\
- hosts: far
  gather_facts: false
  tasks:
    - name: long work
      shell: echo ran >> {0}/ran; echo out; sleep 0.2; echo done
      async: 30
      poll: 1
"""
WHOLE = "out\ndone"


class Known(NamedTuple):
    """What the ledger says."""

    state: str
    jobs: list[JobRecord]
    results: list[ResultRecord]

    def outputs(self) -> list[object]:
        payloads = [one.payload for one in (*self.jobs, *self.results) if one.payload]
        return [payload["stdout"] for payload in payloads if "stdout" in payload]


class World:
    """A user's folder with one host, reached through the relay."""

    def __init__(self, folder: Path, whom: str, at: int) -> None:
        folder.mkdir()
        self.folder, self.told, self.ran = folder, folder / "told", folder / "ran"
        ssh = folder / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E -I {RELAY} "$@"\n')
        ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
        host = {
            "ansible_ssh_executable": str(ssh),
            "ansible_python_interpreter": sys.executable,
            "ansible_async_dir": str(folder / "jobs"),
        }
        (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {"far": host}}}))
        (folder / "site.yml").write_text(PLAYBOOK.format(folder))
        (folder / "relay.json").write_text(
            json.dumps({"at": at, "whom": whom, "told": str(self.told)})
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "OUTLAST_STATE_DIR": str(folder / "state"),
            "OUTLAST_TEST_RELAY": str(folder / "relay.json"),
        }

    def outlast(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "outlast", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done
        return done

    def on_host(self) -> list[dict[str, object]]:
        """Give what the host says of each job, a finished one with its result."""
        folder = str(self.folder / "jobs")
        jids = [path.name for path in Path(folder, spool.PRIVATE).glob("j*")]
        return [job_status.status(spool.Entry(folder, jid)) for jid in jids]

    def known(self) -> Known:
        """Give what the ledger says of the one run."""
        if not (self.folder / "state" / "ledger.sqlite").exists():
            return Known("", [], [])
        with read(self.folder / "state" / "ledger.sqlite") as ledger:
            [run] = ledger.runs()
            return Known(run.state, list(ledger.jobs()), list(ledger.results(run.id)))


def listed(world: World) -> list[dict[str, object]]:
    said = world.outlast("jobs", "list", "--all", "--remote", "-i", "hosts.json", "--json")
    assert said.returncode == 0, said
    return json.loads(said.stdout)["jobs"]


class Found(NamedTuple):
    """What is left of a run that was cut off, once nothing of it runs any more."""

    ran: str
    run: str
    on_host: list[dict[str, object]]
    outputs: list[object]
    """Of the results that are in the ledger."""
    rows: list[dict[str, object]]
    """What `outlast jobs list` says later."""
    code: int
    said: str
    """What the run wrote to stderr."""


def cut_before_each_frame(folder: Path, whom: str) -> dict[str, Found]:
    """Kill *whom* before each frame; gives what is found then, by the frame."""
    seen = {}
    for at in itertools.count(1):
        world = World(folder / str(at), whom, at)
        run = world.outlast("playbook", "-i", "hosts.json", "site.yml")
        wait_for_quiet(world.folder)
        known, host = world.known(), world.on_host()
        ran = world.ran.read_text() if world.ran.exists() else ""
        name = world.told.read_text().strip() if world.told.exists() else "unharmed"
        seen[name] = Found(
            ran, known.state, host, known.outputs(), listed(world), run.returncode, run.stderr
        )
        if name == "unharmed":
            return seen
    raise AssertionError


@pytest.fixture(scope="module")
def controllers(tmp_path_factory):
    """What is found after a controller was killed, by the frame."""
    return cut_before_each_frame(tmp_path_factory.mktemp("controller"), "controller")


@pytest.fixture(scope="module")
def links(tmp_path_factory):
    """What is found after an ssh was killed, by the frame."""
    return cut_before_each_frame(tmp_path_factory.mktemp("link"), "ssh")


def test_all_that_is_said_of_a_job_was_cut_off(controllers, links):
    for seen in (controllers, links):
        assert [name.split()[-1] for name in seen if "job." in name] == [
            *("job.start", "job.ended", "job.status", "job.cleanup"),
        ]
        assert len(seen) == 10, "and each answer"


def test_after_a_killed_controller_the_state_told_is_true(controllers):
    for name, found in controllers.items():
        assert found.run == ("ended" if name == "unharmed" else "died"), (name, found)
        assert found.code == (0 if name == "unharmed" else -9)
        assert found.ran in ("", "ran\n"), "it runs once or not at all"
        states = [row["state"] for row in found.rows]
        if found.ran:
            assert len(states) == 1, (name, found)
            assert states[0] not in ("running", "intended"), (name, found)
        else:
            assert found.on_host == [], (name, found)
            assert set(states) <= {"intended", "unknown"}, (name, found)


def test_after_a_killed_controller_no_output_is_lost(controllers):
    for name, found in controllers.items():
        kept = [*found.outputs, *(status.get("stdout") for status in found.on_host)]
        if found.ran:
            assert WHOLE in kept, (name, found)


def test_a_result_is_in_the_ledger_before_it_is_removed_from_the_host(controllers):
    found = controllers["9 REPLY"]
    assert WHOLE in [*found.outputs, *(status.get("stdout") for status in found.on_host)]


def test_a_killed_ssh_costs_nothing_once_the_job_is_known(links):
    """Before its start is answered the host is unreachable; then it is said once."""
    for name, found in links.items():
        followed = name == "unharmed" or int(name.split()[0]) > 3
        assert found.run == "ended"
        assert found.code == (0 if followed else 4), (name, found)
        lost = found.said.count("The connection to far was lost while job")
        assert lost == int(followed and name != "unharmed"), (name, found)
        if found.ran:
            assert len(found.rows) == 1, "it is known, though nobody may have heard of its start"
        assert found.ran in (("ran\n",) if followed else ("", "ran\n"))
        kept = [*found.outputs, *(status.get("stdout") for status in found.on_host)]
        assert not found.ran or WHOLE in kept, (name, found)
