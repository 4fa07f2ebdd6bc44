"""Finding jobs: by what the ledger remembers, or on the hosts themselves.

Knows which places are worth asking, and what to say when a job is not where it was looked
for. Leaves reaching the places to `reach`, and showing jobs to `seen`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from outlast.cli.jobs.hosts import Hosts
from outlast.cli.jobs.reach import Place, ask_all
from outlast.cli.jobs.seen import Seen, gone, remembered, told
from outlast.errors import LedgerError, OutlastError
from outlast.job import JobState
from outlast.jobs import JobSummary, list_jobs
from outlast.ledger.ledger import Ledger
from outlast.ledger.records import JobRecord
from outlast.session import Session
from outlast.transport.endpoint_record import restored
from outlast.transport.sessions import Sessions

_ID = re.compile(r"j?[0-9]*(\.[0-9]*)?")
_REMEMBERED = 1000
"""Jobs of the ledger whose hosts are asked by `--remote`."""


class Found(Struct, frozen=True, kw_only=True):
    """A job and where it is."""

    jid: str
    place: Place
    record: JobRecord | None = None


class Look(Struct, frozen=True, kw_only=True):
    """What asking hosts came to."""

    jobs: list[Seen]
    silent: Mapping[str, str] = {}
    """Host to why it did not answer."""
    places: Mapping[str, Place] = {}
    """Where the jobs are that a host has told of, by their ids."""


# -- in the ledger ---------------------------------------------------------------------------


def opened(hosts: Hosts) -> Ledger:
    """Open the ledger; ends that are noted in it are told to the hook, if there is one."""
    return Ledger.open(heed=bool(hosts.settings.job_hook))


def matches(hosts: Hosts) -> Callable[[str], bool]:
    """Give the test for host names that `--host` is: an inventory's pattern, else a glob."""
    pattern = hosts.asked.host
    if pattern is None:
        return lambda _name: True
    if hosts.asked.inventory:
        return set(hosts.names(pattern)).__contains__
    globs = pattern.replace(":", ",").split(",")
    return lambda name: any(fnmatchcase(name, glob.strip()) for glob in globs)


def in_ledger(
    ledger: Ledger,
    hosts: Hosts,
    *,
    run: str | None = None,
    states: Sequence[JobState] | None = None,
    limit: int = 200,
) -> list[JobRecord]:
    """Give what the ledger has of jobs; *run* may be the beginning of an id."""
    whole = ledger.run(run).id if run else None
    wanted = matches(hosts)
    jobs = [job for job in ledger.jobs(run=whole, states=states, limit=limit) if wanted(job.host)]
    # A run that found its named job there already has a record of it, too; the first is its own.
    return list({(job.jid, job.host): job for job in jobs}.values())


def recorded_place(record: JobRecord, hosts: Hosts) -> Place:
    """Give where a job of the ledger is; an inventory that was named beats what is recorded.

    Raises `OutlastError` when nobody knows how to get there.
    """
    if record.endpoint and not hosts.asked.inventory:
        return Place(
            host=record.host,
            endpoint=restored(record.endpoint, become_password=hosts.asked.become_password),
            async_dir=record.async_dir or hosts.settings.async_dir,
        )
    identity = restored(record.endpoint).identity if record.endpoint else None
    place = hosts.place_as(record.host, identity)
    if place is None:
        raise OutlastError(
            f"Nobody knows how {record.host} is reached.",
            help_text=f"Name an inventory that has {record.host}, with -i.",
        )
    return replace(place, async_dir=record.async_dir or place.async_dir)


def known(ledger: Ledger, prefix: str, hosts: Hosts) -> Found | None:
    """Give the job whose id begins with *prefix*, None when it must be looked for on hosts.

    What is no id may be a job's own name, which only its host knows. Raises `LedgerError` when it
    is not known and no host was named, or when several are; `OutlastError` when it is on another
    host than the one named.
    """
    try:
        record = ledger.job(prefix)
    except LedgerError:
        if hosts.asked.inventory or hosts.asked.host or not _ID.fullmatch(prefix):
            return None
        raise
    if not matches(hosts)(record.host):
        raise OutlastError(
            f"Job {record.jid} is on {record.host}, not on {hosts.asked.host}.",
            help_text=f"Leave --host out, or say --host {record.host}.",
        )
    return Found(jid=record.jid, place=recorded_place(record, hosts), record=record)


