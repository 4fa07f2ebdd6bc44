"""Jobs that restart their host: over when it is up again, and told by its boot id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from job_agent import AgentOnPipe
from job_host import end_process, wait_until
from real.played import Stage, said

from outlast.transport.bootstrap import sources
from outlast_agent import spool, wire

BOOT = "/proc/sys/kernel/random/boot_id"


class Machine:
    """A host whose boot id is in a file of ours, and its agents."""

    def __init__(self, home):
        self.home = home
        self._boots = 1
        self._file = home / "boot_id"
        self._file.write_text("boot-1\n")
        text = sources()["spool"]
        assert BOOT in text
        self._changed = [("spool", text.replace(BOOT, str(self._file)))]
        self.agent = self._agent()

    def _agent(self):
        return AgentOnPipe(self.home, changed=self._changed)

    def start(self, line, *, limit=30.0, jid="j1"):
        run = {"command": {"shell": line}, "environment": {}}
        return self.agent.start_run(run, jid=jid, limit=limit, reboots=True)

    def supervisor(self, job):
        return int(job["ansible_job_id"].rpartition(".")[2])

    def path(self, job, name):
        return Path(
            spool.Entry(str(self.home / ".ansible_async"), job["ansible_job_id"]).path(name)
        )

    def child(self, job):
        wait_until(self.path(job, "child").exists)
        return int(self.path(job, "child").read_text().split()[0])

    def go_down(self, job, *, first=None):
        """Tell everybody to go, as a host does; *first* is told before the others."""
        everybody = [self.child(job), self.supervisor(job)]
        for pid in sorted(everybody, key=lambda pid: pid != first):
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not any(map(spool.process_start, everybody)))

    def cut_the_power(self, job):
        for pid in (self.supervisor(job), self.child(job)):
            end_process(pid)

    def come_up(self):
        self.agent.kill()
        self._boots += 1
        self._file.write_text(f"boot-{self._boots}\n")
        self.agent = self._agent()

    def row(self):
        [row] = self.agent.call("job.list", async_dir="~/.ansible_async")["jobs"]
        return row


@pytest.fixture
def machine(home):
    machine = Machine(home)
    yield machine
    machine.agent.close()
    for path in (home / ".ansible_async" / ".outlast").glob("j*"):
        end_process(int(path.name.rpartition(".")[2]))


def came_back(status):
    assert status["finished"] is True
    assert (status["rebooted"], status["outlast_boot_ids"]) == (True, ["boot-1", "boot-2"])
    assert 0 <= status["elapsed"] < 30
    assert not status.get("failed")
    return status


def test_a_program_that_the_host_takes_down_with_it_has_done_its_work(machine):
    job = machine.start("echo going down; exec sleep 60")
    wait_until(lambda: machine.path(job, "stdout").read_text() == "going down\n")
    machine.go_down(job)
    machine.come_up()
    status = came_back(machine.agent.status(job))
    assert (status["stdout"], status["changed"], "rc" in status) == ("going down", True, False)
    assert machine.row()["cause"] == "exited"


@pytest.mark.parametrize("who", ["child", "supervisor"])
def test_it_does_not_matter_who_is_told_to_go_first(machine, who):
    job = machine.start("exec sleep 60")
    machine.go_down(job, first=getattr(machine, who)(job))
    assert machine.agent.status(job)["finished"] is False
    machine.come_up()
    came_back(machine.agent.status(job))


def test_a_program_that_ends_well_before_the_host_goes_down_is_not_the_end(machine):
    job = machine.start("echo soon; echo hm >&2")
    wait_until(machine.path(job, "program.json").exists)
    assert machine.agent.status(job)["finished"] is False
    assert machine.row()["state"] == "running"
    os.kill(machine.supervisor(job), signal.SIGTERM)
    wait_until(lambda: not spool.process_start(machine.supervisor(job)))
    machine.come_up()
    status = came_back(machine.agent.status(job))
    assert (status["rc"], status["stdout"], status["stderr"]) == (0, "soon", "hm")


def test_a_host_that_goes_down_without_a_word_came_back_all_the_same(machine):
    job = machine.start("exec sleep 60")
    machine.child(job)
    machine.cut_the_power(job)
    machine.come_up()
    came_back(machine.agent.status(job))


def test_the_end_is_recorded_once_for_all_who_ask(machine):
    job = machine.start("exec sleep 60")
    machine.go_down(job)
    machine.come_up()
    first = machine.agent.status(job)
    recorded = json.loads(Path(job["results_file"]).read_text())
    assert recorded["rebooted"] is True
    machine.come_up()
    assert machine.agent.status(job) == first, "a third boot is none of its business"


def test_while_the_host_goes_down_the_job_runs(machine):
    job = machine.start("exec sleep 60")
    machine.go_down(job)
    asked = machine.agent.about("job.ended", job)
    assert machine.agent.status(job)["finished"] is False
    assert machine.row()["state"] == "running"
    kind, said = machine.agent.answer(machine.agent.about("job.cancel", job, grace=0.0))
    assert (kind, said["state"]) == (wire.REPLY, "running")
    assert "host is going down" in said["msg"]
    assert not machine.agent.has_answered(asked)


def test_a_program_that_fails_has_failed_at_once(machine):
    job = machine.start("echo no >&2; exit 3")
    status = machine.agent.wait(job)
    assert (status["rc"], status["stderr"]) == (3, "no")
    assert "rebooted" not in status
    machine.come_up()
    assert "rebooted" not in machine.agent.status(job)
    assert machine.row()["cause"] == "failed"


@pytest.mark.parametrize("line", ["true", "exec sleep 60"])
def test_a_host_that_stays_up_is_waited_for_until_the_limit(machine, line):
    job = machine.start(line, limit=1.0)
    status = machine.agent.wait(job)
    assert (status["msg"], status["failed"]) == ("Timeout exceeded", True)
    assert machine.row()["cause"] == "limit"


def test_a_host_that_never_gets_down_is_told_when_the_limit_is_over(machine):
    job = machine.start("exec sleep 60", limit=2.0)
    machine.go_down(job)
    status = machine.agent.wait(job)
    assert (status["msg"], status["failed"]) == ("Timeout exceeded", True)
    assert machine.row()["cause"] == "limit"


@pytest.mark.parametrize("line", ["true", "exec sleep 60"])
def test_such_a_job_can_be_cancelled(machine, line):
    job = machine.start(line)
    if line == "true":
        wait_until(machine.path(job, "program.json").exists)
    _, said = machine.agent.answer(machine.agent.about("job.cancel", job, grace=1.0))
    assert said["state"] == "cancelled"
    assert machine.agent.status(job)["msg"] == "The job was cancelled."


def test_a_killed_supervisor_makes_it_lost_as_any_other(machine):
    job = machine.start("exec sleep 60")
    machine.child(job)
    machine.cut_the_power(job)
    assert "The job was lost" in machine.agent.status(job)["msg"]


def test_what_is_not_to_run_restarts_nothing(machine):
    run = {"command": {"shell": "reboot", "creates": "/"}, "environment": {}}
    job = machine.agent.start_run(run, reboots=True)
    assert machine.agent.wait(job)["rc"] == 0


def test_another_job_is_lost_with_its_host(machine):
    job = machine.agent.start("exec sleep 60")
    machine.child(job)
    machine.cut_the_power(job)
    machine.come_up()
    assert machine.agent.status(job)["msg"] == (
        "The job was lost: the host was restarted while it ran."
    )


def test_a_start_that_is_withdrawn_is_no_host_that_goes_down(machine):
    number = machine.agent.ask(
        "job.start",
        jid="j7",
        limit=30.0,
        async_dir="~/.ansible_async",
        name="a test",
        run={"command": {"shell": "exec sleep 60"}, "environment": {}},
        terms={"reboots": True},
    )
    machine.agent.cancel(number)
    machine.agent.answer(number)
    rows = machine.agent.call("job.list", async_dir="~/.ansible_async")["jobs"]
    for row in rows:
        machine.agent.wait({"ansible_job_id": row["jid"]})
    assert {row["state"] for row in rows} <= {"running", "ended"}
    ended = machine.agent.call("job.list", async_dir="~/.ansible_async")["jobs"]
    assert {row["cause"] for row in ended} <= {"cancelled"}


# -- in playbooks ------------------------------------------------------------------------------


def _may_mount():
    """Tell whether this host lets us have a /proc of our own making."""
    probe = ["unshare", "-m", "mount", "--bind", "/dev/null", BOOT]
    return os.geteuid() == 0 and subprocess.run(probe, check=False).returncode == 0


class Mortal(Stage):
    """A stage whose boot id is a file of ours, for the processes that are played there."""

    def begin(self, *words):
        (self.folder / "boot_id").write_text("boot-1\n")
        self.wrap = ("unshare", "-m", "sh", "-c", f'mount --bind boot_id {BOOT}; exec "$@"', "sh")
        return super().begin(*words)

    def go_down_and_come_up(self, controller):
        """End all there is on the host, the agent too, and be another boot."""
        wait_until(lambda: list(self.spool.glob(".outlast/j*/child")))
        [child] = self.spool.glob(".outlast/j*/child")
        wait_until(lambda: (child.parent / "stdout").read_text() == "going down\n")
        os.kill(int(child.parent.name.rpartition(".")[2]), signal.SIGTERM)
        os.kill(int(child.read_text().split()[0]), signal.SIGTERM)
        wait_until((child.parent / "leaving").exists)
        pid = controller.pid
        [agent] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        (self.folder / "boot_id").write_text("boot-2\n")
        os.kill(int(agent), signal.SIGKILL)


@pytest.fixture
def mortal(tmp_path):
    if not _may_mount():
        pytest.skip("only root may mount something over the boot id")
    stage = Mortal(tmp_path)
    yield stage
    stage.close()


def test_a_playbook_goes_on_when_its_host_is_up_again(mortal):
    restart = {
        "name": "Restart",
        "shell": "echo going down; exec sleep 60",
        "async": 60,
        "poll": 5,
        "vars": {"outlast_reboots": True},
        "register": "it",
    }
    seen = "SAW {{ it.rebooted }} {{ it.outlast_boot_ids | join(' ') }} {{ it.stdout }}"
    playing = mortal.play([restart, {"debug": {"msg": seen}}])
    mortal.go_down_and_come_up(playing)
    played = said(playing)
    assert played.code == 0, played
    assert "SAW True boot-1 boot-2 going down" in played.stdout
    assert "ASYNC WAIT on here: its connection has ended, as a restart's does\n" in played.stdout
    assert "WARNING" not in played.stderr
