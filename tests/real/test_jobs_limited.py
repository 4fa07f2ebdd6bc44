"""So many jobs at a time: counted on the host, whoever starts them; who waits is woken."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from job_agent import AgentOnPipe
from job_host import wait_until
from real.played import Stage, said

from outlast_agent import spool, wire
from outlast_agent.supervision import admission

FULL = (wire.REPLY, {"full": True})


def ask(agent, line, **more):
    run = {"command": {"shell": line}, "environment": {}}
    return agent.ask_to_start(run, content="1d", **more)


def start(agent, line, **more):
    kind, answer = agent.answer(ask(agent, line, **more))
    assert (kind, "full" in answer) == (wire.REPLY, False), answer
    return answer


def ask_for_room(agent, most=1):
    return agent.ask("job.room", async_dir="~/.ansible_async", most=most)


@pytest.fixture
def other(home):
    """The agent of another controller."""
    agent = AgentOnPipe(home)
    yield agent
    agent.close()


def test_a_full_host_starts_nothing(agent, home, gate):
    job = start(agent, f"read x < {gate}", host_limit=1)
    assert agent.answer(ask(agent, "true", jid="j2", host_limit=1)) == FULL
    assert list((home / ".ansible_async").glob("j2*")) == []
    second = start(agent, f"read x < {gate}", jid="j3", host_limit=2)
    assert agent.answer(ask(agent, "true", jid="j4", host_limit=2)) == FULL
    for each in (job, second):
        agent.cancel(agent.about("job.ended", each))
        end(agent, each)
    start(agent, "true", jid="j5", host_limit=1)


def end(agent, job):
    """End a job and see its supervisor go."""
    agent.answer(agent.about("job.cancel", job, grace=0.0))
    wait_until(lambda: not spool.process_start(int(job["ansible_job_id"].rpartition(".")[2])))


def test_jobs_that_ask_for_no_limit_count_as_well(agent, gate):
    job = start(agent, f"read x < {gate}")
    assert agent.answer(ask(agent, "true", jid="j2", host_limit=1)) == FULL
    assert start(agent, "true", jid="j3")
    end(agent, job)


def test_what_is_over_takes_no_room(agent, home):
    job = start(agent, "true")
    agent.wait(job)
    killed = start(agent, "sleep 60", jid="j2")
    child = Path(spool.Entry(str(home / ".ansible_async"), killed["ansible_job_id"]).path("child"))
    wait_until(child.exists)
    pids = [int(killed["ansible_job_id"].rpartition(".")[2]), int(child.read_text().split()[0])]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(spool.process_start, pids)))
    assert admission.running(str(home / ".ansible_async")) == []
    agent.wait(start(agent, "true", jid="j3", host_limit=1))


def test_a_pid_that_came_again_is_no_running_job(agent, home, gate):
    job = start(agent, f"read x < {gate}")
    folder = str(home / ".ansible_async")
    [running] = admission.running(folder)
    assert running.jid == job["ansible_job_id"]
    described = Path(running.path("job.json"))
    text = described.read_text()
    for wrong in (
        re.sub(r'"start": \d+', '"start": 7', text),
        re.sub(r'"boot_id": "[^"]*"', '"boot_id": "another"', text),
        "",
    ):
        described.write_text(wrong)
        assert admission.running(folder) == []
    described.write_text(text)
    gate.write_text("go\n")
    agent.wait(job)


def test_a_tasks_name_that_looks_like_a_record_misleads_nobody(agent, home, gate):
    evil = '", "supervisor": {"pid": 1, "start": 1}, "boot_id": "'
    job = agent.call(
        "job.start",
        jid="j1",
        limit=30.0,
        async_dir="~/.ansible_async",
        name=evil,
        run={"command": {"shell": f"read x < {gate}"}, "environment": {}},
        terms={},
    )
    assert len(admission.running(str(home / ".ansible_async"))) == 1
    gate.write_text("go\n")
    agent.wait(job)


def test_whoever_waits_for_room_is_told_when_there_is_some(agent, other, gate):
    job = start(agent, f"read x < {gate}")
    waiting = ask_for_room(other)
    assert other.answer(ask_for_room(other, most=2)) == (wire.REPLY, {})
    assert not other.has_answered(waiting)
    gate.write_text("go\n")
    assert other.answer(waiting) == (wire.REPLY, {})
    assert agent.status(job)["finished"] is True


def test_room_is_told_when_enough_have_ended(agent, gate, home):
    os.mkfifo(home / "second")
    jobs = [
        start(agent, f"read x < {g}", jid=f"j{n}") for n, g in enumerate([gate, home / "second"])
    ]
    waiting = ask_for_room(agent)
    gate.write_text("go\n")
    agent.wait(jobs[0])
    assert not agent.has_answered(waiting)
    (home / "second").write_text("go\n")
    assert agent.answer(waiting) == (wire.REPLY, {})


def test_waiting_for_room_can_be_given_up(agent, gate):
    job = start(agent, f"read x < {gate}")
    waiting = ask_for_room(agent)
    agent.cancel(waiting)
    assert agent.answer(waiting)[1]["kind"] == "cancelled"
    gate.write_text("go\n")
    agent.wait(job)


def test_a_job_that_has_its_name_is_found_on_a_full_host(agent, gate):
    job = start(agent, f"read x < {gate}", name="nightly", host_limit=1)
    again = start(agent, f"read x < {gate}", jid="j2", name="nightly", host_limit=1)
    assert again["ansible_job_id"] == job["ansible_job_id"]
    gate.write_text("go\n")
    agent.wait(job)


def test_two_controllers_at_the_same_moment_never_start_too_many(agent, other, gate):
    for number in range(6):
        asked = [
            (who, ask(who, "sleep 60", jid=f"j{number}{side}", host_limit=2))
            for side in range(3)
            for who in (agent, other)
        ]
        answers = [who.answer(its)[1] for who, its in asked]
        jobs = [answer for answer in answers if "full" not in answer]
        assert len(jobs) == 2
        for job in jobs:
            end(agent, job)


@pytest.mark.parametrize("terms", [{"host_limit": 5}, {"name": "nightly"}])
def test_while_somebody_counts_nobody_else_does(agent, other, home, terms):
    for number, each in enumerate((agent, other)):  # both are under way, and equally fast
        each.wait(start(each, "true", jid=f"j{number}"))
    lock = os.open(home / ".ansible_async/.outlast/lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.lockf(lock, os.F_LOCK, 0)
        waiting = ask(agent, "true", jid="j2", **terms)
        other.wait(start(other, "sleep 0.2", jid="j3"))  # it needs no lock, and came later
        assert not agent.has_answered(waiting)
    finally:
        os.close(lock)
    kind, job = agent.answer(waiting)
    assert kind == wire.REPLY
    agent.wait(job)


# -- in playbooks ------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path, hosts=("here", "there", "anywhere"))  # three names, one spool
    os.mkfifo(tmp_path / "gate")
    yield stage
    stage.close()


def work(limit, *, line):
    return {
        "name": "Work",
        "shell": line,
        "async": 60,
        "poll": 0,
        "vars": {"outlast_job_limit": limit},
    }


BUSY = "echo in >> log; sleep 0.5; echo out >> log"


@pytest.mark.parametrize("limit", [1, {"run": 1}])
def test_a_playbooks_jobs_run_one_after_the_other(stage, limit):
    played = stage.played([work(limit, line=BUSY)], "-f", "1", "--jobs=wait")
    assert played.code == 0, played
    assert (stage.folder / "log").read_text() == "in\nout\n" * 3
    assert played.stdout.count("ASYNC WAIT on ") == 2


def test_another_runs_job_is_waited_for(stage):
    first = stage.played([work(1, line="read x < gate; echo first >> log")], "-l", "here")
    assert first.code == 0, first
    second = stage.play([work(1, line="echo second >> log")], "-l", "there", "--jobs=wait")
    heard = [second.stdout.readline()]
    while "ASYNC WAIT" not in heard[-1]:
        heard.append(second.stdout.readline())
        assert heard[-1], heard
    assert heard[-1] == "ASYNC WAIT on there: as many jobs run there as may (1)\n"
    (stage.folder / "gate").write_text("go\n")
    assert said(second).code == 0
    assert (stage.folder / "log").read_text() == "first\nsecond\n"
