"""`outlast jobs cancel` and `prune`: the commands after which something is gone.

Knows when to ask before, and what is said after. Leaves which jobs are meant to `finding`,
and ending them to `doing`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from outlast.cli.aside import attended, say
from outlast.cli.jobs import doing, finding
from outlast.cli.jobs.asking import as_data, hosts_of, print_json, reaching, time_option
from outlast.cli.jobs.doing import Cancelled
from outlast.cli.jobs.finding import Choice, Found
from outlast.cli.jobs.hosts import Hosts
from outlast.cli.jobs.reach import with_sessions
from outlast.cli.own_command import FAILED
from outlast.cli.tables import lapse
from outlast.ledger.ledger import Ledger
from outlast.ledger.records import OPEN_STATES

_REMEMBERED = 1000


@click.command()
@reaching
@click.option("--run", "run_id", metavar="ID", help="All jobs of this run.")
@click.option("--name", metavar="GLOB", help="All jobs that, or whose task, are called so.")
@time_option("--grace", "Time it has to end itself before it is killed (its own; 2s).")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, whatever it is about.")
@as_data
@click.argument("jids", nargs=-1, metavar="[JID...]")
def cancel(
    *, jids: tuple[str, ...], yes: bool, grace: float | None, as_data: bool, **more: Any
) -> int:
    """End jobs, with all they have started; what they printed is kept.

    Without a JID: all that run and that --run, --host and --name mean together. Of jobs that
    were not started from here, only with -i.
    """
    run_id, name = more.pop("run_id"), more.pop("name")
    hosts = hosts_of(more)
    if not jids and run_id is None and name is None and hosts.asked.host is None:
        raise click.UsageError("Say which: a JID, or --run, --host or --name.")
    with finding.opened(hosts) as ledger:
        if jids:
            wanted = finding.wanted(ledger, jids, hosts)
            found = with_sessions(lambda sessions: finding.located(sessions, wanted))
        else:
            choice = Choice(run=run_id and ledger.run(run_id).id, name=name)
            found = _chosen(ledger, choice, hosts)
        _confirm([f"{one.jid} on {one.place.host}" for one in found], yes=yes, named=bool(jids))
        ends = with_sessions(lambda sessions: doing.cancel_all(sessions, found, grace=grace))
        finding.note(ledger, [end.seen for end in ends if end.seen])
    return _tell(ends, as_data=as_data)


def _chosen(ledger: Ledger, choice: Choice, hosts: Hosts) -> list[Found]:
    """Ask the hosts which of the jobs that are meant do run."""
    records = finding.in_ledger(
        *(ledger, hosts), run=choice.run, states=OPEN_STATES, limit=_REMEMBERED
    )
    places = finding.places_of(records, hosts)
    if hosts.asked.inventory:
        places += finding.worth_asking(ledger, hosts)
    found, seen = with_sessions(
        lambda sessions: finding.still_running(sessions, places, records, choice)
    )
    finding.note(ledger, seen.jobs)
    for host, why in seen.silent.items():
        say(f"{host} could not be asked: {why}")
    return [one for one in found if hosts.asked.inventory or one.record]


def _confirm(what: Sequence[str], *, yes: bool, named: bool) -> None:
    """Have a person agree to ending more than one job; a script says so beforehand."""
    if yes or not what or (named and len(what) == 1):
        return
    if attended(sys.stdin, sys.stderr):
        if len(what) > 1:
            for one in what:
                say(f"  {one}")
            click.confirm(f"Cancel these {len(what)} jobs?", abort=True, err=True)
    elif not named:
        many = "1 job" if len(what) == 1 else f"{len(what)} jobs"
        raise click.UsageError(f"This would cancel {many}; say -y to have it done.")


def _tell(ends: Sequence[Cancelled], *, as_data: bool) -> int:
    if as_data:
        rows = [
            {"jid": end.jid, "host": end.host, "state": end.state, "msg": end.msg} for end in ends
        ]
        print_json(jobs=rows)
    elif not ends:
        say("Nothing to cancel: no such job runs.")
    else:
        for end in ends:
            word = {"cancelled": "cancelled", "ended": "had ended"}.get(end.state, end.msg)
            click.echo(f"{end.jid}  {end.host}  {word}")
    return 0 if all(end.state in ("cancelled", "ended") for end in ends) else FAILED


@click.command()
@reaching
@time_option("--older-than", "Only what ended so long ago (7d).", "7d")
@click.option("--keep", type=click.IntRange(min=0), default=0, help="But the latest so many.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@as_data
def prune(*, older_than: float, keep: int, yes: bool, as_data: bool, **more: Any) -> int:
    """Remove what ended jobs have left on hosts.

    Results and output, of all hosts that the ledger knows or those of -i. What runs is not
    touched.
    """
    hosts = hosts_of(more)
    with finding.opened(hosts) as ledger:
        places = finding.worth_asking(ledger, hosts)
    names = sorted({place.host for place in places})
    if not names:
        say("There is no host to clear: the ledger knows none, and -i names none.")
        return 0
    if not yes and attended(sys.stdin, sys.stderr):
        say(f"On {', '.join(names)}:")
        question = f"Remove all that jobs left which ended more than {lapse(older_than)} ago?"
        click.confirm(question, abort=True, err=True)
    answers = with_sessions(
        lambda sessions: doing.prune_all(sessions, places, older_than=older_than, keep=keep)
    )
    removed = [
        {"jid": jid, "host": host} for (host, _, _), jids in answers.said.items() for jid in jids
    ]
    if as_data:
        print_json(removed=removed, unreachable=answers.silent)
    else:
        for one in removed:
            click.echo(f"{one['jid']}  {one['host']}  removed")
        if not removed:
            say("Nothing to remove.")
    for host, why in answers.silent.items():
        say(f"{host} could not be asked: {why}")
    return FAILED if answers.silent else 0
