"""Whatever is killed while jobs are ended, read or cleared away: what is said stays true."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from job_agent import AgentOnPipe
from job_host import end_process, wait_until

from outlast_agent import spool
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs import summary as job_summary
from outlast_agent.jobs.reading import Reader

DEAF = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"


def deaf_job(agent):
    """Start a job that does not end when it is asked to; gives it and its private folder."""
    job = agent.start(DEAF)
    private = Path(job["results_file"]).parent / ".outlast" / job["ansible_job_id"]
    wait_until(lambda: (private / "stdout").read_text() == "deaf\n")
    return job, private


def test_a_job_is_cancelled_though_the_agent_that_was_asked_is_killed(agents):
    agent = agents()
    job, private = deaf_job(agent)
    agent.about("job.cancel", job, grace=0.5)
    wait_until((private / "grace").exists)
    agent.kill()
    assert agents().wait(job)["msg"] == "The job was cancelled."


def test_a_supervisor_killed_while_it_cancels_leaves_a_lost_job(agents):
    agent = agents()
    job, private = deaf_job(agent)
    asked = agent.about("job.cancel", job, grace=30)
    wait_until((private / "grace").exists)
    os.kill(int(job["ansible_job_id"].rpartition(".")[2]), signal.SIGKILL)
    answer = agent.answer(asked)[1]
    assert (answer["state"], answer["status"]["outlast_cause"]) == ("ended", "lost")
    end_process(int((private / "child").read_text().split()[0]))


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment_a_job_is_never_shown_as_running(host, seed):
    entry = host.shell("echo out; echo err >&2; echo '{\"answer\": 42}'")
    time.sleep(random.Random(seed).uniform(0, 0.03))  # the moment of the crash is the test
    end_process(host.supervisor(entry))
    seen = job_summary.summary(entry)
    assert (seen["state"], seen["cause"] in ("exited", "lost")) == ("ended", True)
    assert job_summary.summary(entry)["cause"] == seen["cause"], "and it stays so"
    assert job_status.status(entry)["finished"] is True


def test_a_job_cleaned_up_while_it_ran_and_then_killed_is_lost(host):
    entry = host.shell("exec sleep 60")
    wait_until(Path(entry.path("child")).exists)
    job_status.cleanup(entry)
    assert job_summary.summary(entry)["state"] == "running"
    end_process(host.supervisor(entry))
    assert job_summary.summary(entry)["cause"] == "lost"


@pytest.mark.parametrize("cut", range(1, 33))
def test_turns_cut_at_any_byte_lose_no_output(tmp_path, cut):
    """Two turns are 32 bytes; a crash of the host may leave any part of them."""
    spool.open_folder(str(tmp_path / "spool"))
    entry = spool.Entry(str(tmp_path / "spool"), "j1.7")
    spool.record_start(entry, "{}")
    Path(entry.path("stdout")).write_bytes(b"one three ")
    Path(entry.path("stderr")).write_bytes(b"two ")
    turns = b"".join(n.to_bytes(8, "little") for n in (4 * 2 + 1, 0, 4 * 2, 4))
    Path(entry.path("turns")).write_bytes(turns[:cut])
    reader = Reader(entry, "both", 0)
    said = b""
    while piece := reader.read(3, ended=True):
        said += piece
    reader.close()
    assert sorted(said.split()) == [b"one", b"three", b"two"]
    if cut == len(turns):
        assert said == b"one two three "


def test_a_job_that_was_just_being_recorded_is_none(tmp_path):
    """The host stopped between the folder and the first record in it."""
    spool.open_folder(str(tmp_path / ".ansible_async"))
    half = spool.Entry(str(tmp_path / ".ansible_async"), "j1.7")
    Path(half.private).mkdir()
    agent = AgentOnPipe(tmp_path)
    assert agent.call("job.list", async_dir="~/.ansible_async") == {"jobs": []}
    Path(half.path("job.json")).write_text(json.dumps({"version": 1}))
    (seen,) = agent.call("job.list", async_dir="~/.ansible_async")["jobs"]
    assert (seen["state"], seen["cause"]) == ("ended", "lost"), "nobody can say who ran it"
    agent.close()


def test_after_a_restart_of_the_host_its_jobs_are_told_as_lost(agents, tmp_path):
    """At the next look, and at once to who connects again to wait on."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    job = agents().start(f"read x < {gate}")
    private = Path(job["results_file"]).parent / ".outlast" / job["ansible_job_id"]
    wait_until((private / "child").exists)
    described = (private / "job.json").read_text()
    (private / "job.json").write_text(described.replace(spool.boot_id(), "an earlier one"))
    later = agents()
    later.answer(later.about("job.ended", job))
    status = later.status(job)
    assert status["msg"] == "The job was lost: the host was restarted while it ran."
    assert (status["finished"], status["failed"], status["outlast_cause"]) == (True, True, "lost")
    assert json.loads((private / "end.json").read_text())["rebooted"] is True
    [row] = later.call("job.list", async_dir="~/.ansible_async")["jobs"]
    assert (row["state"], row["cause"], row["same_boot"]) == ("ended", "lost", False)
    asked = later.answer(later.about("job.cancel", job, grace=1))[1]
    assert asked["state"] == "ended", "nothing is signalled that now has the number"
    pid = int(job["ansible_job_id"].rpartition(".")[2])
    assert spool.process_start(pid), "it is not the host that was restarted, but the record"
    gate.write_text("go\n")
    wait_until(lambda: not spool.process_start(pid))
