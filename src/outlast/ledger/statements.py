"""What is said to SQLite: questions, and rows as they are written.

Knows the columns of each table by the names of the records' fields. Leaves when anything is
said to `writer` and `ledger`.
"""

# ruff: noqa: S608  # what is put into the texts are the constants of this page, never a value
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from outlast.events import ActionBegins, TaskLabel
from outlast.job import JobIntent, JobState
from outlast.ledger.payloads import as_json
from outlast.ledger.processes import Process
from outlast.ledger.records import OPEN_STATES, ResultKind


class Statement(Struct, frozen=True):
    """One thing to be said, with its values."""

    text: str
    values: tuple[object, ...]


NOTHING: Final = Statement("SELECT 1", ())
RUNS: Final = (
    "SELECT id, started, ended, code, command, folder, user, playbooks, machine, boot, pid,"
    " pid_started, version FROM runs"
)
RESULTS: Final = (
    "SELECT results.run AS run, host, delegate, play, tasks.name AS task, action, place, handler,"
    " identity, batch, turn, item, position, attempt, kind, changed, ignored,"
    " results.ended AS ended, seconds, why, payload, censored, follows"
    " FROM results JOIN tasks ON tasks.run = results.run AND tasks.number = results.task"
)
UNFINISHED: Final = (
    "SELECT run, host, delegate, play, name AS task, action, place, identity, batch, turn,"
    " nullif(position, -1) AS position, attempt, began"
    " FROM intents JOIN tasks USING (run) WHERE tasks.number = intents.task AND run = ?1"
    " AND NOT EXISTS (SELECT 1 FROM results WHERE results.run = ?1"
    " AND results.host = intents.host AND results.task = intents.task"
    " AND results.turn = intents.turn AND coalesce(results.position, -1) = intents.position"
    " AND coalesce(results.attempt, intents.attempt) = intents.attempt) ORDER BY began"
)
"""An outcome of the whole item answers for every attempt at it."""
JOBS: Final = (
    "SELECT jid, run, host, task, identity, turn, position, attempt, state, cause, started,"
    " ended, learnt, seconds AS 'limit', async_dir, endpoint, payload, rc FROM jobs"
)

_OPEN: Final = ", ".join(f"'{state}'" for state in OPEN_STATES)
_MAY_BECOME_OPEN: Final = f"jobs.state IN ({_OPEN})"
"""A final state is a fact: that a job cannot be asked any more does not change it."""
_MAY_BECOME_FINAL: Final = "jobs.state != 'joined'"
"""The playbook that was told the end has seen more of it than whoever asks later."""


def job_intended(run: str, intent: JobIntent, at: float) -> Statement:
    """Say that a job is about to be started."""
    of = intent.attempt
    return Statement(
        "INSERT OR REPLACE INTO jobs (intent, jid, run, host, task, state, cause, started,"
        " learnt, seconds, async_dir, endpoint, identity, turn, position, attempt)"
        " VALUES (?1, ?1, ?2, ?3, ?4, 'intended', '', ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        (
            *(intent.jid, run, intent.host, intent.task, at),
            *(intent.limit, intent.async_dir, as_json(dict(intent.address))),
            *(of.task, of.turn, of.item, of.number),
        ),
    )


def job_started(intent: JobIntent, jid: str, at: float) -> Statement:
    """Say that it runs, under its whole id."""
    return Statement(
        "UPDATE jobs SET jid = ?2, started = ?3, learnt = ?3, state = 'running'"
        f" WHERE intent = ?1 AND {_MAY_BECOME_OPEN}",
        (intent.jid, jid, at),
    )


def job_told(
    jid: str, state: JobState, cause: str, *, at: float, rc: int | None = None
) -> Statement:
    """Say what was learnt of a job that is known here; others are nobody's business."""
    is_open = state in OPEN_STATES
    return Statement(
        "UPDATE jobs SET state = ?2, cause = ?3, learnt = ?4, ended = coalesce(ended, ?5),"
        f" rc = coalesce(?6, rc)"
        f" WHERE (jid = ?1 OR intent = ?1) AND {_may_become(state)}",
        (jid, state, cause, at, None if is_open else at, rc),
    )


def job_result(jid: str) -> Statement:
    """Say what a job came to: its result, packed, is the last value."""
    return Statement("UPDATE jobs SET payload = ?2 WHERE jid = ?1", (jid,))


