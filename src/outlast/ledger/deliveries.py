"""What somebody wanted to be told of: the ends of jobs that have not been passed on yet.

Knows that two who deliver at once do not take the same one, and that nobody is told for ever
who does not listen. Leaves making the debts to `debts`, and telling to whoever claims. Imports
SQLite: see `file`.
"""

# ruff: noqa: S608  # what is put into the texts are the constants of this page, never a value
from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from outlast.ledger.debts import COLUMNS
from outlast.ledger.file import LedgerFile, unusable, usual_path

LEASE: Final = 30.0
"""Seconds a delivery belongs to who claimed it: who is still at it then has died."""
_PAUSES: Final = (15.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)
"""Seconds to the next attempt, after the first, second...; the last one again and again."""
_LONGEST: Final = 3 * 86_400
"""Seconds after which nobody is told any more."""
_ITS: Final = "host = ? AND jid = ?"


class Delivery(Struct, frozen=True, kw_only=True):
    """The end of a job, as it is to be told."""

    jid: str
    host: str
    run: str | None
    task: str
    state: str
    cause: str
    rc: int | None
    started: float
    ended: float | None
    since: float
    """When the end was learnt."""
    attempts: int
    """Which attempt this is, from 1 on."""


class Deliveries:
    """The debts of the user's ledger; every method may wait for the disk."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    @classmethod
    def opened(cls, complain: Callable[[str], None]) -> Deliveries | None:
        """Open the usual ledger; None: there is none, and so nothing is due.

        Raises `LedgerError`, as all here do when the file cannot be used.
        """
        path = usual_path()
        return cls(LedgerFile(path, complain)) if path.exists() else None

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def claim(self) -> Delivery | None:
        """Take what is due, the longest due first; None: nothing is, or others are at it.

        Who claims must say `delivered` or `failed` before `LEASE` is over.
        """
        connection, now = self._file.connection, time.time()
        self._do("BEGIN IMMEDIATE")
        try:
            cursor = connection.execute(
                f"SELECT {COLUMNS}, since, attempts + 1 AS attempts FROM deliveries"
                " WHERE due <= ? ORDER BY due LIMIT 1",
                (now,),
            )
            row = cursor.fetchone()
            if row is None:
                return None
            names = [column[0] for column in cursor.description]
            found = Delivery(**dict(zip(names, row, strict=True)))
            connection.execute(
                f"UPDATE deliveries SET due = ?, attempts = ? WHERE {_ITS}",
                (now + LEASE, found.attempts, found.host, found.jid),
            )
            return found
        finally:
            connection.execute("COMMIT")

    def next_due(self) -> float | None:
        """Give when the next is due, in seconds since 1970; None: nothing is."""
        row = self._do("SELECT min(due) FROM deliveries").fetchone()
        return None if row[0] is None else float(row[0])

    def delivered(self, done: Delivery) -> None:
        """Note that it has been told."""
        self._do(f"DELETE FROM deliveries WHERE {_ITS}", done.host, done.jid)

    def failed(self, delivery: Delivery) -> bool:
        """Have it told again later; False: not any more, it has been tried for too long."""
        now = time.time()
        if now - delivery.since > _LONGEST:
            self.delivered(delivery)
            return False
        pause = _PAUSES[min(delivery.attempts, len(_PAUSES)) - 1]
        text = f"UPDATE deliveries SET due = ? WHERE {_ITS}"
        self._do(text, now + pause, delivery.host, delivery.jid)
        return True

    def _do(self, text: str, *values: object) -> sqlite3.Cursor:
        try:
            return self._file.connection.execute(text, values)
        except sqlite3.Error as error:
            raise unusable(self._file.path, error) from error
