"""How the ledger's file is laid out, and how an older one becomes a newer one.

Knows every version there has been, as the steps from each to the next: a file that was
written by any release loads in all later ones. Leaves opening the file to `file`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from outlast.errors import LedgerError

_V1: Final = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started REAL NOT NULL,
    ended REAL,
    code INTEGER,
    command TEXT NOT NULL,
    folder TEXT NOT NULL,
    user TEXT NOT NULL,
    playbooks TEXT NOT NULL,
    machine TEXT NOT NULL,
    boot TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_started INTEGER NOT NULL,
    version TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE tasks (
    run TEXT NOT NULL,
    number INTEGER NOT NULL,
    play TEXT NOT NULL,
    name TEXT NOT NULL,
    action TEXT NOT NULL,
    place TEXT NOT NULL,
    handler INTEGER NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    task INTEGER NOT NULL,
    host TEXT NOT NULL,
    delegate TEXT,
    item TEXT,
    kind TEXT NOT NULL,
    changed INTEGER NOT NULL,
    ignored INTEGER NOT NULL,
    ended REAL NOT NULL,
    seconds REAL NOT NULL,
    why TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX results_of_run ON results (run, host);
CREATE TABLE jobs (
    intent TEXT PRIMARY KEY,
    jid TEXT NOT NULL,
    run TEXT,
    host TEXT NOT NULL,
    task TEXT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    learnt REAL NOT NULL,
    seconds REAL NOT NULL,
    async_dir TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    payload BLOB
) WITHOUT ROWID;
CREATE INDEX jobs_by_jid ON jobs (jid);
CREATE INDEX jobs_of_run ON jobs (run);
"""

_HOOKS: Final = """
ALTER TABLE jobs ADD COLUMN rc INTEGER;
CREATE TABLE deliveries (
    host TEXT NOT NULL,
    jid TEXT NOT NULL,
    run TEXT,
    task TEXT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    rc INTEGER,
    started REAL NOT NULL,
    ended REAL,
    since REAL NOT NULL,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (host, jid)
) WITHOUT ROWID;
"""

_REPLAYING: Final = """
ALTER TABLE tasks ADD COLUMN identity TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE results ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE results ADD COLUMN position INTEGER;
ALTER TABLE results ADD COLUMN attempt INTEGER;
ALTER TABLE results ADD COLUMN censored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE results ADD COLUMN follows BLOB;
ALTER TABLE jobs ADD COLUMN identity TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN position INTEGER;
ALTER TABLE jobs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
CREATE TABLE intents (
    run TEXT NOT NULL,
    task INTEGER NOT NULL,
    host TEXT NOT NULL,
    turn INTEGER NOT NULL,
    position INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    delegate TEXT,
    began REAL NOT NULL,
    PRIMARY KEY (run, task, host, turn, position, attempt)
) WITHOUT ROWID;
"""
"""What replaying a run needs: who did what, by names that another run has as well, what was begun,
and what followed. An item's `position` is its index in the loop; an intent's is -1 without one."""

STEPS: Final = (_V1, _HOOKS, _REPLAYING)
"""What makes version n+1 of version n. Released steps never change; a new version is a new
step, and a golden file in `tests/golden`."""


def bring_up_to_date(connection: sqlite3.Connection, steps: Sequence[str] = STEPS) -> None:
    """Bring the file to the last version, whoever else is about to do the same.

    Raises `LedgerError` for a file that a later release wrote.
    """
    version = _checked_version(connection, steps)
    if version == len(steps):
        return
    if version == 0:
        # Must be said before the first table; later the file shrinks without being copied.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _checked_version(connection, steps)  # another run may have been faster
        for step in steps[version:]:
            for statement in step.split(";"):  # executescript would commit half of it
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _checked_version(connection: sqlite3.Connection, steps: Sequence[str]) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise LedgerError(
            f"The ledger was written by a later release of Outlast: its version is {version},"
            f" this release knows {len(steps)}.",
            help_text="Use that release, or name another folder by OUTLAST_STATE_DIR.",
        )
    return version
