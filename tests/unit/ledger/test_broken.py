"""A ledger that cannot be used is said to be so, once, and stops no run."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import threading
from contextlib import closing

import pytest
from unit.ledger.run_told import Told, intent, label, one_run, read

from outlast.errors import LedgerError
from outlast.ledger import file, spare, writer, writing
from outlast.ledger.ledger import Ledger
from outlast.ledger.schema import STEPS
from outlast.ledger.statements import job_intended
from outlast.ledger.writer import Row
from outlast.outcome import Ok


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


def a_whole_run(path):
    """Run with a job among its tasks; give what was wrong with the ledger."""
    run = Told(path)
    run.play()
    run.task()
    asyncio.run(run.recording.intend(intent()))
    run.recording.started(intent(), "j1.2")
    run.task(task=label(2))
    asyncio.run(run.recording.intend(intent("j2")))
    run.end()
    return run.recording.problems


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be")
    path = tmp_path / "state" / "ledger.sqlite"
    (problem,) = a_whole_run(path)
    assert problem.startswith(f"This run is not recorded, or not wholly. The ledger {path} cannot")
    with pytest.raises(LedgerError, match="cannot be used") as told:
        Ledger.open(path)
    assert "OUTLAST_STATE_DIR" in told.value.help_text


def test_a_folder_in_the_place_of_the_file_is_told_once(path):
    path.mkdir()
    assert len(a_whole_run(path)) == 1


def test_what_is_no_ledger_is_set_aside_and_told(path):
    path.write_bytes(b"not a database at all" * 100)
    (problem,) = a_whole_run(path)
    (aside,) = path.parent.glob("ledger.sqlite.damaged-*")
    assert problem.startswith(f"The ledger {path} was damaged (file is not a database)")
    assert str(aside) in problem
    assert aside.read_bytes().startswith(b"not a database")
    with read(path) as ledger:
        assert len(ledger.runs()) == 1
        assert len(ledger.jobs()) == 2


def test_a_file_that_is_spoilt_while_a_run_goes_on_is_replaced_by_a_whole_one(path):
    run = Told(path)
    run.play()
    run.task(Ok({"n": 1}))
    asyncio.run(run.recording.intend(intent("j1")))
    spoil(path)
    asyncio.run(run.recording.intend(intent("j2")))
    run.task(Ok({"n": 2}), task=label(2))
    run.end()
    (problem,) = run.recording.problems
    assert "was damaged" in problem
    with read(path) as ledger:
        (record,) = ledger.runs()
        assert (record.id, record.state) == (run.recording.run, "ended")
        assert {job.jid for job in ledger.jobs()} == {"j1", "j2"}
        assert [one.payload for one in ledger.results(record.id)] == [{"n": 1}, {"n": 2}]


def test_what_there_was_no_room_for_is_lost_with_a_spoilt_file_and_told(path, monkeypatch):
    monkeypatch.setattr(spare, "ROOM", 5000)
    run = Told(path)
    run.play()
    for key in range(30):
        run.task(Ok({"n": key}), task=label(key))
    asyncio.run(run.recording.intend(intent("j1")))
    spoil(path)
    asyncio.run(run.recording.intend(intent("j2")))
    run.end()
    (problem,) = run.recording.problems
    with read(path) as ledger:
        assert {job.jid for job in ledger.jobs()} == {"j1", "j2"}
        found = [one.payload["n"] for one in ledger.results(run.recording.run)]
    lost = 30 - len(found)
    assert 0 < lost < 30
    assert found == list(range(lost, 30))
    assert problem.endswith(f"Of this run, the first {lost} records are lost with it.")


def spoil(path):
    """Write nonsense over all pages but the first, behind SQLite's back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(
            f"PRAGMA user_version = {len(STEPS)}"
        )  # who has read pages reads them again
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as stream:
        size = path.stat().st_size
        stream.seek(4096)
        stream.write(b"\xff" * (size - 4096))


