"""Many jobs waited for in one question, through a real agent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from job_agent import AgentOnPipe

from outlast.transport.bootstrap import sources
from outlast_agent import wire

FOLDER = "~/.ansible_async"


def wait(agent, jobs, until):
    jids = [job if isinstance(job, str) else job["ansible_job_id"] for job in jobs]
    return agent.ask("job.wait", jids=jids, async_dir=FOLDER, until=until)


def rows(agent, number):
    kind, body = agent.answer(number)
    assert kind == wire.REPLY, body
    return body["jobs"]


def finished(found):
    return [row["status"]["finished"] for row in found]


def descriptors(agent):
    return len(list(Path(f"/proc/{agent.process.pid}/fd").iterdir()))


@pytest.fixture
def gates(home):
    """Three gates at which jobs can be made to wait."""
    paths = [home / f"gate{number}" for number in range(3)]
    for path in paths:
        os.mkfifo(path)
    return paths


def start_at(agent, gates):
    return [
        agent.start(f"read x < {gate}; echo $x", jid=f"j{number}", limit=60)
        for number, gate in enumerate(gates)
    ]


def test_all_are_told_when_the_last_has_ended_and_in_the_order_asked_for(agent, gates):
    jobs = start_at(agent, gates)
    told = wait(agent, jobs, "all")
    for number in (2, 0):
        gates[number].write_text(f"{number}\n")
        agent.wait(jobs[number])
    assert not agent.has_answered(told)
    gates[1].write_text("1\n")
    found = rows(agent, told)
    assert [row["jid"] for row in found] == [job["ansible_job_id"] for job in jobs]
    assert [row["status"]["stdout"] for row in found] == ["0", "1", "2"]
    assert [row["limit"] for row in found] == [60, 60, 60]
    assert all(0 < row["age"] < 30 for row in found)


def test_any_is_told_with_the_first_end(agent, gates):
    jobs = start_at(agent, gates)
    told = wait(agent, jobs, "any")
    gates[1].write_text("1\n")
    assert finished(rows(agent, told)) == [False, True, False]
    for number in (0, 2):
        gates[number].write_text("on\n")
        agent.wait(jobs[number])


def test_now_is_told_at_once(agent, gates):
    jobs = start_at(agent, gates[:1])
    found = rows(agent, wait(agent, [*jobs, "j9.1"], "now"))
    assert finished(found) == [False, True]
    assert found[1]["status"]["msg"] == "could not find job"
    assert (found[1]["limit"], found[1]["age"]) == (0, 0)
    gates[0].write_text("on\n")
    agent.wait(jobs[0])


def test_jobs_that_are_not_there_are_not_waited_for(agent):
    for until in ("all", "any"):
        (row,) = rows(agent, wait(agent, ["j1.2"], until))
        assert row["status"]["failed"] is True
    assert rows(agent, wait(agent, [], "all")) == []


def test_waiting_for_all_takes_one_descriptor_however_many_they_are(agent, gates):
    jobs = start_at(agent, gates)
    before = descriptors(agent)
    told = wait(agent, jobs, "all")
    agent.call("alive")  # the question has been read
    assert descriptors(agent) <= before + 1
    for gate in gates:
        gate.write_text("on\n")
    rows(agent, told)
    assert descriptors(agent) == before


@pytest.mark.parametrize("until", ["all", "any"])
def test_waiting_can_be_given_up(agent, gates, until):
    jobs = start_at(agent, gates[:2])
    before = descriptors(agent)
    told = wait(agent, jobs, until)
    agent.cancel(told)
    assert agent.answer(told)[1]["kind"] == "cancelled"
    assert descriptors(agent) == before
    for gate, job in zip(gates, jobs, strict=False):
        gate.write_text("on\n")
        assert agent.wait(job)["stdout"] == "on", "the jobs went on"


def test_a_killed_supervisor_ends_the_waiting(agent, gates):
    job = agent.start("exec sleep 0.4")
    told = wait(agent, [job], "all")
    os.kill(int(job["ansible_job_id"].rpartition(".")[2]), 9)
    (row,) = rows(agent, told)
    assert row["status"]["outlast_cause"] == "lost"


def test_results_that_are_too_much_for_one_answer_are_left_out(home):
    text = sources()["jobs.wait"].replace("_MOST = 32 * 1024 * 1024", "_MOST = 1500")
    agent = AgentOnPipe(home, changed={"jobs.wait": text})
    jobs = [agent.start("head -c 600 /dev/zero | tr '\\0' x", jid=f"j{n}") for n in range(3)]
    found = rows(agent, wait(agent, jobs, "all"))
    assert ["status" in row for row in found] == [True, False, False]
    agent.close()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"jids": "j1.2", "until": "all"}, "jids must be a list of texts"),
        ({"jids": [], "until": "soon"}, "until must be one of all, any, now"),
    ],
)
def test_what_makes_no_sense_is_refused(agent, asked, said):
    kind, body = agent.answer(agent.ask("job.wait", async_dir=FOLDER, **asked))
    assert kind == wire.ERROR
    assert said in body["message"]


def test_many_that_end_at_the_same_moment_are_all_told(agent, gate):
    jobs = [agent.start(f"read x < {gate}", jid=f"j{n}") for n in range(30)]
    told = wait(agent, jobs, "all")
    with gate.open("w") as opened:  # stays open until all have read
        opened.write("go\n" * 30)
        opened.flush()
        found = rows(agent, told)
    assert [row["status"]["rc"] for row in found] == [0] * 30
