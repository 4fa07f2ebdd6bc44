"""A file of any version becomes one of the last, whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from unit.ledger.run_told import one_run, read, told

from outlast.errors import LedgerError
from outlast.ledger.ledger import Ledger
from outlast.ledger.schema import STEPS, bring_up_to_date

NEXT = "CREATE TABLE more (id INTEGER); ALTER TABLE runs ADD COLUMN mood TEXT"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def connection(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def version(connection):
    return connection.execute("PRAGMA user_version").fetchone()[0]


def test_what_was_there_is_there_after_a_step(path, connection):
    run = one_run(path)
    bring_up_to_date(connection, (*STEPS, NEXT))
    assert version(connection) == len(STEPS) + 1
    assert connection.execute("SELECT id, mood FROM runs").fetchall() == [(run, None)]


def test_a_step_that_fails_leaves_the_version_before_it(path, connection):
    one_run(path)
    with pytest.raises(sqlite3.Error):
        bring_up_to_date(connection, (*STEPS, NEXT, "CREATE TABLE runs (id)"))
    assert version(connection) == len(STEPS)
    assert not connection.in_transaction
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        connection.execute("SELECT * FROM more")


def test_a_file_of_a_later_release_is_left_alone(path, connection):
    bring_up_to_date(connection, (*STEPS, NEXT))
    with pytest.raises(LedgerError, match="written by a later release") as told_:
        Ledger.open(path)
    assert "OUTLAST_STATE_DIR" in told_.value.help_text
    with told(path) as run:
        run.task()
    (problem,) = run.recording.problems
    assert "written by a later release" in problem
    assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_a_new_file_gives_room_back(path, connection):
    one_run(path)
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with read(path) as ledger:
        assert len(ledger.runs()) == 1
