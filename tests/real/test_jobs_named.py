"""A job's own name: one at a time, the same order attaches, another one is told of the first."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from job_agent import AgentOnPipe
from job_host import end_process, wait_until
from real.played import Stage, said

from outlast_agent import spool, wire

SAME, OTHER = "5a3e", "07e4"


def ask(agent, line, *, name="nightly", content=SAME, jid="j1"):
    """Ask for a start; gives the request's number."""
    run = {"command": {"shell": line}, "environment": {}}
    return agent.ask_to_start(run, jid=jid, content=content, name=name)


def start(agent, line, **more):
    kind, answer = agent.answer(ask(agent, line, **more))
    assert kind == wire.REPLY, answer
    return answer


def refused(agent, line, **more):
    kind, answer = agent.answer(ask(agent, line, **more))
    assert kind == wire.ERROR, answer
    return answer["message"]


def clean_up(agent, job):
    return agent.answer(agent.about("job.cleanup", job))


@pytest.fixture
def other(home):
    """The agent of another controller."""
    agent = AgentOnPipe(home)
    yield agent
    agent.close()


def claims(home):
    return sorted(path.name for path in (home / ".ansible_async/.outlast/names").iterdir())


def test_the_same_order_again_attaches_and_runs_nothing(agent, home, gate):
    line = f"echo x >> runs; read x < {gate}"
    job = start(agent, line)
    again = start(agent, line, jid="j2")
    assert again.pop("attached") is True
    assert 0 <= again.pop("age") < 20
    assert again == job
    gate.write_text("go\n")
    assert agent.wait(job)["rc"] == 0
    assert (home / "runs").read_text() == "x\n"


def test_an_attached_job_may_have_ended(agent):
    job = start(agent, "exit 3")
    agent.wait(job)
    again = start(agent, "exit 3", jid="j2")
    assert again["ansible_job_id"] == job["ansible_job_id"]
    assert agent.status(again)["rc"] == 3


def test_another_order_of_that_name_is_told_whose_it_is(agent, gate):
    job = start(agent, f"read x < {gate}")
    said = refused(agent, "true", content=OTHER, jid="j2")
    jid = job["ansible_job_id"]
    assert said.startswith(f"The name 'nightly' belongs to job {jid}, which was started at 20")
    assert said.endswith(
        "and still runs; it runs something else than this task."
        f" Wait for it, or end it (outlast jobs cancel {jid}), or name this task's job differently."
    )
    gate.write_text("go\n")
    agent.wait(job)
    said = refused(agent, "true", content=OTHER, jid="j2")
    assert "and has ended (exited); it runs something else" in said
    assert f"(async_status with jid={jid} and mode=cleanup)" in said


def test_what_is_refused_leaves_no_record(agent, home, gate):
    job = start(agent, f"read x < {gate}")
    refused(agent, "true", content=OTHER, jid="j2")
    private = home / ".ansible_async" / ".outlast"
    left = {path.name for path in private.iterdir()}
    assert left == {"lock", "names", job["ansible_job_id"]}
    assert {path.name for path in (home / ".ansible_async").glob("j2*")} == set()
    gate.write_text("go\n")
    agent.wait(job)


def test_cleaning_up_frees_the_name(agent, home):
    job = start(agent, "true")
    agent.wait(job)
    clean_up(agent, job)
    second = start(agent, "true", content=OTHER, jid="j2")
    assert "attached" not in second
    agent.wait(second)
    assert (home / ".ansible_async/.outlast/names/nightly.job").read_text() == (
        f"{second['ansible_job_id']} {OTHER}\n"
    )


def test_pruning_frees_the_name(agent):
    agent.wait(start(agent, "true"))
    removed = agent.call("job.prune", async_dir="~/.ansible_async", older_than=0.0, keep=0)
    assert len(removed["removed"]) == 1
    second = start(agent, "true", jid="j2")
    assert "attached" not in second
    agent.wait(second)


def test_what_the_gone_have_claimed_is_swept(agent, home):
    for number in range(3):
        job = start(agent, "true", jid=f"j{number}", name=f"n{number}")
        agent.wait(job)
        clean_up(agent, job)
    agent.wait(start(agent, "true", jid="j9", name="n9"))
    assert claims(home) == ["n9.job"]


def test_the_claim_of_a_supervisor_that_was_killed_before_the_record_counts_for_nothing(
    agent, home
):
    agent.wait(start(agent, "true", name="first"))
    names = home / ".ansible_async" / ".outlast" / "names"
    (names / "nightly.job").write_text(f"j7.4711 {OTHER}\n")
    (names / "half.job.tmp").write_text("j7")
    agent.wait(start(agent, "true", jid="j2"))
    assert claims(home) == ["first.job", "nightly.job"]


