"""What an older Outlast has left on a host is still understood.

The folders are as that version wrote them: they are never edited, a new format gets a new one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from outlast_agent import spool
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs import summary as job_summary
from outlast_agent.jobs.reading import Reader


def copied(name, tmp_path):
    """Give a copy: looking at a lost job records that it is lost."""
    shutil.copytree(Path(__file__).parent / name, tmp_path / "spool")
    return str(tmp_path / "spool")


@pytest.fixture
def folder(tmp_path):
    return copied("spool_v1", tmp_path)


@pytest.fixture
def second(tmp_path):
    return copied("spool_v2", tmp_path)


def output(folder, jid, stream="both"):
    reader = Reader(spool.Entry(folder, jid), stream, 0)
    pieces = []
    while piece := reader.read(100, ended=True):
        pieces.append(piece)
    reader.close()
    return b"".join(pieces)


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


@pytest.mark.parametrize(
    ("jid", "cause", "rc"),
    [("j1.101", "failed", 3), ("j2.102", "limit", -15), ("j3.103", "lost", None)],
)
def test_the_first_versions_words_for_an_end_are_understood(folder, jid, cause, rc):
    seen = job_summary.summary(spool.Entry(folder, jid))
    assert (seen["state"], seen["cause"], seen["rc"]) == ("ended", cause, rc)
    assert seen["same_boot"] is False


def test_the_first_versions_output_is_read_stdout_first(folder):
    assert output(folder, "j1.101").startswith(b"out")


@pytest.mark.parametrize(
    ("jid", "cause", "rc"),
    [
        ("j1.201", "failed", 3),
        ("j2.202", "cancelled", -15),
        ("j3.203", "idle", -15),
        ("j4.204", "lost", None),
    ],
)
def test_the_second_versions_words_for_an_end_are_understood(second, jid, cause, rc):
    entry = spool.Entry(second, jid)
    seen = job_summary.summary(entry)
    assert (seen["state"], seen["cause"], seen["rc"]) == ("ended", cause, rc)
    status = job_status.status(entry)
    assert (status["finished"], status["failed"]) == (True, True)
    assert status.get("outlast_cause", "failed") == cause


def test_the_second_version_knows_who_spoke_when(second):
    assert output(second, "j1.201") == b"out\nerr\nmore\n"
    assert output(second, "j1.201", "stderr") == b"err\n"


@pytest.mark.parametrize("jid", ["j1.201", "j2.202", "j3.203", "j4.204"])
def test_cleaning_up_leaves_nothing_of_the_second_version(second, jid):
    job_status.cleanup(spool.Entry(second, jid))
    assert not [path for path in Path(second).rglob("*") if jid in path.name]


@pytest.fixture
def third(tmp_path):
    return copied("spool_v3", tmp_path)


def test_the_third_version_keeps_a_modules_answer_apart(third):
    entry = spool.Entry(third, "j1.301")
    seen = job_summary.summary(entry)
    assert (seen["state"], seen["cause"], seen["last_line"]) == ("ended", "exited", "said all")
    assert job_status.status(entry)["out"] == "out\nmore\n"
    assert output(third, "j1.301") == b"out\nerr\nmore\n"


def test_a_module_of_the_third_version_that_was_lost(third):
    entry = spool.Entry(third, "j2.302")
    assert job_status.status(entry)["outlast_cause"] == "lost"
    assert output(third, "j2.302") == b"partial\n"


@pytest.mark.parametrize("jid", ["j1.301", "j2.302"])
def test_cleaning_up_leaves_nothing_of_the_third_version(third, jid):
    job_status.cleanup(spool.Entry(third, jid))
    assert not [path for path in Path(third).rglob("*") if jid in path.name]