class Choice(Struct, frozen=True, kw_only=True):
    """Which of the jobs that run are meant, besides by their host."""

    run: str | None = None
    """The id of a run."""
    name: str | None = None
    """A glob for the task's name, or the job's own."""

    def means(self, seen: Seen) -> bool:
        """Tell whether a job is meant."""
        of_run = self.run is None or seen.run == self.run
        return of_run and (self.name is None or self._is_called(seen))

    def _is_called(self, seen: Seen) -> bool:
        names = (seen.task, seen.label) if seen.label else (seen.task,)
        return any(fnmatchcase(name, self.name or "") for name in names)


async def still_running(
    sessions: Sessions, places: Sequence[Place], records: Sequence[JobRecord], choice: Choice
) -> tuple[list[Found], Look]:
    """Ask which of the jobs that *choice* means run; gives them and all that was said."""
    seen = await look(sessions, places, records)
    by_jid = {record.jid: record for record in records}
    found = [
        Found(
            jid=job.jid,
            place=seen.places[job.jid],
            record=by_jid.get(job.jid),
        )
        for job in seen.jobs
        if job.asked and job.state == "running" and choice.means(job)
    ]
    return found, seen


class Wanted(Struct, frozen=True, kw_only=True):
    """Jobs that were named: those that are known, and those to be looked for, and where."""

    known: list[Found]
    prefixes: list[str]
    places: list[Place]
    elsewhere: list[Place]
    """Hosts of the inventory that `--host` leaves out: a wrong one is told the right one."""


def wanted(ledger: Ledger, prefixes: Sequence[str], hosts: Hosts) -> Wanted:
    """Sort out which of the jobs that were named are known; raises as `known`."""
    sorted_out = Wanted(known=[], prefixes=[], places=[], elsewhere=[])
    strange = False
    for prefix in dict.fromkeys(prefixes):
        found = known(ledger, prefix, hosts)
        if found is None:
            sorted_out.prefixes.append(prefix)
            strange = True
        elif "." in found.jid:
            sorted_out.known.append(found)
        else:  # its start was never answered: if there is such a job, its host knows the whole id
            sorted_out.prefixes.append(found.jid)
            sorted_out.places.append(found.place)
    if strange:
        sorted_out.places.extend(worth_asking(ledger, hosts))
    if strange and hosts.asked.host and hosts.asked.inventory:
        sorted_out.elsewhere.extend(hosts.places())
    return sorted_out


async def located(sessions: Sessions, jobs: Wanted) -> list[Found]:
    """Give where all of *jobs* are; raises `OutlastError` for one that is nowhere."""
    more = []
    for prefix in jobs.prefixes:
        try:
            more.append(await found_on_hosts(sessions, prefix, jobs.places))
        except NoSuchJob:
            if jobs.elsewhere:
                await _say_where(sessions, prefix, jobs.elsewhere)
            raise
    return list({(one.place.host, one.jid): one for one in [*jobs.known, *more]}.values())


async def _say_where(sessions: Sessions, prefix: str, places: Sequence[Place]) -> None:
    """Raise that a job is on another host than the one named, if it is."""
    try:
        found = await found_on_hosts(sessions, prefix, places)
    except NoSuchJob:
        return
    raise OutlastError(
        f"Job {found.jid} is on {found.place.host}.",
        help_text=f"Leave --host out, or say --host {found.place.host}.",
    )


class NoSuchJob(OutlastError):
    """No host that was asked has a job of that id."""


def note(ledger: Ledger, jobs: Iterable[Seen]) -> None:
    """Have the ledger remember what hosts said about jobs that it knows."""
    for seen in jobs:
        if seen.asked and seen.run is not None:
            ended = seen.ended if seen.over else None
            ledger.note_job(*(seen.jid, seen.host, seen.state, seen.cause), ended=ended, rc=seen.rc)


# -- on the hosts ----------------------------------------------------------------------------


