"""outlast.jobs.wait, .cancel and .info in playbooks, over real jobs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from real_hosts import SYSTEM_PYTHON

from outlast.cli.entry import main


class World:
    """A folder to play in, and hosts that are this machine."""

    def __init__(self, folder: Path, monkeypatch, capsys) -> None:
        self.folder, self.capsys = folder, capsys
        monkeypatch.setenv("OUTLAST_STATE_DIR", str(folder / "state"))
        monkeypatch.setenv("HOME", str(folder))
        os.mkfifo(folder / "gate")
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        self.hosts = {host: dict(local) for host in ("web1", "web2")}

    def play(self, tasks, *words, code=0, strategy="linear", limit="web1"):
        """Run a play of *tasks*; gives what it said on stdout and stderr."""
        play = {"hosts": "all", "gather_facts": False, "strategy": strategy, "tasks": tasks}
        (self.folder / "play.yml").write_text(json.dumps([play]))
        (self.folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": self.hosts}}))
        named = [str(self.folder / name) for name in ("hosts.yml", "play.yml")]
        self.capsys.readouterr()
        got = main(["playbook", "-i", named[0], "-l", limit, named[1], *words])
        said = self.capsys.readouterr()
        assert got == code, said.out + said.err
        return said

    def told(self, name="told"):
        """Give what a play has written down of a variable."""
        return json.loads((self.folder / name).read_text())

    def tell(self, variable):
        """Give the task that writes a variable down."""
        content = "{{ " + variable + " | to_json }}"
        return {"copy": {"content": content, "dest": str(self.folder / "told")}}


@pytest.fixture
def world(tmp_path, monkeypatch, capsys):
    return World(tmp_path, monkeypatch, capsys)


def started(line, name, **more):
    return {"name": name, "shell": line, "async": 60, "poll": 0, **more}


def test_a_run_waits_for_all_it_has_started_and_owes_nobody_an_end(world):
    said = world.play(
        [
            started("echo {{ item }}", "Loop", loop=[1, 2, 3], register="starts"),
            started("sleep 0.3; exit 4", "Bad"),
            {"outlast.jobs.wait": {"fail": False}, "register": "waited"},
            {"outlast.jobs.wait": {"jobs": "{{ starts }}"}, "register": "again"},
            world.tell("[waited, again]"),
        ],
        *("--jobs=leave", "--strict-jobs"),
    )
    waited, again = world.told()
    assert [job["result"]["stdout"] for job in waited["jobs"]] == ["1", "2", "3", ""]
    assert [job["cause"] for job in waited["jobs"]] == ["exited"] * 3 + ["failed"]
    assert (len(waited["ended_jobs"]), waited["jobs"][3]["rc"]) == (4, 4)
    assert [job["ansible_job_id"] for job in again["jobs"]] == waited["ended_jobs"][:3]
    assert "no task waited for" not in said.err


def test_a_job_that_was_polled_has_been_told_already(world):
    polled = {**started("echo one", "Polled"), "poll": 1}
    world.play([polled, {"outlast.jobs.wait": {"jobs": "Polled"}, "register": "waited"}])
    world.play([polled, {"outlast.jobs.wait": None, "register": "waited"}, world.tell("waited")])
    assert world.told()["jobs"] == []


def test_a_failed_job_fails_the_task_by_name(world):
    said = world.play(
        [started("exit 4", "Bad"), {"outlast.jobs.wait": {"jobs": "Bad"}}],
        code=2,
    )
    assert "(Bad) failed: non-zero return code." in said.err + said.out
    assert "failed=1" in said.out


def test_whoever_waits_holds_no_fork(world):
    """On web2 something must be done for web1's job to end; there is one fork."""
    world.play(
        [
            started(f"read x < {world.folder}/gate", "Wait", when="inventory_hostname == 'web1'"),
            {"outlast.jobs.wait": {"deadline": 30}, "when": "inventory_hostname == 'web1'"},
            {
                "shell": f"echo go > {world.folder}/gate",
                "when": "inventory_hostname == 'web2'",
            },
        ],
        *("-f", "1"),
        strategy="free",
        limit="all",
    )


def test_jobs_are_cancelled_and_looked_at(world):
    world.play(
        [
            started("sleep 600", "Long"),
            started("echo brief", "Brief"),
            {"outlast.jobs.wait": {"for": "any"}},
            {"outlast.jobs.cancel": {"all": True}, "check_mode": True, "register": "predicted"},
            {"outlast.jobs.cancel": {"jobs": "Long"}, "register": "cancelled"},
            {"outlast.jobs.cancel": {"jobs": "Long"}, "register": "again"},
            {"outlast.jobs.info": {"results": True}, "register": "seen"},
            world.tell("[predicted, cancelled, again, seen]"),
        ],
        "--strict-jobs",
    )
    predicted, cancelled, again, seen = world.told()
    assert [job["state"] for job in predicted["jobs"]] == ["to_be_cancelled"]
    assert [job["state"] for job in cancelled["jobs"]] == ["cancelled"]
    assert [job["state"] for job in again["jobs"]] == ["ended"]
    assert [one["changed"] for one in (predicted, cancelled, again, seen)] == [True, True] + [
        False
    ] * 2
    found = {job["task"]: job for job in seen["jobs"]}
    assert (found["Long"]["cause"], found["Long"]["state"]) == ("cancelled", "ended")
    assert found["Brief"]["result"]["stdout"] == "brief"


def test_a_job_of_another_user_is_waited_for_where_it_is(world, user):
    """The task that waits is root's; the job lies in the home of whom another task became."""
    for host in world.hosts.values():
        host["ansible_python_interpreter"] = SYSTEM_PYTHON
    becoming = {"become": True, "become_user": user.name}
    world.play(
        [
            started("id -un", "Theirs", **becoming),
            started("id -un", "Ours"),
            {"outlast.jobs.wait": None, "register": "waited"},
            world.tell("waited"),
        ]
    )
    assert [job["result"]["stdout"] for job in world.told()["jobs"]] == [user.name, "root"]


def test_a_job_asked_for_on_the_wrong_host_is_told_where_it_is(world):
    said = world.play(
        [
            started("true", "There", when="inventory_hostname == 'web1'", register="job"),
            {
                "async_status": {"jid": "{{ hostvars.web1.job.ansible_job_id }}"},
                "vars": {"ansible_async_dir": str(world.folder / "elsewhere")},
                "when": "inventory_hostname == 'web2'",
                "ignore_errors": True,
                "register": "asked",
            },
        ],
        limit="all",
    )
    assert "is on web1 (async_dir ~/.ansible_async), not on web2" in said.err
    assert '"msg": "could not find job"' in said.out


def test_a_misspelt_action_is_answered_with_those_there_are(world):
    said = world.play([{"outlast.jobs.join": None}], code=4)
    assert "There are outlast.jobs.cancel, outlast.jobs.info and outlast.jobs.wait." in said.err