def test_a_question_to_a_spoilt_file_is_answered_by_a_new_one_and_told(path):
    one_run(path)
    spoil(path)
    said = []
    with Ledger.open(path, said.append) as ledger:
        assert ledger.runs() == []
    assert len(said) == 1
    assert "was damaged" in said[0]


def test_who_asks_without_a_listener_is_told_on_stderr(path, capsys):
    path.write_bytes(b"x" * 5000)
    Ledger.open(path).close()
    assert capsys.readouterr().err.startswith(f"[WARNING]: The ledger {path} was damaged")


def test_a_result_that_is_spoilt_spoils_no_other(path):
    run = one_run(path, Ok({"n": 1}), Ok({"n": 2}))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE results SET payload = x'00' WHERE id = 1")
    with read(path) as ledger:
        first, second = (one.payload for one in ledger.results(run))
    assert first["msg"].startswith("This result was damaged in the ledger")
    assert second == {"n": 2}


def test_a_disk_that_is_full_ends_the_record_and_nothing_else(path, monkeypatch):
    connect = sqlite3.connect

    def small(*args, **options):
        connection = connect(*args, **options)
        connection.execute("PRAGMA max_page_count = 12")
        return connection

    monkeypatch.setattr(file.sqlite3, "connect", small)
    run = Told(path)
    run.play()
    asyncio.run(run.recording.intend(intent("j1")))
    for key in range(200):
        run.task(Ok({"stdout": str(key) * 500}), task=label(key))
    asyncio.run(run.recording.intend(intent("j2")))
    run.end()
    monkeypatch.undo()
    (problem,) = run.recording.problems
    assert "database or disk is full" in problem
    with read(path) as ledger:
        assert [job.jid for job in ledger.jobs()] == ["j1"]


def test_a_ledger_that_another_run_holds_on_to_is_given_up(path, monkeypatch):
    one_run(path)
    monkeypatch.setattr(file, "PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (problem,) = a_whole_run(path)
        other.execute("ROLLBACK")
    assert "database is locked" in problem
    with read(path) as ledger:
        assert len(ledger.runs()) == 1


@pytest.fixture
def hanging(path, monkeypatch):
    """A run whose disk hangs until the gate is opened."""

    gate = threading.Event()
    transact = writing._Writing._transact
    monkeypatch.setattr(
        writing._Writing, "_transact", lambda self, batch: (gate.wait(), transact(self, batch))
    )
    monkeypatch.setattr(writer, "_LONGEST", 0.05)
    monkeypatch.setattr(writer, "PARTING", 0.05)
    run = Told(path)
    yield run, gate
    gate.set()
    run.recording._writer._thread.join()


HANGS = "The ledger could not be written in time; it may lack what this run did last."


def test_a_disk_that_hangs_holds_nobody_for_long(hanging):
    run, _ = hanging
    asyncio.run(run.recording.intend(intent()))
    run.end()
    assert run.recording.problems == [HANGS]


async def test_a_disk_that_hangs_is_waited_for_once_until_it_answers(hanging, monkeypatch):
    run, gate = hanging
    await run.recording.intend(intent("j1"))
    monkeypatch.setattr(writer, "_LONGEST", 10.0)
    last = run.recording.put_on_disk(job_intended("r", intent("j2"), at=0.0))
    async with asyncio.timeout(5):
        await last()  # nobody waits again
        answers, loop = asyncio.Event(), asyncio.get_running_loop()
        tell = functools.partial(loop.call_soon_threadsafe, answers.set)
        run.recording.put(Row(job_intended("r", intent("j3"), at=0.0), on_disk=tell))
        gate.set()
        await answers.wait()
        gate.clear()
        monkeypatch.setattr(writer, "_LONGEST", 0.05)
        before = loop.time()
        await run.recording.intend(intent("j4"))  # it is waited for again
        assert loop.time() - before > 0.04
        gate.set()
    assert run.recording.problems == [HANGS]
    await asyncio.to_thread(run.end)
