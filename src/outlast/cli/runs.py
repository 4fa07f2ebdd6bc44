"""`outlast runs`: what runs there were, and what came of them.

Knows the commands and what they say. Leaves the history to the ledger.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import click
from msgspec.structs import asdict

from outlast.cli.aside import say
from outlast.cli.jobs.asking import as_data, print_json
from outlast.cli.jobs.seen import as_json, remembered, show_jobs
from outlast.cli.tables import Cell, Row, lapse, printable, write_table
from outlast.ledger.ledger import Ledger
from outlast.ledger.records import IntentRecord, ResultRecord, RunRecord

_KINDS = ("ok", "changed", "unreachable", "failed", "skipped", "ignored")
_ENDS = {0: "ok", 2: "failed", 4: "unreachable", 6: "failed", 99: "interrupted"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def runs() -> None:
    """See what runs there were, and what came of them.

    ID is a run's id as `outlast runs list` shows it, the beginning of one, or its end.
    """


@runs.command(name="list")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, help="So many (20).")
@as_data
def list_(*, limit: int, as_data: bool) -> int:
    """List the last runs, the latest first."""
    with Ledger.open() as ledger:
        found = ledger.runs(limit)
    if as_data:
        print_json(runs=[asdict(record) for record in found])
    elif found:
        write_table(sys.stdout, ["RUN", "STATE", "STARTED", "TIME", "PLAYBOOKS"], _rows(found))
    else:
        say("No run is known. Runs that reach a task are.")
    return 0


def _rows(found: Sequence[RunRecord]) -> list[Row]:
    now = time.time()
    return [
        [
            *(Cell(record.id), _state(record), Cell(f"{lapse(now - record.started)} ago")),
            *(Cell(_took(record, now)), Cell(", ".join(_names(record)))),
        ]
        for record in found
    ]


def _state(record: RunRecord) -> Cell:
    match record.state:
        case "running":
            return Cell("running", "busy")
        case "died":
            return Cell("died", "bad")
        case "elsewhere":
            return Cell(f"unknown (on {record.machine})", "dim")
    if record.code is None:
        return Cell("ended", "dim")
    word = _ENDS.get(record.code, f"error (code {record.code})")
    return Cell(word, "bad" if record.code else "good")


def _took(record: RunRecord, now: float) -> str:
    if record.ended is not None:
        return lapse(record.ended - record.started)
    return lapse(now - record.started) if record.state == "running" else "-"


def _names(record: RunRecord) -> list[str]:
    return [PurePath(playbook).name for playbook in record.playbooks]


@runs.command()
@click.option("--host", metavar="HOST", help="Every task of this host.")
@as_data
@click.argument("id", metavar="ID")
def show(*, id: str, host: str | None, as_data: bool) -> int:  # noqa: A002  # as it is called in the help
    """Show a run: what came of it per host, what failed, and its jobs."""
    with Ledger.open() as ledger:
        record = ledger.run(id)
        results = ledger.results(record.id, host)
        unfinished = ledger.unfinished(record.id, host)
        jobs = [remembered(job) for job in ledger.jobs(run=record.id, host=host)]
    if as_data:
        print_json(
            run=asdict(record),
            results=[asdict(result) for result in results],
            jobs=[as_json(job) for job in jobs],
            unfinished=[asdict(one) for one in unfinished],
        )
        return 0
    _describe(record)
    if host is None:
        _tally(results)
        _failures(results)
    else:
        _tasks(results)
    _begun(unfinished)
    if jobs:
        click.echo("\nJobs, as last learnt:")
        show_jobs(sys.stdout, jobs)
    if host is not None and not (results or jobs or unfinished):
        say(f"Nothing is known of {host} in this run.")
    return 0


def _describe(record: RunRecord) -> None:
    now = time.time()
    began = time.strftime("%F %T", time.localtime(record.started))
    code = "" if record.code is None else f" (code {record.code})"
    facts = {
        "run": record.id,
        "state": f"{_state(record).text}{code if record.code in _ENDS else ''}",
        "started": f"{began} ({lapse(now - record.started)} ago)",
        "time": _took(record, now),
        "command": " ".join(record.command),
        "folder": record.folder,
        "by": f"{record.user} on {record.machine}, process {record.pid}",
    }
    for name, value in facts.items():
        click.echo(f"{name + ':':9}{printable(value)}")


def _tally(results: Sequence[ResultRecord]) -> None:
    """Write per host how many tasks came to what; loops count once, as in the recap."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        if result.item is None and result.attempt is None:
            counts.setdefault(result.host, Counter()).update(_counted(result))
    if not counts:
        return
    click.echo()
    rows: list[Row] = []
    for host, count in sorted(counts.items()):
        moods = {"unreachable": "bad", "failed": "bad", "changed": "busy"}
        cells = (
            Cell(str(count[kind]), moods.get(kind, "") if count[kind] else "dim") for kind in _KINDS
        )
        rows.append([Cell(host), *cells])
    write_table(sys.stdout, ["HOST", *(kind.upper() for kind in _KINDS)], rows)


def _counted(result: ResultRecord) -> list[str]:
    if result.ignored:
        return ["ok", "ignored"] + ["changed"] * result.changed
    return [result.kind] + ["changed"] * (result.changed and result.kind == "ok")


def _failures(results: Sequence[ResultRecord]) -> None:
    bad = [one for one in results if one.kind in ("failed", "unreachable") and not one.ignored]
    for result in bad:
        if result.attempt is not None:
            continue  # another one followed
        place = f" at {result.place}" if result.place else ""
        item = f" (item={result.item})" if result.item is not None else ""
        click.echo(
            f"\n{printable(result.host)}: {result.kind} in [{printable(result.task)}]{place}"
        )
        said = result.why or str(result.payload.get("msg") or "")
        click.echo(f"  {printable(said)}{printable(item)}")


def _tasks(results: Sequence[ResultRecord]) -> None:
    if not results:
        return
    click.echo()
    rows = [
        [
            Cell(*_kind(result)),
            Cell(f"{result.seconds:.1f}s"),
            Cell(result.task + _part(result)),
            Cell(result.why, "dim"),
        ]
        for result in results
    ]
    write_table(sys.stdout, ["RESULT", "TIME", "TASK", "WHY"], rows)


def _part(result: ResultRecord) -> str:
    """Say which part of the task a record is of, if it is not the whole."""
    if result.attempt is not None:
        return _which(result.position, result.attempt)
    return "" if result.item is None else f" (item={result.item})"


def _which(position: int | None, attempt: int) -> str:
    item = "" if position is None else f"item {position + 1}, "
    return f" ({item}attempt {attempt})"


def _begun(unfinished: Sequence[IntentRecord]) -> None:
    """Write what hosts were about to do and nobody has told the end of."""
    if not unfinished:
        return
    click.echo("\nBegun, and no outcome is known:")
    now = time.time()
    rows: list[Row] = [
        [
            *(Cell(one.host), Cell(f"{lapse(now - one.began)} ago")),
            *(Cell(one.task + _which(one.position, one.attempt)), Cell(one.place, "dim")),
        ]
        for one in unfinished
    ]
    write_table(sys.stdout, ["HOST", "BEGUN", "TASK", "PLACE"], rows)


def _kind(result: ResultRecord) -> tuple[str, str]:
    if result.attempt is not None:
        return (f"{result.kind}, again", "dim")
    if result.kind == "ok":
        return ("changed", "busy") if result.changed else ("ok", "good")
    if result.kind == "skipped":
        return ("skipped", "dim")
    return (f"{result.kind}, ignored", "dim") if result.ignored else (result.kind, "bad")