def worth_asking(ledger: Ledger, hosts: Hosts) -> list[Place]:
    """Give the places `--remote` means: those of `-i`; else all the ledger and settings know."""
    if hosts.asked.inventory:
        return hosts.places(hosts.asked.host)
    wanted = matches(hosts)
    records = [job for job in ledger.jobs(limit=_REMEMBERED) if job.endpoint and wanted(job.host)]
    places = places_of(records, hosts)
    return [*places, *hosts.places(hosts.asked.host)]


def places_of(records: Iterable[JobRecord], hosts: Hosts) -> list[Place]:
    """Give each place that *records* name once."""
    places: dict[tuple[str, str, str], Place] = {}
    for record in records:
        with suppress(OutlastError):  # how it was reached is not known: then it is not asked
            place = recorded_place(record, hosts)
            places.setdefault(place.key, place)
    return list(places.values())


async def look(sessions: Sessions, places: Sequence[Place], records: Sequence[JobRecord]) -> Look:
    """Ask *places* for their jobs; *records* say which run they belong to, and are missed."""
    answers = await ask_all(sessions, places, _jobs_there)
    by_key = {place.key: place for place in places}
    by_jid = {record.jid: record for record in records}
    jobs: dict[str, Seen] = {}
    where: dict[str, Place] = {}
    # A host may have several names, and a spool several spellings: a job is shown once.
    for key, summaries in answers.said.items():
        for summary in summaries:
            # A host adds to the id it is given; what was never answered is known by the first part.
            record = by_jid.get(summary.jid) or by_jid.get(summary.jid.partition(".")[0])
            if summary.jid not in jobs or (record and record.host == key[0]):
                place = where[summary.jid] = by_key[key]
                jobs[summary.jid] = told(summary, place.host, place.async_dir, record)
    known = {jid.partition(".")[0] for jid in jobs} | jobs.keys()
    for record in records:
        if record.jid not in known:
            heard = bool(record.endpoint) and _spool(record) in answers.said
            jobs[record.jid] = gone(record) if heard else remembered(record)
    latest_first = sorted(jobs.values(), key=lambda seen: seen.started, reverse=True)
    return Look(jobs=latest_first, silent=answers.silent, places=where)


def _spool(record: JobRecord) -> tuple[str, str, str]:
    """Give the key of the place that a job is in; see `Place.key`."""
    identity = restored(record.endpoint).identity
    return (record.host, identity.user if identity else "", record.async_dir)


async def _jobs_there(session: Session, place: Place) -> list[JobSummary]:
    return await list_jobs(session, place.async_dir)


async def found_on_hosts(sessions: Sessions, prefix: str, places: Sequence[Place]) -> Found:
    """Look for the one job whose id begins with *prefix*; raises `OutlastError` for none or many.

    A job's own name does as well. A host that does not answer is named: the job may be there.
    """
    answers = await ask_all(sessions, places, _jobs_there)
    by_key = {place.key: place for place in places}
    found: dict[str, Found] = {}
    for key, summaries in answers.said.items():
        for summary in summaries:
            if summary.jid.startswith(prefix) or summary.label == prefix:
                found.setdefault(summary.jid, Found(jid=summary.jid, place=by_key[key]))
    match [found[prefix]] if prefix in found else list(found.values()):
        case [one]:
            return one
        case []:
            raise _nowhere(prefix, places, answers.silent)
    several = ", ".join(f"{one.jid} on {one.place.host}" for one in list(found.values())[:5])
    raise OutlastError(f"There are {len(found)} jobs for {prefix!r}: {several}.")


def _nowhere(prefix: str, places: Sequence[Place], silent: Mapping[str, str]) -> NoSuchJob:
    hosts = list(dict.fromkeys(place.host for place in places))
    if not hosts:
        return NoSuchJob(
            f"There is no job {prefix!r} in the ledger, and no host to look for it on.",
            help_text="Name an inventory with -i, or a host with --host.",
        )
    away = "".join(f" {host} could not be asked: {why}." for host, why in silent.items())
    users = "Jobs of a become user are found with -b or --become-user."
    return NoSuchJob(
        f"There is no job {prefix!r} in the ledger, nor on {', '.join(hosts[:10])}.{away}",
        help_text=users,
    )
