"""What the ledger holds, as whoever reads it gets it.

Knows the records and what their fields promise. Leaves how they are stored to `schema`, and
asking for them to `ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from outlast.job import JobState

RunState: TypeAlias = Literal["running", "ended", "died", "elsewhere"]
ResultKind: TypeAlias = Literal["ok", "failed", "skipped", "unreachable"]

OPEN_STATES: tuple[JobState, ...] = ("intended", "running", "presumed", "unknown")
"""States of jobs that may still be at work on their host."""


class RunRecord(Struct, frozen=True, kw_only=True):
    """One invocation that had something to do."""

    id: str
    """Short, and later runs' ids sort after earlier ones' (to the second)."""
    state: RunState
    """`died`: its process is gone and left no end. `elsewhere`: it has no end, and began on
    another machine, of which nothing can be known here."""
    started: float
    ended: float | None
    """Seconds since 1970, as all times here."""
    code: int | None
    """The exit code; None also for a run that ended before it could be known."""
    command: tuple[str, ...]
    """The command line as it can be shown: values of extra variables are not kept."""
    folder: str
    user: str
    playbooks: tuple[str, ...]
    machine: str
    pid: int
    version: str
    """Of Outlast."""


class ResultRecord(Struct, frozen=True, kw_only=True):
    """What became of one task, or of one item of its loop, on one host."""

    run: str
    host: str
    delegate: str | None
    play: str
    task: str
    action: str
    place: str
    """`file:line`; empty for tasks that are written nowhere."""
    handler: bool
    identity: str
    """The task's, the same in every run of the same files; empty in what an older release wrote."""
    batch: int
    """Which of the play's batches the host was in."""
    turn: int
    """How often the host had begun the task before: handlers may be asked for again."""
    item: str | None
    """The item's label as JSON; None: the task as a whole."""
    position: int | None
    """The item's place in the loop: labels may be alike."""
    attempt: int | None
    """An attempt that was followed by another, from 1; None: what it came to in the end."""
    kind: ResultKind
    changed: bool
    ignored: bool
    ended: float
    seconds: float
    why: str
    """The explanation of a failure, as one sentence."""
    payload: Mapping[str, object]
    """What the module said, facts too; of a loop's whole, the items stand in records of their
    own."""
    censored: bool
    """It ran under no_log: of the payload and of what followed nothing is kept."""
    follows: Mapping[str, object]
    """What it changed in the run, of these what there is: `effects` and `growth`, each a mapping
    whose `is` names it and whose other keys are its fields; `delegate_facts`; `notified`, the
    handlers; `register`, a name, and `registered`, if that is not what the payload says;
    `shown`, if that is not as usual."""


class IntentRecord(Struct, frozen=True, kw_only=True):
    """An action that was about to change a host, of which no outcome is known."""

    run: str
    host: str
    delegate: str | None
    play: str
    task: str
    action: str
    place: str
    identity: str
    batch: int
    turn: int
    position: int | None
    attempt: int
    began: float


class JobRecord(Struct, frozen=True, kw_only=True):
    """A background job, as far as it is known here; its host knows better."""

    jid: str
    """The controller's part alone while it is not known to have started."""
    run: str | None
    """None: it was not started from here."""
    host: str
    task: str
    """Empty under no_log."""
    identity: str = ""
    """Of the task, as in its results; with `turn`, `position` and `attempt` it says which of them
    is this job's."""
    turn: int = 0
    position: int | None = None
    attempt: int = 1
    state: JobState
    cause: str
    started: float
    """When it was intended, for one that is not known to have started."""
    ended: float | None
    learnt: float
    """When the state was learnt."""
    limit: float
    async_dir: str
    endpoint: Mapping[str, object]
    """How its host was reached: `transport.endpoint_record.restored` makes an endpoint of it."""
    payload: Mapping[str, object]
    """What was noted of its result; empty: nothing was."""
    rc: int | None = None
    """Its exit code, if anybody has said so."""
