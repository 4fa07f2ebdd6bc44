"""What an older Outlast has left on a host is still understood.

The folders are as that version wrote them: they are never edited, a new format gets a new one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from outlast_agent import job_status, spool


@pytest.fixture(params=["spool_v1"])
def folder(request, tmp_path):
    """A copy: looking at a lost job records that it is lost."""
    shutil.copytree(Path(__file__).parent / request.param, tmp_path / "spool")
    return str(tmp_path / "spool")


def test_a_job_that_failed(folder):
    status = job_status.status(spool.Entry(folder, "j1.101"))
    assert (status["finished"], status["failed"], status["rc"]) == (True, True, 3)
    assert status["stdout"] == "out"


def test_a_job_whose_time_was_over(folder):
    status = job_status.status(spool.Entry(folder, "j2.102"))
    assert (status["finished"], status["msg"]) == (True, "Timeout exceeded")


def test_a_job_that_was_running_when_its_host_stopped(folder):
    status = job_status.status(spool.Entry(folder, "j3.103"))
    assert (status["finished"], status["failed"]) == (True, True)
    assert "restarted" in status["msg"]


@pytest.mark.parametrize("jid", ["j1.101", "j2.102", "j3.103"])
def test_cleaning_up_leaves_nothing_of_it(folder, jid):
    job_status.cleanup(spool.Entry(folder, jid))
    assert not [path for path in Path(folder).rglob("*") if jid in path.name]
