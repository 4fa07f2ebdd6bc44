"""How much history is kept, and forgetting the rest.

Knows that a job which may still run is not forgotten for lack of room.
Leaves when it is time to `writing`: at the end of a run, and never for long.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from outlast.ledger.keep import Keep
from outlast.ledger.records import OPEN_STATES

_BUDGET: Final = 0.15
"""Seconds; what is not forgotten by then is forgotten at the end of another run."""
_WAIT: Final = 20
"""Milliseconds for another run's transaction: it will forget instead of us."""
_STRIDE: Final = 1000
"""Steps of SQLite's machine between two looks at the clock: well under a millisecond."""
_DAY: Final = 86_400
_FREED: Final = 512
"""Pages given back to the disk after each run that is forgotten."""
_OPEN: Final = ", ".join(f"'{state}'" for state in OPEN_STATES)
_RUNS: Final = (
    "SELECT id, started, EXISTS (SELECT 1 FROM jobs WHERE jobs.run = runs.id"  # noqa: S608  # words of ours
    f" AND state IN ({_OPEN})) FROM runs ORDER BY started, id"
)


def apply(connection: sqlite3.Connection, keep: Keep, *, budget: float = _BUDGET) -> None:
    """Forget what is beyond *keep*, the oldest first, for at most *budget* seconds."""
    until = time.monotonic() + budget
    connection.execute(f"PRAGMA busy_timeout = {_WAIT}")
    connection.set_progress_handler(lambda: time.monotonic() > until, _STRIDE)
    try:
        _forget_strangers(connection, time.time() - keep.days * _DAY)
        for run in _doomed(connection, keep):
            _forget(connection, run)
    except sqlite3.OperationalError:
        return  # out of time, or another run is at it; the next one goes on
    finally:
        connection.set_progress_handler(None, 0)


def _doomed(connection: sqlite3.Connection, keep: Keep) -> Iterator[str]:
    """Yield the runs to forget; each must be gone before the next is asked for."""
    runs = connection.execute(_RUNS).fetchall()
    oldest = time.time() - keep.days * _DAY
    too_many = len(runs) - keep.runs
    for place, (run, started, has_open_jobs) in enumerate(runs):
        if started < oldest:
            yield run
        elif has_open_jobs:
            continue
        elif place < too_many or _bytes(connection) > keep.bytes:
            yield run


def _bytes(connection: sqlite3.Connection) -> int:
    def number(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (number("page_count") - number("freelist_count")) * number("page_size")


def _forget(connection: sqlite3.Connection, run: str) -> None:
    with _transaction(connection):
        for table in ("results", "intents", "tasks", "jobs"):
            connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608  # words of ours
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))
    connection.execute(f"PRAGMA incremental_vacuum({_FREED})").fetchall()


def _forget_strangers(connection: sqlite3.Connection, before: float) -> None:
    """Forget jobs that no run of ours started."""
    with _transaction(connection):
        connection.execute("DELETE FROM jobs WHERE run IS NULL AND learnt < ?", (before,))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # an interruption may have rolled it back already
            connection.set_progress_handler(None, 0)
            connection.execute("ROLLBACK")
        raise