def test_a_lost_job_keeps_its_name_and_its_end(agent):
    job = start(agent, "sleep 60")
    supervisor = int(job["ansible_job_id"].rpartition(".")[2])
    told = Path(spool.Entry(*os.path.split(job["results_file"])).path("child"))
    wait_until(told.exists)
    child = int(told.read_text().split()[0])
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not spool.process_start(supervisor))
    end_process(child)
    again = start(agent, "sleep 60", jid="j2")
    assert again["attached"] is True
    assert "The job was lost" in agent.status(again)["msg"]


def test_a_start_that_was_withdrawn_does_not_end_the_job_it_had_found(agent, gate):
    job = start(agent, f"read x < {gate}; echo survived")
    number = ask(agent, f"read x < {gate}", jid="j2")
    agent.cancel(number)
    agent.answer(number)
    assert agent.status(job)["finished"] is False
    gate.write_text("go\n")
    assert agent.wait(job)["stdout"] == "survived"


def test_of_two_controllers_at_the_same_moment_one_starts_and_one_attaches(agent, other, home):
    for number in range(8):
        asked = {
            who: ask(who, f"echo x >> runs{number}", jid=f"j{number}{side}", name=f"n{number}")
            for who, side in ((agent, 1), (other, 2))
        }
        first, second = (who.answer(its)[1] for who, its in asked.items())
        assert first["ansible_job_id"] == second["ansible_job_id"]
        assert sorted([bool(first.get("attached")), bool(second.get("attached"))]) == [False, True]
        agent.wait(first)
        assert (home / f"runs{number}").read_text() == "x\n"


def test_a_claim_is_no_job_and_a_jobs_name_is_told(agent):
    agent.wait(start(agent, "true", name="j1.1"))
    [row] = agent.call("job.list", async_dir="~/.ansible_async")["jobs"]
    assert row["label"] == "j1.1"


@pytest.mark.parametrize("name", ["../x", "a/b", ".x", "a" * 101, "a\n", 7])
def test_what_cannot_be_a_file_is_no_name(agent, name):
    assert "this is no name of a job" in refused(agent, "true", name=name)


def test_names_are_private(agent, home):
    agent.wait(start(agent, "true"))
    names = home / ".ansible_async" / ".outlast" / "names"
    assert names.stat().st_mode & 0o777 == 0o700
    assert (names / "nightly.job").stat().st_mode & 0o777 == 0o600
    assert (names.parent / "lock").stat().st_mode & 0o777 == 0o600


def test_a_jobs_record_says_its_name(agent, home):
    job = start(agent, "true")
    agent.wait(job)
    private = home / ".ansible_async" / ".outlast" / job["ansible_job_id"]
    assert json.loads((private / "job.json").read_text())["label"] == "nightly"


# -- in playbooks ------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    os.mkfifo(tmp_path / "gate")
    yield stage
    stage.close()


def nightly(line, *, poll=0):
    return [
        {
            "name": "Nightly",
            "shell": line,
            "async": 60,
            "poll": poll,
            "vars": {"outlast_job": "nightly"},
            "register": "job",
        },
        {
            "debug": {
                "msg": "SAW {{ job.ansible_job_id }} {{ job.outlast_attached | default(false) }}"
            }
        },
    ]


def seen_in(run):
    assert run.code == 0, run
    [line] = [line for line in run.stdout.splitlines() if "SAW" in line]
    return line.split("SAW ")[1].rstrip('"').split()


def test_a_playbook_that_is_run_again_finds_its_job(stage):
    line = "echo x >> runs; read x < gate; echo went on"
    jid, attached = seen_in(stage.played(nightly(line)))
    assert attached == "False"
    assert seen_in(stage.played(nightly(line))) == [jid, "True"]

    other = stage.played(nightly("make all"))
    assert other.code == 2
    assert f"The name 'nightly' belongs to job {jid}, which was started at" in other.stdout

    shown = json.loads(stage.run("jobs", "show", "--json", "nightly").stdout)["job"]
    assert (shown["jid"], shown["label"], shown["state"]) == (jid, "nightly", "running")
    assert shown["run"] is not None
    listed = json.loads(stage.run("jobs", "list", "--json").stdout)["jobs"]
    assert [job["jid"] for job in listed] == [jid], "once, though two runs know it"

    waiting = stage.play(nightly(line, poll=1))
    (stage.folder / "gate").write_text("go\n")
    waited = said(waiting)
    assert waited.code == 0, waited
    assert (stage.folder / "runs").read_text() == "x\n"
    known = json.loads(stage.run("jobs", "list", "--all", "--json").stdout)["jobs"]
    assert [job["state"] for job in known if job["jid"] == jid] == ["joined"]
    assert not [job for job in known if job["state"] == "intended"]
    jid_after, attached = seen_in(stage.played(nightly("true")))
    assert (jid_after != jid, attached) == (True, "False"), "who waits frees the name"


def test_a_job_is_cancelled_by_its_name(stage):
    jid, _ = seen_in(stage.played(nightly("sleep 60")))
    ended = stage.run("jobs", "cancel", "-y", "--name", "night*")
    assert (ended.code, ended.stdout) == (0, f"{jid}  here  cancelled\n")
