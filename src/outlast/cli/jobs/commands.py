"""`outlast jobs`: what goes on in the background of the hosts, seen and ended.

Knows the commands, their options and what they say. Leaves finding jobs to `finding`, what
is done with them on the hosts to `doing`, how a job looks to `seen`, and the commands
that end something to `ending`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import click
from msgspec import Struct

from outlast.cli.aside import attended, say
from outlast.cli.jobs import doing, finding
from outlast.cli.jobs.asking import as_data, hosts_of, print_json, reaching, time_option
from outlast.cli.jobs.ending import cancel, prune
from outlast.cli.jobs.finding import Found, Look, Wanted
from outlast.cli.jobs.printing import Lines, Raw
from outlast.cli.jobs.reach import with_sessions
from outlast.cli.jobs.seen import Seen, as_json, described, remembered, said_state, show_jobs
from outlast.cli.own_command import FAILED
from outlast.cli.tables import lapse, printable
from outlast.errors import LedgerError
from outlast.ledger.ledger import Ledger
from outlast.ledger.records import OPEN_STATES
from outlast.settings import read_settings
from outlast.transport.sessions import Sessions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def jobs() -> None:  # \b is click's way to leave lines alone
    """See, follow and end background jobs, whoever started them.

    JID is a job's id as `outlast jobs list` shows it, or the beginning of one, or the job's own
    name (outlast_job). Jobs that this machine started are known; others are found with --remote,
    or with -i and --host.

    \b
    outlast jobs list                   what runs, as last learnt
    outlast jobs list --remote          ask the hosts
    outlast jobs logs -f j3097          follow a job's output
    outlast jobs cancel --run 1ngaf4    end all jobs of a run
    outlast jobs list -i hosts.ini      find jobs that were started elsewhere
    """


@jobs.result_callback()
def _through(code: object, **_options: object) -> object:
    """Tell the hook what is due: what this command has learnt, and what others left."""
    hook = read_settings(os.environ, str(Path.cwd())).job_hook
    if hook:
        from outlast.cli.jobs.hook import tell_what_is_due  # noqa: PLC0415  # few have a hook

        tell_what_is_due(hook, lambda text: say(f"warning: {text}"))
    return code


# -- list and show ---------------------------------------------------------------------------


@jobs.command(name="list")
@reaching
@click.option("--run", "run_id", metavar="ID", help="Only jobs of this run, the ended ones too.")
@click.option("-a", "--all", "ended", is_flag=True, help="Ended jobs, too.")
@click.option("--remote", is_flag=True, help="Ask the hosts, and so find jobs from elsewhere.")
@as_data
def list_(*, run_id: str | None, ended: bool, remote: bool, as_data: bool, **more: Any) -> int:
    """List the jobs that run.

    Shows what was last learnt of them. With --remote, or -i, the hosts are asked: those of the
    inventory, else all that the ledger knows.
    """
    hosts = hosts_of(more)
    remote, whole = remote or bool(hosts.asked.inventory), ended or run_id is not None
    with finding.opened(hosts) as ledger:
        states = None if whole or remote else OPEN_STATES
        records = finding.in_ledger(ledger, hosts, run=run_id, states=states)
        seen = Look(jobs=[remembered(record) for record in records])
        if remote:
            places = finding.worth_asking(ledger, hosts)
            seen = with_sessions(lambda sessions: finding.look(sessions, places, records))
            finding.note(ledger, seen.jobs)
    shown = [job for job in seen.jobs if whole or not job.over]
    if run_id is not None:
        shown = [job for job in shown if job.run is not None]
    if as_data:
        print_json(jobs=[as_json(job) for job in shown], unreachable=dict(seen.silent))
    else:
        _show_list(shown, seen.silent, remote=remote)
    return FAILED if seen.silent and not shown else 0


def _show_list(shown: Sequence[Seen], silent: Mapping[str, str], *, remote: bool) -> None:
    if shown:
        show_jobs(sys.stdout, shown)
    for host, why in silent.items():
        say(f"{host} could not be asked: {why}")
    if not shown and not silent:
        where = "on the hosts asked" if remote else "as far as the ledger knows"
        say(f"No job runs, {where}. --all shows ended ones{'' if remote else ', --remote asks'}.")
    elif shown and not remote and attended(sys.stdout):
        say("As last learnt; --remote asks the hosts.")


@jobs.command()
@reaching
@as_data
@click.argument("jid")
def show(*, jid: str, as_data: bool, **more: Any) -> int:
    """Show all that is known of a job.

    By its host's word, if it can be asked; else what was last learnt.
    """
    hosts = hosts_of(more)
    with finding.opened(hosts) as ledger:
        wanted = finding.wanted(ledger, [jid], hosts)
        shown = with_sessions(lambda sessions: _shown(sessions, wanted, ledger))
        finding.note(ledger, [shown.seen])
    if as_data:
        print_json(job=as_json(shown.seen), result=shown.result, unreachable=shown.silent)
        return 0
    for name, value in described(shown.seen, shown.result):
        click.echo(f"{name + ':':11}{printable(value)}")
    for host, why in shown.silent.items():
        say(f"{host} could not be asked, so this is what was last learnt: {why}")
    return 0


class Shown(Struct, frozen=True):
    """A job and its result so far, and why its host was not asked, if it was not."""

    seen: Seen
    result: Mapping[str, object]
    silent: Mapping[str, str]


async def _shown(sessions: Sessions, wanted: Wanted, ledger: Ledger) -> Shown:
    [found] = await finding.located(sessions, wanted)
    record = found.record
    if record is None:  # it was not named by its id
        with suppress(LedgerError):
            record = ledger.job(found.jid)
    there = await finding.look(sessions, [found.place], [record] if record else [])
    [seen] = [job for job in there.jobs if job.jid == found.jid]
    if there.silent:
        return Shown(seen, record.payload if record else {}, there.silent)
    session = await sessions.open(found.place.endpoint)
    return Shown(seen, await session.job_status(found.jid, found.place.async_dir), {})


# -- logs and wait ---------------------------------------------------------------------------


@jobs.command()
@reaching
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--stdout", "stream", flag_value="stdout", help="Only its stdout.")
@click.option("--stderr", "stream", flag_value="stderr", help="Only its stderr.")
@click.option("--json", "as_data", is_flag=True, help="Print JSON, an object for each line.")
@click.argument("jid")
def logs(*, jid: str, follow: bool, stream: str | None, as_data: bool, **more: Any) -> int:
    """Print a job's output, as it is or as it comes.

    Leaving (Ctrl-C) leaves the job alone. A connection that breaks is opened again.
    """
    printer: Raw | Lines = Lines() if as_data else Raw()
    hosts = hosts_of(more)
    with finding.opened(hosts) as ledger:
        wanted = finding.wanted(ledger, [jid], hosts)
        seen = with_sessions(
            lambda sessions: _read(sessions, wanted, stream or "both", printer, follow=follow)
        )
        finding.note(ledger, [seen] if seen else [])
    printer.end(seen)
    if follow and seen and not as_data:
        say(f"Job {seen.jid} on {seen.host}: {said_state(seen).text}")
    return 0


async def _read(
    sessions: Sessions, wanted: Wanted, stream: str, printer: Raw | Lines, *, follow: bool
) -> Seen | None:
    [found] = await finding.located(sessions, wanted)
    await doing.read_logs(sessions, found, stream=stream, follow=follow, write=printer.write)
    return await doing.state(sessions, found)


@jobs.command()
@reaching
@time_option("--timeout", "Give up after this time; the jobs go on.")
@as_data
@click.argument("jids", nargs=-1, required=True, metavar="JID...")
def wait(*, jids: tuple[str, ...], timeout: float | None, as_data: bool, **more: Any) -> int:
    """Wait until jobs have ended.

    The exit code is 0 if all of them ended well, else 1.
    """
    hosts = hosts_of(more)
    ends: list[Seen] = []
    missed: list[Found] = []

    def on_end(found: Found, seen: Seen | None) -> None:
        if seen is None or not seen.over:
            missed.append(found)
            return
        ends.append(seen)
        if not as_data:
            click.echo(f"{seen.jid}  {seen.host}  {said_state(seen).text}")

    with finding.opened(hosts) as ledger:
        wanted = finding.wanted(ledger, jids, hosts)
        in_time = with_sessions(lambda sessions: _wait(sessions, wanted, timeout, on_end))
        finding.note(ledger, ends)
    if as_data:
        print_json(jobs=[as_json(seen) for seen in ends], in_time=in_time)
    if not in_time:
        say(f"Not all ended within {lapse(timeout or 0)}; they go on.")
    for one in missed:
        say(f"How {one.jid} on {one.place.host} ended is not known: the host does not have it.")
    well = in_time and not missed and all(seen.well for seen in ends)
    return 0 if well else FAILED


OnEnd: TypeAlias = Callable[[Found, Seen | None], None]


async def _wait(sessions: Sessions, wanted: Wanted, patience: float | None, on_end: OnEnd) -> bool:
    found = await finding.located(sessions, wanted)
    deadline = asyncio.timeout(patience)
    try:
        async with deadline:
            await doing.wait_for(sessions, found, on_end=on_end)
    except TimeoutError:
        if not deadline.expired():  # somebody else's: a bug, not ours to hide
            raise
        return False
    return True


jobs.add_command(cancel)
jobs.add_command(prune)