def job_seen(jid: str, host: str, at: float) -> Statement:
    """Say that there is a job, should nobody here know."""
    return Statement(
        "INSERT INTO jobs (intent, jid, run, host, task, state, cause, started, learnt, seconds,"
        " async_dir, endpoint) SELECT ?1, ?1, NULL, ?3, '', 'unknown', '', ?4, ?4, 0, '', '{}'"
        f" WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE {_IS_IT})",
        (jid, _our_part(jid), host, at),
    )


def job_learnt(  # noqa: PLR0913  # the columns that may change
    jid: str,
    state: JobState,
    cause: str,
    *,
    at: float,
    stored: bytes | None,
    ended: float | None = None,
    rc: int | None = None,
) -> Statement:
    """Say what was learnt of a job that is known here by now; *ended* if the host said when."""
    return Statement(
        "UPDATE jobs SET jid = CASE WHEN jid = intent THEN ?1 ELSE jid END, state = ?3,"
        " cause = ?4, learnt = ?5, ended = coalesce(?8, ended, ?6),"
        " payload = coalesce(?7, payload), rc = coalesce(?9, rc)"
        f" WHERE {_IS_IT} AND {_may_become(state)}",
        (
            *(jid, _our_part(jid), state, cause, at),
            *(None if state in OPEN_STATES else at, stored, ended, rc),
        ),
    )


_IS_IT: Final = "(jid = ?1 OR intent = ?1 OR (jid = intent AND intent = ?2))"
"""By its whole id, or as one whose start was intended but never answered."""


def _our_part(jid: str) -> str:
    """Give what the controller chose of an id: the host adds a dot and a number."""
    return jid.partition(".")[0]


def _may_become(state: JobState) -> str:
    return _MAY_BECOME_OPEN if state in OPEN_STATES else _MAY_BECOME_FINAL


class Beginning(Struct, frozen=True, kw_only=True):
    """What a run says of itself when it begins."""

    command: Sequence[str]
    """As it can be shown."""
    folder: str
    user: str
    playbooks: Sequence[str]
    version: str


class Told(Struct, frozen=True, kw_only=True):
    """What became of a task, or of an item, on a host; without its payload."""

    host: str
    delegate: str | None
    turn: int
    item: str | None = None
    position: int | None = None
    attempt: int | None = None
    kind: ResultKind
    changed: bool
    ignored: bool = False
    seconds: float
    why: str
    censored: bool


def run_begun(run: str, told: Beginning, process: Process, at: float) -> Statement:
    """Say that a run does something."""
    return Statement(
        "INSERT INTO runs (id, started, command, folder, user, playbooks, machine, boot, pid,"
        " pid_started, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run, at, as_json(list(told.command)), told.folder, told.user),
            *(as_json(list(told.playbooks)), process.machine, process.boot),
            *(process.pid, process.started, told.version),
        ),
    )


def run_ended(run: str, code: int | None, at: float) -> Statement:
    """Say that it has ended."""
    return Statement("UPDATE runs SET ended = ?, code = ? WHERE id = ?", (at, code, run))


def task(run: str, number: int, play: str, batch: int, label: TaskLabel) -> Statement:
    """Say which task has that number."""
    origin = label.origin
    place = f"{origin.path}:{origin.line}" if origin is not None else ""
    return Statement(
        "INSERT INTO tasks (run, number, play, name, action, place, handler, identity, batch)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run, number, play, label.name, label.action, place, label.handler),
            *(label.identity, batch),
        ),
    )


def action_begins(run: str, number: int, action: ActionBegins, at: float) -> Statement:
    """Say that a host is about to be changed, by the task of that number."""
    of = action.attempt
    return Statement(
        "INSERT OR REPLACE INTO intents (run, task, host, turn, position, attempt, delegate, began)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run, number, action.host, of.turn, -1 if of.item is None else of.item),
            *(of.number, action.delegate, at),
        ),
    )


def result(run: str, number: int, told: Told, at: float) -> Statement:
    """Say what became of the task of that number.

    What it said and what followed, packed, are the last values.
    """
    return Statement(
        "INSERT INTO results (run, task, host, delegate, turn, item, position, attempt, kind,"
        " changed, ignored, ended, seconds, why, censored, payload, follows)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run, number, told.host, told.delegate, told.turn, told.item, told.position),
            *(told.attempt, told.kind, told.changed, told.ignored, at, told.seconds, told.why),
            told.censored,
        ),
    )
