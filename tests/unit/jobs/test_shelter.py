"""Where systemd runs, jobs are moved out of the login session, or it is said that they are not.

The hosts are scripted; what a real one does was seen by hand: root's jobs, and those of a user
who lingers, outlive a logout under KillUserProcesses=yes, and those of other users do not.
"""

from __future__ import annotations

import os

import pytest
from job_agent import AgentOnPipe

from outlast.transport.bootstrap import sources
from outlast_agent.jobs import shelter
from outlast_agent.loop import Loop

SESSION = "0::/user.slice/user-1000.slice/session-5.scope\n"
KILLS = "b true\nas 0\nas 0\n"


def name(uid):
    return {0: "root", 1000: "alice"}[uid]


# -- choosing ---------------------------------------------------------------------------------


def test_roots_jobs_are_a_scope_of_the_systems_manager():
    words = shelter.move_command(42, 0, lingers=False)
    assert words[:3] == ["busctl", "--system", "--quiet"]
    scope = words[words.index("ssa(sv)a(sa(sv))") + 1]
    assert scope.startswith("outlast-jobs-42-")
    assert scope.endswith(".scope")
    at = words.index("PIDs")
    assert words[at - 1 : at + 4] == ["2", "PIDs", "au", "1", "42"]


def test_a_users_jobs_are_a_scope_of_his_manager_if_that_stays():
    assert "--user" in shelter.move_command(42, 1000, lingers=True)


def test_a_user_whose_manager_ends_with_him_gains_nothing_by_it():
    assert shelter.move_command(42, 1000, lingers=False) == []


# -- saying -----------------------------------------------------------------------------------


def test_who_loses_his_jobs_is_told_what_to_do():
    said = shelter.warning(SESSION, KILLS, name, lingers=False)
    assert "what alice has left running" in said
    assert "unless `loginctl enable-linger alice` is run there before" in said


def test_who_lingers_already_is_told_something_else():
    said = shelter.warning(SESSION, KILLS, name, lingers=True)
    assert "systemd would not move it" in said
    assert "enable-linger" not in said


@pytest.mark.parametrize(
    ("cgroup", "logind"),
    [
        (SESSION, "b false\nas 0\nas 0\n"),
        (SESSION, 'b true\nas 0\nas 1 "alice"\n'),
        (SESSION, 'b true\nas 1 "bob"\nas 0\n'),
        (SESSION, ""),
        ("0::/system.slice/cron.service\n", KILLS),
    ],
    ids=["kills nobody", "alice is excluded", "kills bob only", "says nothing", "no session"],
)
def test_who_loses_nothing_is_told_nothing(cgroup, logind):
    assert shelter.warning(cgroup, logind, name, lingers=False) == ""


def test_the_user_named_is_the_one_who_logged_in():
    said = shelter.warning(SESSION, 'b true\nas 1 "alice"\nas 0\n', name, lingers=False)
    assert "alice" in said


# -- moving -----------------------------------------------------------------------------------


class Host:
    """A host with systemd, as far as a shelter can see; what its busctl says is scripted."""

    def __init__(self, folder, monkeypatch):
        self._folder = folder
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(shelter, "SYSTEMD", str(folder))
        monkeypatch.setattr(shelter, "_LINGER", str(folder / "linger"))
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        self.cgroup(SESSION)

    def cgroup(self, *seen):
        """Have a process seen in these groups, one after the other; it stays in the last."""
        left = list(seen)
        look = lambda _pid: left.pop(0) if len(left) > 1 else left[0]  # noqa: E731
        self._monkeypatch.setattr(shelter, "_cgroup", look)

    def busctl(self, script):
        path = self._folder / "busctl"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def settle(self):
        """Give what a shelter says in the end."""
        loop = Loop()
        said = []

        def look():
            if said and made._asked is None:  # whom it has asked is gone as well
                loop.stop()
            loop.call_later(0.01, look)

        made = shelter.Shelter(loop, os.getpid(), said.append)
        made.begin()
        look()
        loop.run()
        loop.close()
        assert len(said) == 1
        return said[0]


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


REFUSES = f'case "$*" in *get-property*) printf "{KILLS}";; *) exit 1;; esac'


def test_where_no_systemd_runs_nothing_is_asked(host, monkeypatch, tmp_path):
    monkeypatch.setattr(shelter, "SYSTEMD", str(tmp_path / "none"))
    host.busctl(f"touch {tmp_path}/asked")
    assert host.settle() == ""
    assert not (tmp_path / "asked").exists()


def test_orders_wait_until_the_move_that_was_promised_is_made(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    host.busctl("exit 0")
    host.cgroup(SESSION, SESSION, SESSION, "0::/system.slice/outlast-jobs.scope\n")
    assert host.settle() == ""


def test_a_move_that_is_refused_leads_to_the_question_whether_it_matters(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shelter, "_name", name)
    host.busctl(REFUSES)
    assert "alice" in host.settle()


def test_a_host_without_busctl_is_as_good_as_one_that_refuses(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    assert host.settle() == ""


@pytest.mark.parametrize("script", ["exec sleep 60", "exit 0"], ids=["mute", "a broken promise"])
def test_nobody_waits_long_for_systemd(host, monkeypatch, script):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shelter, "_PATIENCE", 0.2)
    host.busctl(script)
    assert host.settle() == ""


def test_a_warning_comes_with_the_start_of_the_job(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    busctl, cgroup = home / "busctl", home / "cgroup"
    busctl.write_text(f"#!/bin/sh\n{REFUSES}\n")
    busctl.chmod(0o755)
    cgroup.write_text("0::/user.slice/user-4242424.slice/session-5.scope\n")
    text = sources()["jobs.shelter"]
    for old, new in (
        ('"/run/systemd/system"', repr(str(home))),
        ('"busctl"', repr(str(busctl))),
        ('"/proc/%d/cgroup" % pid', repr(str(cgroup))),
    ):
        assert old in text
        text = text.replace(old, new)
    agent = AgentOnPipe(home, changed={"jobs.shelter": text})
    try:
        for jid in ("j1", "j2"):
            job = agent.start("echo fine", jid=jid)
            (said,) = job["warnings"]
            assert "what 4242424 has left running" in said
            assert agent.wait(job)["stdout"] == "fine", "the start did not fail because of it"
    finally:
        agent.close()
