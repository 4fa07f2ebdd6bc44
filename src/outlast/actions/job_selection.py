"""Which jobs a task means, and where they are.

Knows the ways to name jobs: an id, what a start has registered, a job's or a task's name, a
list of these. Leaves which jobs there are to `call.RunJobs`, and what is done with them to
the actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct, field

from outlast.actions.job_places import elsewhere
from outlast.call import Call
from outlast.errors import Refused
from outlast.job import RunJob
from outlast.jobs import Reopen
from outlast.playbook.keywords import did_you_mean
from outlast.values import is_list

_JID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\.\d{1,10}")
_LISTS: Final = ("results", "jobs")
"""Where the result of a loop, and those of our own actions, have their jobs."""


class Chosen(Struct, frozen=True):
    """A job that is meant."""

    jid: str
    job: RunJob | None = None
    """What this run knows of it, if it started it."""

    @property
    def name(self) -> str:
        """What the job is called, if anything."""
        return self.job.intent.name if self.job else ""

    @property
    def task(self) -> str:
        """The task that started it; empty under no_log."""
        return self.job.intent.task if self.job else ""

    def __str__(self) -> str:
        called = self.name or self.task
        return f"{self.jid} ({called})" if called else self.jid


def chosen(call: Call, wanted: object) -> list[Chosen]:
    """Give the jobs that *wanted* names, each once, in order; raises `Refused`."""
    return list({one.jid: one for one in _named(call, wanted)}.values())


def of_this_run(call: Call, *, told: bool) -> list[Chosen]:
    """Give the run's jobs for the host of *call*; not *told*: whose end no task was told."""
    jobs = call.jobs.of(call.host)
    return [Chosen(job.jid, job) for job in jobs if told or not job.told]


def _named(call: Call, wanted: object) -> Iterator[Chosen]:
    if isinstance(wanted, str):
        yield from _called(call, wanted)
    elif is_list(wanted):
        for one in wanted:
            yield from _named(call, one)
    elif isinstance(wanted, Mapping):
        yield from _registered(call, wanted)
    else:
        raise Refused(f"{wanted!r} names no job: neither an id, a name, nor what a start gave.")


def _registered(call: Call, result: Mapping[str, object]) -> Iterator[Chosen]:
    if "ansible_job_id" in result:
        yield _by_id(call, str(result["ansible_job_id"]))
        return
    within = next((result[key] for key in _LISTS if is_list(result.get(key))), None)
    if within is not None:
        yield from _named(call, within)
    elif not result.get("skipped"):
        raise Refused("What was registered holds no job: it has no ansible_job_id.")


def _called(call: Call, word: str) -> Iterator[Chosen]:
    if call.jobs.find(word) is not None:
        yield _by_id(call, word)
        return
    jobs = call.jobs.of(call.host)
    found = [job for job in jobs if word in _names(job)]
    if found:
        yield from (Chosen(job.jid, job) for job in found)
    elif _JID.fullmatch(word):
        yield Chosen(word)
    else:
        known = {name for job in jobs for name in _names(job)}
        helped = did_you_mean(word, sorted(known))
        told = f"This run has started no job {word!r} for {call.host}."
        raise Refused(f"{told} {helped}".rstrip())


def _names(job: RunJob) -> set[str]:
    """Give what a job can be called by: its own name, its task's, with the role or without."""
    task = job.intent.task
    return {job.intent.name, task, task.rpartition(" : ")[2]} - {""}


def _by_id(call: Call, jid: str) -> Chosen:
    job = call.jobs.find(jid)
    if job is not None and job.intent.host != call.host:
        raise Refused(elsewhere(job, call.host))
    return Chosen(jid, job)


class Group(Struct):
    """Chosen jobs that lie together: one folder of one user on one host."""

    reopen: Reopen
    async_dir: str
    members: list[Chosen] = field(default_factory=list)

    @property
    def jids(self) -> list[str]:
        """Give their ids."""
        return [one.jid for one in self.members]


async def grouped(call: Call, jobs: Sequence[Chosen]) -> list[Group]:
    """Give *jobs* as they lie; opens the task's own connection."""
    own = (await call.session()).address
    groups: dict[tuple[str, str], Group] = {}
    for one in jobs:
        where, async_dir, reopen = _place(call, one, own)
        group = groups.setdefault((where, async_dir), Group(reopen, async_dir))
        group.members.append(one)
    return list(groups.values())


def _place(call: Call, one: Chosen, own: Mapping[str, object]) -> tuple[str, str, Reopen]:
    """Give what tells its place from others, its folder, and how one gets there."""
    if one.job is None:
        return "", call.async_dir, call.session
    intent = one.job.intent
    if intent.address == own:
        return "", intent.async_dir, call.session
    return repr(intent.address), intent.async_dir, partial(call.jobs.session, one.job)
