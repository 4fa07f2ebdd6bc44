"""async_status with `until`: a connection that breaks costs no attempt and ends no task."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions
from unit.actions.scratch import UNKNOWN
from unit.actions.test_jobs_asked_for import RUNNING, WELL, Run, now
from unit.actions.test_journal import Written

from outlast.errors import HostUnreachable
from outlast.jobs import MARGIN

pytestmark = pytest.mark.looptime


@dataclass
class Host:
    """A host with one job, away for a time."""

    ends_at: float = 1000.0
    away: tuple[float, float] = (0.0, 0.0)
    opened: list = field(default_factory=list)
    address: dict = field(default_factory=lambda: {"kind": "ssh", "host": "h"})

    @property
    def is_away(self):
        return self.away[0] <= now() < self.away[1]

    async def session(self):
        self.opened.append(now())
        if self.is_away:
            raise HostUnreachable("no route to host")
        return self

    async def job_status(self, jid, async_dir):
        if self.is_away:
            raise HostUnreachable("the link broke")
        told = {"ansible_job_id": jid, "results_file": f"{async_dir}/{jid}"}
        if jid != "j1.2":
            return told | UNKNOWN
        return told | (WELL if now() >= self.ends_at else RUNNING)

    async def job_ended(self, _jid, _async_dir):
        if not now() <= self.away[0] < self.ends_at:
            await asyncio.sleep(self.ends_at - now())
            return
        await asyncio.sleep(self.away[0] - now())
        raise HostUnreachable("the link broke")


class Task:
    """An async_status task: the same call at each attempt."""

    def __init__(self, performing, host, *, patience=100.0, jid="j1.2", **options):
        self.host, self.said, self.aside = host, [], []
        self.journal = Written()

        @asynccontextmanager
        async def aside():
            self.aside.append(now())
            yield
            self.aside.append(now())

        given = {"async_dir": "/d", "patience": patience, "journal": self.journal, **options}
        call = a_call("async_status", {"jid": jid}, warn=self.said.append, **given)
        self.call = replace(call, session=host.session, aside=aside)
        self._performing = performing

    async def attempt(self):
        """Give whether the job has ended, with what is to be waited for before asking again."""
        performed = await self._performing.perform(replace(self.call))  # as who furnishes it does
        return performed.outcome.payload.get("finished"), performed.news


@pytest.fixture
def performing(tmp_path):
    return actions(tmp_path)


async def within(seconds, news):
    try:
        async with asyncio.timeout(seconds):
            await news()
    except TimeoutError:
        return False
    return True


LOST = (
    "The connection to localhost was lost while job j1.2 runs; it goes on there, and is found "
    "again when the host is: the link broke"
)


async def test_the_wait_between_two_attempts_goes_on_when_the_host_is_back(performing):
    task = Task(performing, Host(ends_at=30.0, away=(5.0, 12.0)))
    _, news = await task.attempt()
    assert await within(50, news)
    assert now() == 30
    assert task.said == [LOST]
    assert (await task.attempt())[0]


async def test_an_attempt_that_is_due_while_the_host_is_away_waits_for_it_and_for_no_fork(
    performing,
):
    task = Task(performing, Host(ends_at=15.0, away=(5.0, 40.0)))
    _, news = await task.attempt()
    assert not await within(10, news)
    assert task.aside == []
    finished, _ = await task.attempt()
    assert finished
    assert 40 <= now() <= 71
    assert task.said == [LOST]
    assert task.aside == [10.0, now()]


async def test_a_connection_that_is_opened_again_at_once_is_told_all_the_same(performing):
    host = Host(ends_at=30.0)
    task = Task(performing, host)
    await task.attempt()
    host.away = (now(), now() + 0.5)
    assert not (await task.attempt())[0]
    assert task.said == [LOST]


async def test_a_host_that_stays_away_is_unreachable_when_the_task_would_have_given_up(performing):
    task = Task(performing, Host(away=(5.0, 10_000.0)), patience=70.0)
    _, news = await task.attempt()
    assert await within(1000, news)
    with pytest.raises(HostUnreachable, match="no route to host"):
        await task.attempt()
    assert now() == 70
    assert task.journal.lines[-1] == ("j1.2", "localhost", "unknown", "no route to host")


async def test_a_job_of_this_run_is_worth_waiting_for_until_it_must_be_over(performing):
    host = Host(away=(5.0, 10_000.0))
    run = Run(host)
    run.add("j1.2", limit=200.0)
    task = Task(performing, host, jobs=run)
    _, news = await task.attempt()
    assert await within(1000, news)
    assert now() == 200 + MARGIN


async def test_a_host_that_is_away_at_the_first_attempt_is_waited_for_if_the_job_is_this_runs(
    performing,
):
    host = Host(ends_at=2.0, away=(0.0, 10.0))
    run = Run(host)
    run.add("j1.2", limit=20.0)
    assert (await Task(performing, host, jobs=run).attempt())[0]
    with pytest.raises(HostUnreachable):
        await Task(performing, Host(away=(0.0, 1000.0))).attempt()


async def test_a_task_that_asks_once_does_not_wait(performing):
    host = Host(away=(0.0, 10.0))
    run = Run(host)
    run.add("j1.2")
    task = Task(performing, host, patience=0.0, jobs=run)
    with pytest.raises(HostUnreachable, match="no route to host"):
        await task.attempt()
    assert (now(), task.said) == (0, [])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"host": "web2"}, "Job j3.4 is on web2 (async_dir /d), not on localhost."),
        (
            {"async_dir": "~/.ansible_async"},
            "Job j3.4 is on localhost (async_dir ~/.ansible_async), not on localhost "
            "(async_dir /d).",
        ),
        (
            {"address": {"kind": "ssh", "identity": {"user": "bob"}}},
            "Job j3.4 is on localhost (async_dir /d, as bob), not on localhost "
            "(as the login user).",
        ),
    ],
)
async def test_whoever_asks_in_the_wrong_place_is_told_the_right_one(performing, more, said):
    host = Host()
    run = Run(host)
    run.add("j3.4", **more)
    task = Task(performing, host, jid="j3.4", jobs=run)
    performed = await performing.perform(task.call)
    assert performed.outcome.payload["msg"] == "could not find job"
    assert task.said == [said]
    assert task.journal.lines == []


async def test_of_a_job_that_was_removed_from_the_right_place_nothing_is_added(performing):
    host = Host()
    run = Run(host)
    run.add("j3.4")
    task = Task(performing, host, jid="j3.4", jobs=run)
    await task.attempt()
    assert task.said == []
    assert task.journal.lines == [("j3.4", "localhost", "unknown", "could not find job")]
