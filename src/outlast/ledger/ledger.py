"""Asking the ledger, and noting what was learnt of a job.

Knows the questions people have: which runs, what came of one, which jobs. Leaves writing
while a run goes on to `writer`, and the file to `file`.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from outlast.errors import LedgerError
from outlast.job import JobState
from outlast.ledger import statements
from outlast.ledger.file import LedgerFile, is_damage, unusable, usual_path
from outlast.ledger.payloads import packed, unpacked
from outlast.ledger.processes import Process, lives
from outlast.ledger.records import IntentRecord, JobRecord, ResultRecord, RunRecord, RunState
from outlast.ledger.statements import Statement

_SHOWN = 5
"""How many candidates for an ambiguous prefix are named."""


class Ledger:
    """The user's ledger, open for questions; close it when they are asked.

    Every method raises `LedgerError` when the file cannot be used.
    """

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        complain: Callable[[str], None] | None = None,
        *,
        heed: bool = False,
    ) -> Self:
        """Open the ledger at *path*, the usual one by default; made when there is none yet.

        That a damaged one was set aside is told to *complain*, to stderr by default. *heed*:
        ends of jobs that are noted are to be told, see `deliveries`.
        """
        return cls(LedgerFile(path or usual_path(), complain or _on_stderr, heed=heed))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    # -- runs --------------------------------------------------------------------------------

    def runs(self, limit: int = 50) -> list[RunRecord]:
        """Give the last *limit* runs, the latest first."""
        rows = self._rows(f"{statements.RUNS} ORDER BY started DESC, id DESC LIMIT ?", limit)
        return [_run(row) for row in rows]

    def run(self, prefix: str) -> RunRecord:
        """Give the run whose id begins with *prefix*, or ends with it: ids begin with the time.

        Raises `LedgerError` when there is none or more than one.
        """
        rows = self._rows(
            f"{statements.RUNS} WHERE substr(id, 1, ?) = ? OR substr(id, -?) = ?"
            " ORDER BY started DESC",
            *(len(prefix), prefix, max(len(prefix), 1), prefix),
        )
        found = {run.id: run for run in map(_run, rows)}
        return found[_the_one("run", prefix, list(found), "outlast runs list")]

    def results(self, run_id: str, host: str | None = None) -> list[ResultRecord]:
        """Give what became of the tasks of a run, of one host or of all, in their order."""
        condition, values = "results.run = ?", [run_id]
        if host is not None:
            condition += " AND results.host = ?"
            values.append(host)
        rows = self._rows(f"{statements.RESULTS} WHERE {condition} ORDER BY results.id", *values)
        return [_result(row) for row in rows]

    def unfinished(self, run_id: str, host: str | None = None) -> list[IntentRecord]:
        """Give what a run was about to do to its hosts, or to one, and has told no outcome of.

        Of a run that goes on, that is what it is at; of one that died, what may have been done.
        """
        rows = self._rows(statements.UNFINISHED, run_id)
        return [IntentRecord(**row) for row in rows if host in (None, row["host"])]

    # -- jobs --------------------------------------------------------------------------------

    def jobs(
        self,
        *,
        run: str | None = None,
        host: str | None = None,
        states: Sequence[JobState] | None = None,
        limit: int = 200,
    ) -> list[JobRecord]:
        """Give the last *limit* jobs of that run, host and of those states, the latest first."""
        conditions, values = ["1"], list[object]()
        for column, wanted in (("run", run), ("host", host)):
            if wanted is not None:
                conditions.append(f"{column} = ?")
                values.append(wanted)
        if states is not None:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        where = " AND ".join(conditions)
        query = f"{statements.JOBS} WHERE {where} ORDER BY started DESC, intent DESC LIMIT ?"
        return [_job(row) for row in self._rows(query, *values, limit)]

    def job(self, prefix: str) -> JobRecord:
        """Give the job whose id begins with *prefix*; `LedgerError` for none or several."""
        query = f"{statements.JOBS} WHERE substr(jid, 1, ?) = ? ORDER BY started DESC"
        found = {job.jid: job for job in map(_job, self._rows(query, len(prefix), prefix))}
        if prefix in found:
            return found[prefix]
        return found[_the_one("job", prefix, list(found), "outlast jobs list")]

    def note_job(  # noqa: PLR0913  # what can be learnt of one
        self,
        jid: str,
        host: str,
        state: JobState,
        cause: str,
        payload: Mapping[str, object] | None = None,
        *,
        ended: float | None = None,
        rc: int | None = None,
    ) -> None:
        """Note what was learnt of a job; one that is not known here is known from now on.

        *ended*: when it ended, by the clock here; that of the learning if nobody says.
        """
        now, stored = time.time(), None if payload is None else packed(payload)
        self._say(statements.job_seen(jid, host, at=now))
        learnt = statements.job_learnt(
            *(jid, state, cause), at=now, stored=stored, ended=ended, rc=rc
        )
        self._say(learnt)

    # -- the file ----------------------------------------------------------------------------

    def _say(self, statement: Statement) -> None:
        self._rows(statement.text, *statement.values)

    def _rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        try:
            cursor = self._file.connection.execute(query, values)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.Error as error:
            if is_damage(error):
                self._file.replace(error)
                return self._rows(query, *values)
            raise unusable(self._file.path, error) from error


def _on_stderr(text: str) -> None:
    sys.stderr.write(f"[WARNING]: {text}\n")


def _the_one(what: str, prefix: str, ids: Sequence[str], where: str) -> str:
    if not ids:
        raise LedgerError(
            f"There is no {what} {prefix!r} in the ledger.", help_text=f"`{where}` shows them."
        )
    if len(ids) > 1:
        shown = ", ".join(ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
        raise LedgerError(f"There are {len(ids)} {what}s for {prefix!r}: {shown}.")
    return ids[0]


def _run(row: dict[str, Any]) -> RunRecord:
    process = Process(
        machine=row["machine"],
        boot=row.pop("boot"),
        pid=row["pid"],
        started=row.pop("pid_started"),
    )
    row |= {name: tuple(json.loads(row[name])) for name in ("command", "playbooks")}
    return RunRecord(state=_run_state(row["ended"], process), **row)


def _run_state(ended: float | None, process: Process) -> RunState:
    if ended is not None:
        return "ended"
    match lives(process):
        case None:
            return "elsewhere"
        case True:
            return "running"
        case False:
            return "died"


def _result(row: dict[str, Any]) -> ResultRecord:
    row |= {name: bool(row[name]) for name in ("handler", "changed", "ignored", "censored")}
    payload, follows = _payload(row.pop("payload")), _payload(row.pop("follows"))
    return ResultRecord(payload=payload, follows=follows, **row)


def _job(row: dict[str, Any]) -> JobRecord:
    endpoint: Mapping[str, object] = {}
    with suppress(ValueError):
        endpoint = json.loads(row.pop("endpoint"))
    return JobRecord(endpoint=endpoint, payload=_payload(row.pop("payload")), **row)


def _payload(stored: bytes | None) -> Mapping[str, object]:
    try:
        return unpacked(stored)
    except ValueError as error:
        return {"msg": f"This result was damaged in the ledger: {error}"}
