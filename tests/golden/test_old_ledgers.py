"""What an older Outlast has recorded can still be read, and added to.

The files are as that version wrote them: they are never edited, a new layout gets a new one.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from unit.ledger.run_told import one_run, read

from outlast.ledger.deliveries import Deliveries
from outlast.ledger.schema import STEPS

HERE = Path(__file__).parent
VERSIONS = range(1, len(STEPS) + 1)


@pytest.fixture(params=VERSIONS)
def path(request, tmp_path):
    """A copy: opening an old file brings it up to date."""
    return Path(shutil.copy(HERE / f"ledger_v{request.param}.sqlite", tmp_path))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_there_has_been_is_here(version):
    with closing(sqlite3.connect(HERE / f"ledger_v{version}.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)


def test_its_runs(path):
    with read(path) as ledger:
        unfinished, ended = ledger.runs()
    assert (unfinished.state, unfinished.ended, unfinished.machine) == ("elsewhere", None, "laptop")
    assert (ended.state, ended.code, ended.user, ended.pid) == ("ended", 2, "me", 4711)
    assert (ended.command, ended.playbooks) == (("outlast", "playbook", "site.yml"), ("site.yml",))
    assert (ended.folder, ended.version) == ("/home/me/site", "0.1.0")
    assert ended.started == 1764000000.5


def test_its_results(path):
    with read(path) as ledger:
        hello, item, whole, failed = ledger.results(ledger.runs()[1].id)[:4]
    assert (hello.play, hello.task, hello.payload) == ("webservers", "say hello", {"msg": "hi"})
    assert (item.item, item.kind, item.changed) == ('"nginx"', "ok", True)
    assert (whole.item, whole.payload) == (None, {"msg": "All items completed"})
    assert (failed.kind, failed.ignored, failed.delegate) == ("failed", True, "db")
    assert (failed.why, failed.place) == ("Task failed: no", "/home/me/site/site.yml:4")


def test_its_jobs(path):
    with read(path) as ledger:
        jobs = [job for job in ledger.jobs() if job.host != "web2"]  # a later version's
        seen = {job.jid: (job.host, job.state, job.cause) for job in jobs}
        running, stranger = ledger.job("j2"), ledger.job("j9")
    assert seen == {
        "j1.101": ("web1", "joined", "exited"),
        "j2.102": ("web1", "running", ""),
        "j3": ("db", "intended", ""),
        "j9.109": ("web9", "failed", "limit"),
    }
    assert (running.task, running.limit, running.async_dir) == ("build", 60.0, "/d")
    assert running.endpoint["identity"]["user"] == "root"
    assert (stranger.run, stranger.payload) == (None, {"rc": -15})


def test_what_the_first_version_did_not_know_is_empty(tmp_path):
    path = Path(shutil.copy(HERE / "ledger_v1.sqlite", tmp_path))
    with read(path) as ledger:
        run = ledger.runs()[1].id
        results, job = ledger.results(run), ledger.job("j2")
        assert ledger.unfinished(run) == []
    assert {(one.identity, one.batch, one.turn, one.censored) for one in results} == {
        ("", 0, 0, False)
    }
    assert {(one.position, one.attempt) for one in results} == {(None, None)}
    assert [one.follows for one in results] == [{}] * 4
    assert (job.identity, job.turn, job.position, job.attempt) == ("", 0, None, 1)


@pytest.fixture
def third(tmp_path):
    path = Path(shutil.copy(HERE / "ledger_v3.sqlite", tmp_path))
    with read(path) as ledger:
        yield ledger, ledger.runs()[1].id


IN_RESCUE = "site.yml#0/tasks/2(nginx)/0>more.yml[0123456789]/3/rescue/0"


def test_the_third_version_s_attempts_and_what_followed(third):
    ledger, run = third
    tried, item, whole = ledger.results(run, host="web2")
    assert (tried.identity, tried.batch, tried.turn) == (IN_RESCUE, 1, 0)
    assert (tried.attempt, tried.position, tried.kind, tried.payload["rc"]) == (1, 1, "failed", 7)
    assert (item.attempt, item.position, item.item, item.payload["rc"]) == (None, 1, '"a"', 0)
    effect = {"is": "SetFacts", "facts": {"up": True}, "cacheable": False}
    assert item.follows == {"effects": [effect], "shown": "always"}
    assert (whole.censored, whole.position) == (True, None)
    assert whole.follows == {"notified": ["restart it"], "register": "asked"}


def test_the_third_version_s_intents_and_jobs(third):
    ledger, run = third
    (begun,) = ledger.unfinished(run)
    assert (begun.identity, begun.turn) == ("site.yml#0/handlers/1", 1)
    assert (begun.host, begun.delegate, begun.task) == ("web2", "db", "restart it")
    assert (begun.position, begun.attempt, begun.began) == (None, 1, 1764000010.0)
    job = ledger.job("j4")
    assert (job.state, job.cause) == ("presumed", "connection refused")
    assert (job.identity, job.turn, job.position, job.attempt) == (IN_RESCUE, 0, 1, 2)


def test_it_can_be_added_to(path):
    run = one_run(path, days=100_000)
    with read(path) as ledger:
        assert ledger.run(run).code == 0
        ledger.note_job("j2.102", "web1", "lost", "host rebooted")
        assert ledger.job("j2").state == "lost"


def test_what_was_due_is_still_due(tmp_path, monkeypatch):
    shutil.copy(HERE / "ledger_v2.sqlite", tmp_path / "ledger.sqlite")
    monkeypatch.setenv("OUTLAST_STATE_DIR", str(tmp_path))
    due = Deliveries.opened(print)
    assert due is not None
    one = due.claim()
    due.close()
    assert one is not None
    assert (one.jid, one.host, one.state, one.cause) == ("j9.109", "web9", "failed", "limit")
    assert (one.rc, one.ended, one.attempts) == (-15, 1764000060.5, 1)
