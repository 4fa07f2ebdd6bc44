"""Questions to the ledger, and their answers."""

from __future__ import annotations

import asyncio

import pytest
from unit.ledger.run_told import Told, intent, one_run, read

from outlast.errors import LedgerError
from outlast.ledger.file import usual_path
from outlast.ledger.ids import new_run_id
from outlast.ledger.records import OPEN_STATES


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    with read(path) as ledger:
        yield ledger


def test_a_new_ledger_is_empty(ledger):
    assert (ledger.runs(), ledger.jobs(), ledger.results("x")) == ([], [], [])


def test_the_latest_run_comes_first_and_only_so_many(path, ledger):
    runs = [one_run(path) for _ in range(3)]
    assert {run.id for run in ledger.runs()} == set(runs)
    starts = [run.started for run in ledger.runs(limit=2)]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) == 2


def test_a_run_is_found_by_the_beginning_or_the_end_of_its_id(path, ledger):
    run = one_run(path)
    for part in (run, run[:8], run[:1], run[-4:], run[-1:]):
        assert ledger.run(part).id == run


def test_a_run_that_is_not_there_or_not_the_only_one_is_an_error(path, ledger):
    with pytest.raises(LedgerError, match="There is no run 'nope' in the ledger"):
        ledger.run("nope")
    one_run(path)
    one_run(path)
    with pytest.raises(LedgerError, match=r"There are 2 runs for '': \w+, \w+\."):
        ledger.run("")


def test_jobs_are_chosen_by_run_host_and_state(path, ledger):
    for host in ("web1", "web2"):
        run = Told(path)
        asyncio.run(run.recording.intend(intent(f"j{host}", host=host)))
        run.end()
    ledger.note_job("jweb1.5", "web1", "ended", "exited")
    assert [job.jid for job in ledger.jobs(host="web1")] == ["jweb1.5"]
    assert [job.jid for job in ledger.jobs(run=run.recording.run)] == ["jweb2"]
    assert [job.jid for job in ledger.jobs(states=OPEN_STATES)] == ["jweb2"]
    assert [job.jid for job in ledger.jobs(states=())] == []
    assert len(ledger.jobs(limit=1)) == 1


def test_a_job_is_found_by_the_beginning_of_its_id(ledger):
    for jid in ("j12.1", "j123.1", "j123.12"):
        ledger.note_job(jid, "web1", "running", "")
    assert ledger.job("j12.").jid == "j12.1"
    assert ledger.job("j123.12").jid == "j123.12"
    with pytest.raises(LedgerError, match="There are 3 jobs for 'j12'"):
        ledger.job("j12")
    with pytest.raises(LedgerError, match="There is no job 'j9' in the ledger"):
        ledger.job("j9")


def test_percent_signs_are_no_wildcards(ledger):
    ledger.note_job("j1.1", "web1", "running", "")
    with pytest.raises(LedgerError):
        ledger.job("%")


def test_a_job_that_was_not_started_from_here_is_known_once_it_was_seen(ledger):
    ledger.note_job("j5.6", "web1", "running", "")
    job = ledger.job("j5")
    assert (job.run, job.host, job.state, job.endpoint) == (None, "web1", "running", {})
    ledger.note_job("j5.6", "web1", "failed", "limit", {"rc": 1})
    job = ledger.job("j5")
    assert (job.state, job.cause, job.payload) == ("failed", "limit", {"rc": 1})
    assert job.ended is not None


def test_a_job_whose_start_was_never_answered_is_known_when_it_is_found(path, ledger):
    run = Told(path)
    asyncio.run(run.recording.intend(intent("j7")))
    run.end()
    ledger.note_job("j7.123", "web1", "running", "")
    (job,) = ledger.jobs()
    assert (job.jid, job.state, job.run) == ("j7.123", "running", run.recording.run)


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ("running", "ended", "ended"),
        ("running", "unknown", "unknown"),
        ("unknown", "running", "running"),
        ("ended", "unknown", "ended"),
        ("lost", "running", "lost"),
        ("joined", "failed", "joined"),
        ("ended", "joined", "joined"),
    ],
)
def test_a_fact_is_not_forgotten_because_nobody_can_be_asked_any_more(ledger, first, then, kept):
    ledger.note_job("j1.1", "web1", first, "")
    ledger.note_job("j1.1", "web1", then, "")
    assert ledger.job("j1").state == kept


def test_ids_sort_by_time_and_differ():
    ids = [new_run_id(second) for second in (0, 1, 1e9, 2e9, 3.4e10)]
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {11}
    assert len({new_run_id(5) for _ in range(100)}) > 90


@pytest.mark.parametrize("named", ["", "/var/me/state", " "])
def test_the_usual_place_is_where_platformdirs_says(monkeypatch, named):
    from platformdirs import user_state_path  # noqa: PLC0415  # to be held against

    monkeypatch.delenv("OUTLAST_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", named)
    assert usual_path() == user_state_path("outlast") / "ledger.sqlite"


def test_the_place_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("OUTLAST_STATE_DIR", str(tmp_path))
    assert usual_path() == tmp_path / "ledger.sqlite"
