"""What the spool's files mean: running, finished, lost, unknown; ours and stock's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from outlast_agent import spool
from outlast_agent.jobs import status as job_status

GONE = 2**22 + 1
"""A pid that no Linux gives away by default."""


@pytest.fixture
def entry(tmp_path):
    spool.open_folder(str(tmp_path / "spool"))
    return spool.Entry(str(tmp_path / "spool"), "j1.7")


def ours(entry, *, pid=None, start=None, boot=None):
    """Record a job of ours; its supervisor is this very process unless said otherwise."""
    pid = os.getpid() if pid is None else pid
    start = spool.process_start(pid) if start is None else start
    facts = {
        "version": 1,
        "supervisor": {"pid": pid, "start": start},
        "boot_id": spool.boot_id() if boot is None else boot,
    }
    spool.record_start(entry, json.dumps(facts))


def write(entry, text):
    Path(entry.results_file).write_text(text)


def end(entry):
    spool.put(entry.path("end.json"), '{"cause": "exit"}')


def test_a_job_whose_supervisor_lives_runs(entry):
    ours(entry)
    assert job_status.status(entry)["finished"] is False


def test_a_result_is_the_end_even_before_the_end_is_recorded(entry):
    ours(entry, pid=GONE, start=5)
    write(entry, '{"rc": 0}')
    status = job_status.status(entry)
    assert (status["finished"], status["rc"]) == (True, 0)
    assert "failed" not in status


def test_what_a_module_calls_started_and_finished_is_its_own_business(entry):
    ours(entry)
    write(entry, '{"started": 0, "finished": 0, "ansible_job_id": "mine"}')
    end(entry)
    status = job_status.status(entry)
    assert (status["started"], status["finished"]) == (True, True)
    assert status["ansible_job_id"] == "j1.7"


def test_a_killed_supervisor_makes_its_job_lost(entry):
    ours(entry, pid=GONE, start=5)
    status = job_status.status(entry)
    assert (status["finished"], status["failed"]) == (True, True)
    assert status["msg"] == (
        "The job was lost: the process that watched over it was killed,"
        " so how it ended is not known."
    )


def test_a_pid_that_came_again_is_not_the_supervisor(entry):
    ours(entry, start=spool.process_start(os.getpid()) - 1)
    assert "lost" in job_status.status(entry)["msg"]


def test_a_restarted_host_has_no_running_jobs(entry):
    ours(entry, boot="another")
    assert job_status.status(entry)["msg"] == (
        "The job was lost: the host was restarted while it ran."
    )


def test_a_lost_job_keeps_what_it_said(entry):
    ours(entry, pid=GONE, start=5)
    Path(entry.path("stdout")).write_bytes(b"so far\n")
    status = job_status.status(entry)
    assert status["stdout"] == "so far"
    assert "stderr" not in status


def test_what_still_runs_of_a_lost_job_is_named(entry):
    ours(entry, pid=GONE, start=5)
    me = os.getpid()
    Path(entry.path("child")).write_text(f"{me} {spool.process_start(me)}\n")
    assert f"still runs as process {me}." in job_status.status(entry)["msg"]


def test_a_lost_job_is_recorded_so_that_stock_sees_it_too(entry):
    ours(entry, pid=GONE, start=5)
    first = job_status.status(entry)
    recorded = json.loads(Path(entry.results_file).read_text())
    assert "started" not in recorded, "stock takes this for the end"
    assert recorded["msg"] == first["msg"]
    assert json.loads(Path(entry.path("end.json")).read_text())["cause"] == "lost"
    assert job_status.status(entry) == first


def test_without_process_times_a_living_pid_is_believed(entry):
    ours(entry, start=0)
    assert job_status.status(entry)["finished"] is False


def test_without_process_times_a_dead_pid_is_lost(entry):
    ours(entry, pid=GONE, start=0)
    assert "lost" in job_status.status(entry)["msg"]


def test_another_users_supervisor_lives_too(entry):
    ours(entry, pid=1, start=0)
    assert job_status.status(entry)["finished"] is False


@pytest.mark.parametrize("spoilt", ["", "{", '{"rc": 0', "[1]", "null"])
def test_a_spoilt_file_counts_as_running_while_the_job_does(entry, spoilt):
    ours(entry)
    write(entry, spoilt)
    assert job_status.status(entry)["finished"] is False


def test_a_spoilt_result_is_told_when_the_job_has_ended(entry):
    ours(entry)
    end(entry)
    write(entry, '{"rc": ')
    status = job_status.status(entry)
    assert (status["finished"], status["failed"]) == (True, True)
    assert status["msg"] == 'Could not parse job output: {"rc": '


def test_every_cut_of_a_result_is_running_or_failed_and_never_half(entry):
    """A filesystem that tears files apart: what can be read is the whole or none of it."""
    ours(entry)
    end(entry)
    whole = json.dumps({"rc": 0, "stdout": "x", "changed": True})
    for size in range(len(whole)):
        write(entry, whole[:size])
        assert job_status.status(entry)["failed"] is True
    write(entry, whole)
    assert job_status.status(entry)["rc"] == 0


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_a_torn_description_leaves_the_pid_in_the_jobs_id(entry, cut):
    ours(entry)
    description = Path(entry.path("job.json"))
    description.write_text(description.read_text()[:cut])
    assert "lost: the process that watched" in str(job_status.status(entry)["msg"]), "it is dead"
    write(entry, '{"rc": 0}')
    assert job_status.status(entry)["rc"] == 0


@pytest.mark.parametrize("who", [None, 7, {}, {"pid": "x", "start": 1}])
def test_a_description_without_a_supervisor_makes_the_job_lost(entry, who):
    ours(entry)
    spool.put(entry.path("job.json"), json.dumps({"supervisor": who}))
    assert "lost" in job_status.status(entry)["msg"]


# -- jobs that stock's wrapper has started ----------------------------------------------------


def test_stocks_running_job_runs(entry):
    write(entry, '{"started": true, "finished": false, "ansible_job_id": "j1.7"}')
    assert job_status.status(entry) == {
        "started": True,
        "finished": False,
        "ansible_job_id": "j1.7",
        "results_file": entry.results_file,
    }


def test_stocks_older_numbers_mean_the_same(entry):
    write(entry, '{"started": 1, "finished": 0, "ansible_job_id": "j1.7"}')
    assert job_status.status(entry)["finished"] is False


def test_stocks_result_is_the_end(entry):
    write(entry, '{"rc": 3, "failed": true}')
    status = job_status.status(entry)
    assert (status["finished"], status["rc"]) == (True, 3)


@pytest.mark.parametrize("spoilt", ["", "{", "[1]"])
def test_stocks_file_that_cannot_be_read_counts_as_running(entry, spoilt):
    write(entry, spoilt)
    assert job_status.status(entry)["finished"] is False


def test_a_result_that_says_both_is_believed(entry):
    write(entry, '{"started": true, "finished": true, "rc": 0}')
    assert job_status.status(entry)["finished"] is True


def test_cleaning_up_after_stock_removes_its_file(entry):
    write(entry, "{}")
    assert job_status.cleanup(entry)["erased"] == entry.results_file
    assert not Path(entry.results_file).exists()


@pytest.mark.parametrize("jid", ["", "../j1.7", "/etc/passwd", "j2.8"])
def test_what_is_not_there_is_not_found(entry, jid):
    write(entry, "{}")
    status = job_status.status(spool.Entry(entry.folder, jid))
    assert status["msg"] == "could not find job"
