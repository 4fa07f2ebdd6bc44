"""One job as it is shown: what the ledger remembers, or better, what its host says.

Knows how the two are made one, what people are told of a state, and the JSON that programs
get. Leaves asking hosts to `finding`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from msgspec import Struct
from msgspec.structs import asdict, replace

from outlast.cli.tables import Cell, lapse, write_table
from outlast.job import JobState
from outlast.jobs import JobSummary
from outlast.ledger.records import JobRecord

_MARGIN = 60.0
"""Seconds after its limit that a job may take to be ended."""
_ENDS = {
    "limit": "out of time",
    "idle": "silent too long",
    "cancelled": "cancelled",
    "out_of_memory": "out of memory",
    "lost": "lost",
}


class Seen(Struct, frozen=True, kw_only=True):
    """A job; the fields are those of `--json`, and so a promise."""

    jid: str
    host: str
    run: str | None
    """The run that started it; None: it was not started from here."""
    task: str
    state: JobState
    cause: str
    rc: int | None
    user: str
    started: float
    ended: float | None
    limit: float
    async_dir: str
    last_line: str
    output_bytes: int | None
    asked: bool
    """The host has just said so; else it is what was last learnt of it."""
    label: str = ""
    """`outlast_job`: its own name; only its host knows it."""

    @property
    def over(self) -> bool:
        """Tell whether it has ended, as far as is known."""
        return self.state not in ("intended", "running", "presumed", "unknown")

    @property
    def well(self) -> bool:
        """Tell whether it came to the end it was meant to have."""
        return self.over and self.state != "lost" and self.cause in ("", "exited")

    @property
    def bad(self) -> bool:
        """Tell whether it came to no good end; a cancelled one came to the end it was given."""
        return self.over and not self.well and self.cause != "cancelled"


def remembered(record: JobRecord, now: float | None = None) -> Seen:
    """Give a job as the ledger knows it; that it runs is not said when its time is long over."""
    seen = _recorded(record)
    late = (time.time() if now is None else now) - seen.started - seen.limit
    if seen.state != "running" or not seen.limit or late < _MARGIN:
        return seen
    return replace(seen, state="unknown", cause="its time is over")


def _recorded(record: JobRecord) -> Seen:
    return Seen(
        jid=record.jid,
        host=record.host,
        run=record.run,
        task=record.task,
        state=record.state,
        cause=record.cause,
        rc=record.rc,
        user="",
        started=record.started,
        ended=record.ended,
        limit=record.limit,
        async_dir=record.async_dir,
        last_line="",
        output_bytes=None,
        asked=False,
    )


def told(summary: JobSummary, host: str, async_dir: str, record: JobRecord | None = None) -> Seen:
    """Give a job as its host knows it; the ledger adds which run it belongs to.

    Times are by the clock here where it is known when the job began: hosts' clocks may be off.
    """
    ahead = summary.started - record.started if record else 0.0
    return Seen(
        jid=summary.jid,
        host=host,
        run=record.run if record else None,
        task=summary.name or (record.task if record else ""),
        state=_state(summary, record),
        cause=summary.cause,
        rc=summary.rc,
        user=summary.user,
        started=summary.started - ahead,
        ended=None if summary.ended is None else summary.ended - ahead,
        limit=summary.limit,
        async_dir=async_dir,
        last_line=summary.last_line,
        output_bytes=summary.output_bytes,
        asked=True,
        label=summary.label,
    )


def gone(record: JobRecord) -> Seen:
    """Give a job whose host no longer has it: cleaned up, so somebody has taken its result."""
    seen = replace(_recorded(record), asked=True)
    return seen if seen.over else replace(seen, state="unknown", cause="not on the host")


def _state(summary: JobSummary, record: JobRecord | None) -> JobState:
    """Give the ledger's word for what a host says."""
    if summary.state == "running":
        return "running"
    if record is not None and record.state == "joined":
        return "joined"  # that a playbook was told of its end, the host does not know
    if summary.cause == "lost":
        return "lost"
    return "ended" if summary.cause in ("", "exited") else "failed"


def said_state(seen: Seen) -> Cell:
    """Say in a word or two how a job stands."""
    match seen.state:
        case "running":
            return Cell("running", "busy")
        case "intended":
            return Cell("starting?", "dim")
        case "presumed":
            return Cell("presumed running", "busy")
        case "unknown":
            return Cell(f"unknown ({seen.cause})" if seen.cause else "unknown", "dim")
        case _ if seen.well:
            return Cell("done", "good")
    text = _ENDS.get(seen.cause) or "failed"
    if seen.rc and text == "failed":
        text += f" (rc {seen.rc})" if seen.rc > 0 else f" (signal {-seen.rc})"
    return Cell(text, "bad" if seen.bad else "dim")


def said_time(seen: Seen, now: float) -> str:
    """Say how long it took, or has been at it, and how long it may."""
    if seen.over:
        return lapse(seen.ended - seen.started) if seen.ended else ""
    limit = f" of {lapse(seen.limit)}" if seen.limit else ""
    return f"{lapse(now - seen.started)}{limit}"


def show_jobs(stream: TextIO, jobs: Sequence[Seen], *, with_run: bool = True) -> None:
    """Write a table of *jobs*; what hosts said last stands in it when they were asked."""
    now = time.time()
    with_line = any(seen.asked for seen in jobs)
    titles = ["JOB", "HOST", "STATE", "TIME", "STARTED", "RUN", "TASK", "LAST LINE"]
    left_out = {name for name, shown in (("RUN", with_run), ("LAST LINE", with_line)) if not shown}
    kept = [number for number, title in enumerate(titles) if title not in left_out]
    rows = [[_row(seen, now)[number] for number in kept] for seen in jobs]
    write_table(stream, [titles[number] for number in kept], rows)


def _row(seen: Seen, now: float) -> list[Cell]:
    return [
        Cell(seen.jid),
        Cell(seen.host),
        said_state(seen),
        Cell(said_time(seen, now)),
        Cell(f"{lapse(now - seen.started)} ago"),
        Cell(seen.run or "-", "dim"),
        Cell(seen.task or "-"),
        Cell(seen.last_line, "dim"),
    ]


def described(seen: Seen, result: Mapping[str, object]) -> list[tuple[str, str]]:
    """Give the lines of all that is known of a job, name by name."""
    now = time.time()
    began = time.strftime("%F %T", time.localtime(seen.started))
    facts = {
        "job": seen.jid,
        "name": seen.label,
        "host": f"{seen.host}{f' (as {seen.user})' if seen.user else ''}",
        "task": seen.task or "-",
        "run": seen.run or "- (not started from here)",
        "state": said_state(seen).text,
        "started": f"{began} ({lapse(now - seen.started)} ago)",
        "time": said_time(seen, now),
        "folder": seen.async_dir,
        "output": "" if seen.output_bytes is None else f"{seen.output_bytes} bytes",
        "last line": seen.last_line,
        "message": str(result.get("msg") or ""),
    }
    return [(name, value) for name, value in facts.items() if value]


def as_json(seen: Seen) -> dict[str, object]:
    """Give what `--json` says of a job."""
    return asdict(seen)
