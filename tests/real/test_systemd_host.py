"""On a host with systemd and logind, which ends what a logout leaves: jobs go on, and are told.

`KillUserProcesses=yes` is set there, as on hardened machines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from differential.harness import STOCK
from real.wrong_world import Ended, World, wait_for
from systemd_host import running_systemd_host

WAITING = """
    - name: long work
      shell: echo $$ > /var/tmp/{name}; echo out; while [ ! -e /var/tmp/{name}.go ];
        do sleep 0.05; done; echo done; touch /var/tmp/{name}.done
      async: 600
      poll: {poll}
"""

ASKED_TO_END = ("cancelled", "signalled")
"""systemd asks the supervisor and the job itself, and either may be the first to hear it."""


@pytest.fixture(scope="module")
def machine():
    with running_systemd_host() as host:
        host.ask("chmod 1777 /var/tmp")
        yield host


@pytest.fixture
def world(machine, tmp_path):
    """Where a run begins that logs in as alice or as root."""
    made = World(tmp_path, {user: machine.variables(user) for user in ("alice", "root")})
    # The jobs lie where they lie by themselves: in the home of whoever they run as.
    made.settings.update(ANSIBLE_ASYNC_DIR="~/.ansible_async", ANSIBLE_REMOTE_TEMP="~/.tmp")
    made.settings.update(OUTLAST_STATE_DIR=str(tmp_path / "state"))
    yield made
    machine.ask("loginctl disable-linger alice; rm -f /var/tmp/*.go")


class Job:
    """The one job of a test, as root sees it on the machine."""

    def __init__(self, machine, name: str) -> None:
        self._machine, self._name = machine, name
        self.pid = int(machine.ask(f"cat /var/tmp/{name}"))

    def lives(self) -> bool:
        return self._machine.ask(f"test -e /proc/{self.pid} && echo yes") == "yes"

    def cgroup(self) -> str:
        return self._machine.ask(f"grep ^0:: /proc/{self.pid}/cgroup")

    def ends_by_itself(self) -> None:
        self._machine.ask(f"touch /var/tmp/{self._name}.go")
        wait_for(lambda: self._machine.ask(f"ls /var/tmp/{self._name}.done"))


def leave(world: World, machine, user: str, name: str) -> tuple[Ended, Job]:
    """Start a job that is not waited for, log out, and see logind's work done."""
    ended = world.run(WAITING.format(name=name, poll=0), "--limit", user)
    assert ended.code == 0, ended
    wait_for(lambda: machine.ask(f"cat /var/tmp/{name}"))
    if user != "root":  # root's sessions are ours as well, who ask
        wait_for(lambda: "alice" not in machine.ask("loginctl list-sessions --no-legend"))
    return ended, Job(machine, name)


def seen(world: World) -> dict[str, object]:
    """Give what is said of the test's own job, when its host is asked."""
    command = ["jobs", "list", "--remote", "--all", "-i", "hosts.json", "--json"]
    done = outlast(world, *command)
    assert done.returncode == 0, done
    [row] = [row for row in json.loads(done.stdout)["jobs"] if row["run"]]
    assert row["asked"] is True
    return row


def outlast(world: World, *words: str, program: list[str] | None = None):
    return subprocess.run(
        [*(program or [sys.executable, "-m", "outlast"]), *words],
        cwd=world.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(Path.home()),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(world.folder / "ansible.cfg"),
            **world.settings,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_job_of_root_is_in_a_scope_of_its_own_and_outlives_the_logout(world, machine):
    ended, job = leave(world, machine, "root", "of-root")
    assert ended.err == ""
    assert "/system.slice/outlast-jobs-" in job.cgroup()
    job.ends_by_itself()


def test_a_job_of_a_user_who_lingers_outlives_his_logout(world, machine):
    machine.ask("loginctl enable-linger alice")
    wait_for(lambda: machine.ask("systemctl is-active user@1000") == "active")
    ended, job = leave(world, machine, "alice", "of-alice")
    assert ended.err == ""
    assert "/user@1000.service/" in job.cgroup()
    assert "/outlast-jobs-" in job.cgroup()
    job.ends_by_itself()
    row = seen(world)
    assert (row["cause"], row["last_line"]) == ("exited", "done")


def test_where_a_job_would_be_ended_at_logout_it_is_said_and_then_told_as_lost(world, machine):
    ended, job = leave(world, machine, "alice", "of-alice-2")
    assert "unless `loginctl enable-linger alice` is run there before" in " ".join(
        ended.err.split()
    )
    wait_for(lambda: not job.lives())
    assert seen(world)["state"] == "lost"


def test_a_job_of_stock_does_not_outlive_the_logout(world, machine):
    world.run("    - raw: 'true'\n", "--limit", "alice")  # writes the inventory
    machine.ask("loginctl enable-linger alice")
    (world.folder / "p.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n" + WAITING.format(name="stocks", poll=0)
    )
    done = outlast(world, "-i", "hosts.json", "--limit", "alice", "p.yml", program=STOCK)
    assert done.returncode == 0, done
    wait_for(lambda: "alice" not in machine.ask("loginctl list-sessions --no-legend"))
    assert "changed=1" in done.stdout
    assert machine.ask("pgrep -u alice -f /var/tmp/stocks") == ""
    assert machine.ask("ls /var/tmp/stocks.done") == ""


def test_a_job_whose_scope_is_stopped_is_told_as_ended_from_outside(world, machine):
    _, job = leave(world, machine, "root", "stopped")
    machine.ask("systemctl stop 'outlast-jobs-*.scope'")
    wait_for(lambda: not job.lives())
    row = seen(world)
    assert (row["state"], row["last_line"]) == ("failed", "out")
    assert row["cause"] in ASKED_TO_END


def test_a_job_whose_host_is_shut_down_is_told_and_its_output_kept(world, machine):
    """Shutting down, systemd asks all to end before it kills them: there is time to record it."""
    leave(world, machine, "root", "shut-down")
    machine.shut_down()
    machine.boot()
    row = seen(world)
    assert (row["state"], row["last_line"]) == ("failed", "out")
    assert row["cause"] in ASKED_TO_END


def test_a_job_whose_host_loses_its_power_is_told_as_lost(world, machine):
    leave(world, machine, "root", "unplugged")
    machine.unplug()
    machine.boot()
    row = seen(world)
    assert (row["state"], row["last_line"]) == ("lost", "out")


def test_who_waits_across_a_reboot_is_told_that_the_job_was_lost(world, machine):
    with world.start(WAITING.format(name="waited", poll=1), "--limit", "root") as run:
        wait_for(lambda: machine.ask("cat /var/tmp/waited"))
        machine.unplug()
        machine.boot()
        out, err = run.communicate(timeout=60)
    assert run.returncode == 2, (out, err)
    assert "The job was lost: the host was restarted while it ran." in out
    assert err.count("was lost while job") == 1
