"""The ledger's file: where it is, who may read it, and what is done when it is broken.

Knows the state folder, and that a file SQLite cannot read is set aside, not lost and not in
the way. Leaves the layout to `schema`. Imports SQLite: to be imported when there is
something to read or write.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from outlast.errors import Cause, LedgerError
from outlast.ledger.debts import heed_ends
from outlast.ledger.schema import bring_up_to_date

NAME: Final = "ledger.sqlite"
_COMPANIONS: Final = ("", "-wal", "-shm")
PATIENCE: Final = 5.0
"""Seconds a writer waits for another run's transaction; ours take milliseconds."""
_DAMAGE: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})

Complain = Callable[[str], None]


def usual_path() -> Path:
    """Give the path of the user's ledger."""
    named = os.environ.get("OUTLAST_STATE_DIR")
    if named:
        return Path(named).expanduser() / NAME
    # What platformdirs says as well, at a price of 5 ms for every run; a test compares them.
    state = os.environ.get("XDG_STATE_HOME", "").strip()
    return (Path(state) if state else Path.home() / ".local" / "state") / "outlast" / NAME


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether *error* says that the file's content cannot be trusted."""
    name = getattr(error, "sqlite_errorname", "")
    return any(str(name).startswith(damage) for damage in _DAMAGE)


class LedgerFile:
    """An open ledger; of one thread."""

    def __init__(self, path: Path, complain: Complain, *, heed: bool = False) -> None:
        """Open *path*, made anew where there is none or a broken one.

        *heed*: ends of jobs that are written down are to be told, see `debts`.
        Raises `LedgerError`; what was set aside is told to *complain*.
        """
        self.path = path
        self._complain = complain
        self._heed = heed
        self.connection = self._opened()

    def close(self) -> None:
        """Let the file go."""
        self.connection.close()

    def replace(self, error: sqlite3.Error, loss: str = "") -> None:
        """Set the damaged file aside and go on with a new one; raises `LedgerError`.

        *loss* is a sentence about what cannot be written again.
        """
        self.close()
        self._set_aside(error, loss)
        self.connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            self._make_private()
            try:
                return self._connected()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._inode = self._inode_there()
                self._set_aside(error)
                self._make_private()
                return self._connected()
        except (OSError, sqlite3.Error) as error:
            raise unusable(self.path, error) from error

    def _make_private(self) -> None:
        """Make folder and file, for nobody but their owner."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            bring_up_to_date(connection)
            if self._heed:
                heed_ends(connection)
        except BaseException:
            connection.close()
            raise
        self._inode = self._inode_there()
        return connection

    def _inode_there(self) -> int:
        try:
            return self.path.stat().st_ino
        except OSError:
            return 0

    def _set_aside(self, error: sqlite3.Error, loss: str = "") -> None:
        """Rename the file and what belongs to it, unless somebody has done so already."""
        if self._inode_there() != self._inode:
            return
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        for end in _COMPANIONS:
            with suppress(FileNotFoundError):
                Path(f"{self.path}{end}").rename(f"{aside}{end}")
        self._complain(
            f"The ledger {self.path} was damaged ({error}) and is now {aside}."
            f" What it held of earlier runs is not shown any more; a new one was begun.{loss}"
        )


def unusable(path: Path, error: Exception) -> LedgerError:
    """Give the error that says so, and what to do about it."""
    return LedgerError(
        f"The ledger {path} cannot be used.",
        causes=(Cause(str(error)),),
        help_text="Set OUTLAST_STATE_DIR to a folder you can write to.",
    )
