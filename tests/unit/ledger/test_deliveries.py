"""What is to be told of is written down with the end itself, and told by one at a time."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from unit.ledger.run_told import BEGINNING, intent

from outlast.ledger.deliveries import LEASE, Deliveries
from outlast.ledger.ledger import Ledger
from outlast.ledger.recording import Recording


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTLAST_STATE_DIR", str(tmp_path))
    return tmp_path / "ledger.sqlite"


def record(path, *learnt, heed=True, jid="j1"):
    """Have a run learn that of its job; *learnt* are (state, cause, rc)."""
    recording = Recording(lambda: BEGINNING, path, heed=heed)
    asyncio.run(recording.intend(intent(jid)))
    recording.started(intent(jid), f"{jid}.5")
    for state, cause, rc in learnt:
        recording.learnt(f"{jid}.5", "web1", state, cause, rc)
    recording.end(0)
    assert recording.problems == []
    return recording.run


@pytest.fixture
def due(path):
    """The debts of the ledger, which must be there by now."""
    record(path, jid="j0")
    opened = Deliveries.opened(print)
    assert opened is not None
    yield opened
    opened.close()


def claims(due):
    found = []
    while (one := due.claim()) is not None:
        found.append(one)
    return found


def aged(path, column, seconds):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"UPDATE deliveries SET {column} = {column} - ?", (seconds,))


def test_an_end_is_due_with_all_that_is_known_of_it(path, due):
    run = record(path, ("running", "", None), ("joined", "failed", 3))
    [one] = claims(due)
    assert (one.jid, one.host, one.run, one.task) == ("j1.5", "web1", run, "build")
    assert (one.state, one.cause, one.rc, one.attempts) == ("joined", "failed", 3, 1)
    assert time.time() - 60 < one.started <= one.ended == one.since


def test_an_end_is_due_once_however_often_it_is_learnt(path, due):
    record(path, ("ended", "exited", 0), ("running", "", None), ("joined", "exited", 0))
    [one] = claims(due)
    due.delivered(one)
    with Ledger.open(path, heed=True) as ledger:
        ledger.note_job("j1.5", "web1", "ended", "exited")
    assert due.next_due() is None


@pytest.mark.parametrize(
    "learnt",
    [("unknown", "host is away", None), ("running", "", None), ("failed", "not started", None)],
)
def test_what_is_no_end_is_not_due(path, due, learnt):
    record(path, learnt)
    assert due.next_due() is None


def test_without_a_hook_nothing_is_due(path, due):
    record(path, ("joined", "exited", 0), heed=False)
    assert due.next_due() is None


def test_what_a_command_learns_of_an_earlier_run_is_due(path, due):
    record(path)
    with Ledger.open(path, heed=True) as ledger:
        ledger.note_job("j1.5", "web1", "lost", "lost", ended=7.0)
        ledger.note_job("j0.5", "web1", "failed", "signalled", ended=8.0, rc=-9)
        assert ledger.job("j0").rc == -9
    assert {(one.jid, one.cause, one.ended, one.rc) for one in claims(due)} == {
        ("j1.5", "lost", 7.0, None),
        ("j0.5", "signalled", 8.0, -9),
    }


def test_what_was_claimed_is_nobody_elses_until_it_must_have_failed(path, due):
    record(path, ("joined", "exited", 0))
    [one] = claims(due)
    other = Deliveries.opened(print)
    assert other.claim() is None
    assert time.time() < other.next_due() <= time.time() + LEASE
    aged(path, "due", LEASE + 1)
    again = other.claim()
    assert (again.jid, again.attempts) == (one.jid, 2)
    other.close()


def test_two_who_claim_at_once_share(path, due):
    for number in range(20):
        record(path, ("joined", "exited", 0), jid=f"j{number + 1}")
    found = []

    def work():
        mine = Deliveries.opened(print)
        found.extend(claims(mine))
        mine.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(one.jid for one in found) == sorted(f"j{number + 1}.5" for number in range(20))


def test_what_failed_comes_again_later_and_later_and_then_no_more(path, due):
    record(path, ("joined", "exited", 0))
    pauses = []
    for attempt in range(1, 9):
        [one] = claims(due)
        assert one.attempts == attempt
        assert due.failed(one)
        pauses.append(round(due.next_due() - time.time()))
        aged(path, "due", pauses[-1] + 1)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (15, 21600)
    aged(path, "since", 3 * 86_400)
    [one] = claims(due)
    assert not due.failed(one)
    assert due.next_due() is None


def test_no_ledger_is_made_to_look_for_what_is_due(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTLAST_STATE_DIR", str(tmp_path / "none"))
    assert Deliveries.opened(print) is None
    assert not (tmp_path / "none").exists()
