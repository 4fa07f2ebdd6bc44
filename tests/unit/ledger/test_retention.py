"""The ledger does not grow for ever, and forgets nothing that may still matter."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from contextlib import closing

import pytest
from unit.ledger.run_told import Told, intent, label, one_run, read, told

from outlast.ledger.keep import Keep
from outlast.ledger.retention import apply
from outlast.outcome import Ok
from outlast.settings import Settings

DAY = 86_400


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def kept(path):
    """Apply bounds, by the very names they have; give the runs that are left."""

    def kept(**bounds):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            apply(connection, Keep(**bounds))
        with read(path) as ledger:
            return [run.id for run in ledger.runs()]

    return kept


def aged(path, run, days):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        then = time.time() - days * DAY
        connection.execute("UPDATE runs SET started = ? WHERE id = ?", (then, run))


def run_with_job(path, jid, state=None):
    run = Told(path)
    asyncio.run(run.recording.intend(intent(jid)))
    if state:
        run.recording.learnt(jid, "web1", state, "")
    run.end()
    return run.recording.run


def test_with_room_enough_nothing_is_forgotten(path, kept):
    runs = {one_run(path) for _ in range(3)}
    assert set(kept()) == runs


def test_old_runs_are_forgotten_with_all_that_was_theirs(path, kept):
    old, new = run_with_job(path, "j1"), one_run(path)
    one = one_run(path, Ok({}), Ok({}))
    aged(path, old, 91)
    aged(path, one, 91)
    assert kept(days=90) == [new]
    with read(path) as ledger:
        assert ledger.jobs() == []
        assert ledger.results(one) == []
        assert len(ledger.results(new)) == 1


def test_of_too_many_runs_the_oldest_go(path, kept):
    runs = [one_run(path) for _ in range(4)]
    for age, run in enumerate(reversed(runs), 1):
        aged(path, run, age)
    assert kept(runs=2) == [runs[3], runs[2]]


def test_a_job_that_may_still_run_keeps_its_run_until_it_is_old(path, kept):
    running, ended = run_with_job(path, "j1"), run_with_job(path, "j2", "joined")
    assert kept(runs=0) == [running]
    assert ended != running
    aged(path, running, 91)
    assert kept(runs=0) == []


def test_the_file_shrinks_to_its_bound(path, kept):
    noise = random.Random(1)
    runs = [one_run(path, Ok({"stdout": noise.randbytes(60_000).hex()})) for _ in range(6)]
    for age, run in enumerate(reversed(runs), 1):
        aged(path, run, age)
    before = path.stat().st_size
    left = kept(bytes=250_000)
    assert 0 < len(left) < 6
    assert left == list(reversed(runs))[: len(left)]
    assert path.stat().st_size < before


def test_jobs_that_no_run_started_are_forgotten_when_they_are_old(path, kept):
    with read(path) as ledger:
        ledger.note_job("j1.1", "web1", "ended", "exited")
        kept()
        assert len(ledger.jobs()) == 1
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE jobs SET learnt = learnt - ?", (91 * DAY,))
        kept()
        assert ledger.jobs() == []


def test_forgetting_ends_when_its_time_is_over_and_goes_on_another_time(path, kept):
    with told(path) as run:
        for key in range(3000):
            run.task(Ok({"stdout": "x" * 50}), task=label(key))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        apply(connection, Keep(runs=0), budget=0.0)
        assert not connection.in_transaction
    with read(path) as ledger:
        assert len(ledger.results(run.recording.run)) == 3000
    assert kept(runs=0) == []


def test_while_another_run_writes_nothing_is_forgotten_and_nobody_waits(path, kept):
    run = one_run(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert kept(runs=0) == [run]
        assert time.monotonic() - began < 2
        writer.execute("ROLLBACK")
    assert kept(runs=0) == []


def test_the_end_of_a_run_applies_what_it_was_told_to_keep(path):
    first, second = one_run(path), one_run(path, runs=1)
    with read(path) as ledger:
        kept = {run.id for run in ledger.runs()}
    assert len(kept) == 1
    assert kept < {first, second}


def test_settings_say_what_a_run_keeps_and_mean_the_same_when_silent():
    assert Settings().ledger_keep_days == Keep().days
    assert Settings().ledger_keep_runs == Keep().runs
    assert Settings().ledger_keep_bytes == Keep().bytes
