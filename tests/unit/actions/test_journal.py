"""Jobs are written down before they are started, and what is learnt of them after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions
from unit.actions.test_background import JobHost, job
from unit.ledger.run_told import Told, intent, read

from outlast.cli.jobs.seen import remembered, said_state
from outlast.errors import ActionFailed, HostUnreachable
from outlast.ledger.records import OPEN_STATES
from outlast.ledger.statements import job_intended
from outlast.ledger.writer import Row


@dataclass
class Written:
    """A journal that remembers in which order it was told things, and what the host did."""

    lines: list = field(default_factory=list)
    intents: list = field(default_factory=list)

    async def intend(self, intent):
        self.intents.append(intent)
        self.lines.append("intended")

    def started(self, intent, jid):
        self.lines.append(("started", intent.jid, jid))

    async def keep(self, jid, result):
        self.lines.append(("kept", jid, result["rc"]))

    def learnt(self, jid, host, state, cause, rc=None):
        self.lines.append((jid, host, state, cause))


@dataclass
class Witness(JobHost):
    """Writes into the same journal when it starts a job."""

    written: Written = field(default_factory=Written)
    refusal: Exception | None = None

    async def job_cleanup(self, jid, async_dir):
        self.written.lines.append("removed")
        return await super().job_cleanup(jid, async_dir)

    async def start_job(self, job):
        self.written.lines.append("host asked")
        if self.refusal:
            raise self.refusal
        return await super().start_job(job)


@pytest.fixture
def performing(tmp_path):
    return actions(tmp_path)


async def start(performing, host, **options):
    call = a_call(
        "command",
        {"_raw_params": "make"},
        session=host,
        limit=60,
        async_dir="/d",
        journal=host.written,
        **options,
    )
    return await performing.perform(call)


async def ask(performing, host, jid="j1.2"):
    call = a_call("async_status", {"jid": jid}, session=host, async_dir="/d", journal=host.written)
    await performing.perform(call)
    return host.written.lines


async def test_a_job_is_written_down_before_the_host_hears_of_it(performing):
    host = Witness()
    await start(performing, host)
    jid = host.orders[0].jid
    assert host.written.lines == ["intended", "host asked", ("started", jid, f"{jid}.77")]
    (intent,) = host.written.intents
    assert (intent.jid, intent.host, intent.task) == (jid, "localhost", "command")
    assert (intent.limit, intent.async_dir) == (60, "/d")
    assert intent.address == host.address


async def test_under_no_log_a_job_is_written_down_without_a_name(performing):
    host = Witness()
    await start(performing, host, no_log=True)
    assert host.written.intents[0].task == ""


async def test_of_a_job_whose_start_was_not_answered_nothing_is_known(performing):
    host = Witness(refusal=HostUnreachable("the link broke"))
    with pytest.raises(HostUnreachable):
        await start(performing, host)
    jid = host.written.intents[0].jid
    assert host.written.lines[-1] == (jid, "localhost", "unknown", "the link broke")


async def test_a_job_that_was_refused_was_not_started(performing):
    host = Witness(refusal=ActionFailed("could not create directory: /d"))
    await start(performing, host)
    jid = host.written.intents[0].jid
    assert host.written.lines[-1] == (jid, "localhost", "failed", "not started")


@pytest.mark.parametrize(
    ("status", "noted"),
    [
        ({"started": True, "finished": False}, ("running", "")),
        ({"finished": True, "rc": 0}, ("joined", "exited")),
        ({"finished": True, "failed": True}, ("joined", "failed")),
        (
            {"finished": True, "failed": True, "msg": "Timeout exceeded", "child_pid": 5},
            ("joined", "limit"),
        ),
        ({"finished": True, "failed": True, "outlast_cause": "idle"}, ("joined", "idle")),
    ],
)
async def test_what_async_status_learns_is_written_down(performing, status, noted):
    host = Witness(jobs={"j1.2": status})
    assert await ask(performing, host) == [("j1.2", "localhost", *noted)]


async def test_a_job_that_is_not_found_may_have_been_anything(performing):
    lines = await ask(performing, Witness())
    assert lines == [("j1.2", "localhost", "unknown", "could not find job")]


async def polled(performing, **options):
    """Give what was written and done for a polled job that has ended."""
    host = Witness(jobs={"j1.2": {"finished": True, "rc": 0}})
    host.ended.set()
    options |= {"session": host, "limit": 10, "async_dir": "/d", "journal": host.written}
    call = a_call("command", {"_raw_params": "x"}, **options)
    await performing.settle(call, job(), poll=1, on_poll=lambda: None)
    return host.written.lines


async def test_a_polled_job_is_joined_and_its_result_kept_before_its_host_forgets_it(performing):
    joined = ("j1.2", "localhost", "joined", "exited")
    assert await polled(performing) == [("kept", "j1.2", 0), "removed", joined]


async def test_under_no_log_no_result_is_kept(performing):
    assert await polled(performing, no_log=True) == [
        "removed",
        ("j1.2", "localhost", "joined", "exited"),
    ]


@pytest.mark.looptime
async def test_of_a_job_whose_host_stays_away_the_ledger_presumes_that_it_runs(
    performing, tmp_path
):
    opened = iter([JobHost(broken=1)])

    async def session():
        for host in opened:
            return host
        raise HostUnreachable("no route to host")

    told = Told(tmp_path / "ledger.sqlite")
    recording = told.recording
    begun = intent("j1", host="db1")
    recording.put(Row(job_intended(recording.begun(), begun, at=1000.0)))
    recording.started(begun, "j1.2")
    call = a_call("command", {"_raw_params": "make"}, limit=3.0, journal=recording)
    with pytest.raises(HostUnreachable):
        await performing.settle(
            replace(call, session=session), job(), poll=1.0, on_poll=lambda: None
        )
    await asyncio.to_thread(told.end, 4)
    assert await asyncio.to_thread(presumed_and_ended, tmp_path / "ledger.sqlite") == "ended"


def presumed_and_ended(path):
    """Look at the one job while nobody can reach it, and after somebody did."""
    with read(path) as ledger:
        (found,) = ledger.jobs(states=OPEN_STATES)
        assert (found.jid, found.state, found.cause) == ("j1.2", "presumed", "no route to host")
        seen = remembered(found, now=1e10)
        assert (seen.over, said_state(seen).text) == (False, "presumed running")
        ledger.note_job("j1.2", "db1", "ended", "exited")
        ledger.note_job("j1.2", "db1", "presumed", "away again")
        return ledger.job("j1").state  # what was learnt once is a fact
