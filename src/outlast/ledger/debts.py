"""That somebody is to be told of the end of a job: a debt, made with the end.

Knows that both are one transaction, by a trigger of the connection that writes. Leaves paying
it to `deliveries`.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from outlast.ledger.records import OPEN_STATES

COLUMNS: Final = "jid, host, run, task, state, cause, rc, started, ended"
"""What of a job is told."""
_OPEN: Final = ", ".join(f"'{state}'" for state in OPEN_STATES)
_NEW: Final = ", ".join(f"NEW.{name}" for name in COLUMNS.split(", "))
_TRIGGER: Final = f"""
CREATE TEMP TRIGGER IF NOT EXISTS an_end_is_to_be_told AFTER UPDATE OF state ON main.jobs
WHEN OLD.state IN ({_OPEN}) AND NEW.state NOT IN ({_OPEN}) AND NEW.cause != 'not started'
BEGIN
    INSERT OR IGNORE INTO deliveries ({COLUMNS}, since, due, attempts)
    VALUES ({_NEW}, NEW.learnt, NEW.learnt, 0);
END
"""  # noqa: S608  # what is put into the text are the constants of this page, never a value


def heed_ends(connection: sqlite3.Connection) -> None:
    """From now on each end that *connection* writes down is to be told."""
    connection.execute(_TRIGGER)
