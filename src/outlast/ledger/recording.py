"""What one run writes into the ledger: itself, its jobs, its tasks' results.

Knows that a run is recorded as soon as it does something, and not at all when it does
nothing: opening the ledger is what a run without tasks need not pay for. Leaves the thread
and the file to `writer`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from outlast.job import JobIntent, JobState
from outlast.ledger import statements
from outlast.ledger.ids import new_run_id
from outlast.ledger.keep import Keep
from outlast.ledger.processes import this_process
from outlast.ledger.statements import Beginning, Statement
from outlast.ledger.writer import Row, Rows, Writer

_USUAL: Final = Keep()


class Recording:
    """The record of one run: an `events.EventSink` and a `call.Journal` write into it."""

    def __init__(
        self,
        beginning: Callable[[], Beginning],
        path: Path | None = None,
        keep: Keep = _USUAL,
        *,
        heed: bool = False,
    ) -> None:
        """Make a record in the ledger at *path*, the usual one by default, which keeps *keep*.

        *beginning* is asked when the run does something, if it does, from a thread. *heed*:
        ends of jobs are to be told, see `deliveries`.
        """
        self.run: str | None = None
        """The run's id, once it is recorded."""
        self._beginning = beginning
        self._started = time.time()
        self._writer = Writer(_writing_to(path, keep, heed=heed))

    @property
    def problems(self) -> list[str]:
        """What went wrong, for people; complete after `end`."""
        return self._writer.problems

    def begun(self) -> str:
        """Give the run's id; from now on it is recorded."""
        if self.run is None:
            self.run = new_run_id(self._started)
            self._writer.put(Row(partial(self._run_begun, self.run)))
        return self.run

    def _run_begun(self, run: str) -> Statement:
        return statements.run_begun(run, self._beginning(), this_process(), at=self._started)

    def put(self, row: Row) -> None:
        """Have *row* written soon, after the run itself."""
        self.begun()
        self._writer.put(row)

    def end(self, code: int | None) -> None:
        """Say how the run ended; returns when all is written, or cannot be."""
        if self.run is not None:
            self._writer.put(Row(statements.run_ended(self.run, code, at=time.time())))
        self._writer.close()

    def put_on_disk(self, statement: Statement) -> Callable[[], Awaitable[None]]:
        """Have one *statement* of many written; gives what returns when it is on disk."""
        self.begun()
        return self._writer.put_on_disk(statement, plenty=True)

    # -- call.Journal ------------------------------------------------------------------------

    async def intend(self, intent: JobIntent) -> None:
        """Return when *intent* is on disk, or cannot be written there."""
        run = self.begun()
        await self._writer.put_on_disk(statements.job_intended(run, intent, at=time.time()))()

    def started(self, intent: JobIntent, jid: str) -> None:
        """Note that the job runs, under its whole id."""
        self.put(Row(statements.job_started(intent, jid, at=time.time() - intent.age)))

    async def keep(self, jid: str, result: Mapping[str, object]) -> None:
        """Return when a job's *result* is on disk, or cannot be written there."""
        self.begun()
        await self._writer.put_on_disk(statements.job_result(jid), payloads=(result,))()

    def learnt(
        self, jid: str, host: str, state: JobState, cause: str, rc: int | None = None
    ) -> None:
        """Note what was learnt of a job, if it is one of ours; *host* stands there already."""
        self.put(Row(statements.job_told(jid, state, cause, rc=rc, at=time.time())))

    async def written(self) -> None:
        """Return when all that was put before is written, or cannot be."""
        if self.run is not None:
            await self._writer.put_on_disk(statements.NOTHING)()


def _writing_to(path: Path | None, keep: Keep, *, heed: bool) -> Callable[[Rows, list[str]], None]:
    def write(rows: Rows, problems: list[str]) -> None:
        from outlast.ledger.writing import write_rows  # noqa: PLC0415  # imports SQLite

        write_rows(path, rows, problems, keep, heed=heed)

    return write
