"""Whatever is killed at whatever moment: a job is running, ended or lost, and never in between."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from job_host import JobHost, end_process, wait_until

from outlast.transport.bootstrap import sources
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs import summary as job_summary

COMMAND = {"module": "ansible.legacy.command", "command": json.dumps({"shell": "it"})}


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def test_a_killed_supervisor_is_noticed_at_the_next_look(host, gate):
    entry = host.shell(f"read x < {gate}")
    wait_until(Path(entry.path("child")).exists)
    assert job_status.status(entry)["finished"] is False
    end_process(host.supervisor(entry))
    status = job_status.status(entry)
    assert (status["finished"], status["failed"]) == (True, True)
    assert "what it started still runs as process" in status["msg"]


def test_who_waits_is_told_that_a_job_is_lost(agents, gate):
    agent = agents()
    job = agent.start(f"read x < {gate}")
    told = agent.about("job.ended", job)
    private = Path(job["results_file"]).parent / ".outlast" / job["ansible_job_id"]
    wait_until(private.joinpath("child").exists)
    assert not agent.has_answered(told)
    os.kill(int(job["ansible_job_id"].rpartition(".")[2]), signal.SIGKILL)
    agent.answer(told)
    assert "lost" in agent.status(job)["msg"]
    gate.write_text("go\n")


def test_a_job_outlives_a_killed_agent_and_is_found_by_the_next(agents, gate):
    agent = agents()
    job = agent.start(f"read x < {gate}; echo done")
    agent.kill()
    later = agents()
    assert later.status(job)["finished"] is False
    told = later.about("job.ended", job)
    gate.write_text("go\n")
    later.answer(told)
    assert later.status(job)["stdout"] == "done"


def test_a_job_outlives_a_killed_spawner(host, gate):
    entry = host.shell(f"read x < {gate}; echo '{{\"answer\": 42}}'")
    host.kill_spawner()
    gate.write_text("go\n")
    assert host.wait(entry)["answer"] == 42


def test_after_a_killed_spawner_jobs_are_started_by_another(agents):
    agent = agents()
    agent.wait(agent.start("true"))
    children = Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children")
    (spawner,) = map(int, children.read_text().split())
    os.kill(spawner, signal.SIGKILL)
    wait_until(lambda: children.read_text() == "")
    assert agent.wait(agent.start("echo again", jid="j2"))["stdout"] == "again"


def test_a_supervisor_killed_before_the_end_was_recorded_leaves_the_result(host):
    """Between its two last writes: the result is there, the end is not."""
    entry = host.shell("echo '{\"answer\": 42}'")
    host.wait(entry)
    Path(entry.path("end.json")).unlink()
    assert job_status.status(entry)["answer"] == 42


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_moment_a_job_is_ended_or_lost_and_its_result_whole(host, seed):
    """The pause is drawn so that every step is hit now and then."""
    entry = host.shell("echo '{\"answer\": 42}'")
    time.sleep(random.Random(seed).uniform(0, 0.03))  # the moment of the crash is the test
    end_process(host.supervisor(entry))
    status = job_status.status(entry)
    assert status["finished"] is True
    assert status.get("answer") == 42 or "lost" in status["msg"]
    assert job_status.status(entry) == status, "and it stays so"


def test_a_program_that_the_kernel_refuses_is_a_failed_job(host):
    """One variable is longer than Linux allows."""
    entry = host.start("/bin/sh", "-c", "true", environment={"A": "x" * 200_000})
    status = host.wait(entry)
    assert status["failed"] is True
    assert "could not be started: Argument list too long" in status["msg"]


def test_a_full_disk_is_told_before_anything_runs(small_disk, tmp_path):
    host = JobHost(small_disk / "spool")
    host.wait(host.shell("echo '{}'"))
    with small_disk.joinpath("filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    refusal, _, _ = host.try_to_start("/bin/sh", "-c", f"touch {tmp_path}/ran", jid="j2")
    host.close()
    assert "No space left on device" in refusal
    assert not tmp_path.joinpath("ran").exists()
    assert len(list(small_disk.joinpath("spool", ".outlast").iterdir())) == 1, "nothing is left"


def test_a_job_that_fills_the_disk_goes_on_and_its_end_is_known(small_disk, tmp_path):
    host = JobHost(small_disk / "spool")
    entry = host.shell(f"head -c 1000000 /dev/zero; touch {tmp_path}/went-on; exit 7")
    status = host.wait(entry)
    host.close()
    assert tmp_path.joinpath("went-on").exists()
    assert status["failed"] is True
    assert host.end(entry)["output_lost"] is True
    assert host.end(entry)["rc"] == 7


def fill(disk):
    """Leave no room; gives the file that takes it."""
    with disk.joinpath("filler").open("wb", buffering=0) as filler:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    filler.write(b"x" * size)
    return disk / "filler"


@pytest.mark.parametrize("said", ["", "word", "x" * 20000])
def test_a_disk_that_is_full_when_a_job_ends_leaves_a_true_state(small_disk, gate, said):
    """Whatever the job's output makes room for: how it ended, or that nobody can say."""
    host = JobHost(small_disk / "spool")
    entry = host.shell(f"printf '%s' {said}; read x < {gate}; exit 7")
    wait_until(lambda: Path(entry.path("stdout")).stat().st_size == len(said))
    wait_until(Path(entry.path("child")).exists)
    filler = fill(small_disk)
    gate.write_text("go\n")
    status = host.wait(entry)
    host.close()
    assert (status["finished"], status["failed"]) == (True, True)
    assert status.get("rc") == 7 or status["outlast_cause"] == "lost", status
    if said:
        assert status["rc"] == 7, "the room that its output took is enough"
    assert job_summary.summary(entry)["state"] == "ended"
    filler.unlink()
    again = job_status.status(entry)
    assert (again["msg"], again.get("rc")) == (status["msg"], status.get("rc"))
    assert job_summary.summary(entry)["state"] == "ended"


def test_a_full_disk_that_is_freed_takes_the_next_job(small_disk):
    host = JobHost(small_disk / "spool")
    host.wait(host.shell("echo '{}'"))
    filler = fill(small_disk)
    assert "No space left" in host.try_to_start("/bin/true", jid="j2")[0]
    filler.unlink()
    assert host.wait(host.shell("echo '{\"answer\": 42}'", jid="j3"))["answer"] == 42
    host.close()


SET_BACK = """

_clock, _asked = time.time, []
def _set_back():
    _asked.append(1)
    return _clock() - (3600 if len(_asked) > 1 else 0)
time.time = _set_back
"""


def test_a_clock_that_is_set_back_while_a_job_runs_changes_nothing(tmp_path):
    """By an hour, once the job has begun."""
    host = JobHost(
        tmp_path / "spool",
        changed={"supervision.supervisor": sources()["supervision.supervisor"] + SET_BACK},
    )
    begun = time.monotonic()
    entry = host.shell("exec sleep 60", limit=0.5, finish=COMMAND)
    assert host.wait(entry)["msg"] == "Timeout exceeded"
    assert 0.5 <= time.monotonic() - begun < 2.4
    timed = host.end(entry)
    assert 0.5 <= timed["ended"] - timed["began"] < 2.4
    entry = host.shell("sleep 0.1", jid="j2", finish=COMMAND)
    status = host.wait(entry)
    assert status["delta"].startswith("0:00:0")
    assert status["start"] < status["end"]
    host.close()


def test_no_job_is_younger_than_nothing(host):
    entry = host.shell("true", facts='{"version": 1, "started": %r' % (time.time() + 3600))
    host.wait(entry)
    assert job_summary.summary(entry)["age"] == 0
