"""Writing the rows of a run: what its one writer thread does.

Knows that a transaction costs more than a row, that all who wait for the disk at the same
time share one sync, and that a ledger which cannot be written stops no run: what was wrong
is kept, to be said once. Leaves handing rows over to `writer`. Imports SQLite: to be
imported in that thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty
from typing import Final

from outlast.ledger.file import LedgerFile, is_damage, usual_path
from outlast.ledger.keep import Keep
from outlast.ledger.payloads import packed
from outlast.ledger.retention import apply
from outlast.ledger.spare import Spare
from outlast.ledger.statements import Statement
from outlast.ledger.writer import Row, Rows

_GATHERING: Final = 0.05
"""Seconds a row waits for company. Who asked for a row to be on disk does not wait."""
_MOST: Final = 2000
"""Rows of one transaction, which keeps other runs waiting while it lasts."""


def write_rows(
    path: Path | None, rows: Rows, problems: list[str], keep: Keep, *, heed: bool
) -> None:
    """Write *rows* to the ledger at *path*, the usual one by default, until None comes.

    What is beyond *keep* is forgotten then. *heed* as in `LedgerFile`.

    Never raises: what went wrong stands in *problems*.
    """
    try:
        with closing(LedgerFile(path or usual_path(), problems.append, heed=heed)) as file:
            _Writing(file, rows).write_all()
            apply(file.connection, keep)
    except Exception as error:  # noqa: BLE001  # history is no reason to end a run
        problems.append(f"This run is not recorded, or not wholly. {error}")
        _let_go(iter(rows.get, None))


def _let_go(rows: Iterable[Row]) -> None:
    """Let whoever waits for one of *rows* go on."""
    for row in rows:
        if row.on_disk is not None:
            row.on_disk()


class _Writing:
    """An open ledger and the rows that come."""

    def __init__(self, file: LedgerFile, rows: Rows) -> None:
        self._file = file
        self._rows = rows
        self._kept = Spare()
        """What a file that replaces a damaged one must hold as well."""
        self._in_haste = False
        """The connection does not sync."""

    def write_all(self) -> None:
        """Write until no more will come."""
        more = True
        while more:
            batch, more = self._gathered()
            try:
                self._write(batch)
            finally:
                _let_go(batch)

    def _gathered(self) -> tuple[list[Row], bool]:
        """Wait for rows; tell whether there may be more."""
        batch: list[Row] = []
        row = self._rows.get()
        until = time.monotonic() + _GATHERING
        while row is not None:
            batch.append(row)
            if row.on_disk is not None:
                until = 0.0  # somebody waits: it goes with what is there already
            if len(batch) == _MOST:
                return batch, True
            try:
                row = self._rows.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return batch, True
        return batch, False

    def _write(self, batch: Sequence[Row]) -> None:
        try:
            self._transact(batch)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._file.replace(error, self._loss())
            self._in_haste = False
            again, self._kept = [*self._kept.all(), *batch], Spare()
            self._transact(again)

    def _loss(self) -> str:
        """Say what of this run a new file will lack."""
        lost = self._kept.dropped
        return f" Of this run, the first {lost} records are lost with it." if lost else ""

    def _transact(self, batch: Sequence[Row]) -> None:
        """Write *batch*, all or nothing; safe from power cuts if anybody waits for that."""
        self._hasten(all(row.on_disk is None for row in batch))
        connection = self._file.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            written = [_execute(connection, row) for row in batch]
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
            raise
        for row, statement in zip(batch, written, strict=True):
            self._kept.keep(row, statement)

    def _hasten(self, haste: bool) -> None:  # noqa: FBT001  # it is a yes or no
        if haste != self._in_haste:
            self._in_haste = haste
            mode = "NORMAL" if haste else "FULL"
            self._file.connection.execute(f"PRAGMA synchronous = {mode}")


def _execute(connection: sqlite3.Connection, row: Row) -> Statement:
    """Write *row*; gives what was said for it."""
    statement = row.statement if isinstance(row.statement, Statement) else row.statement()
    if row.payloads:
        statement = Statement(statement.text, (*statement.values, *_packed(row)))
    try:
        connection.execute(statement.text, statement.values)
    except UnicodeEncodeError:  # a name in no known encoding, as files and hosts may have
        statement = Statement(statement.text, tuple(map(_encodable, statement.values)))
        connection.execute(statement.text, statement.values)
    return statement


def _packed(row: Row) -> list[bytes | None]:
    first, *others = row.payloads
    return [packed(first), *(packed(other) if other else None for other in others)]


def _encodable(value: object) -> object:
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
