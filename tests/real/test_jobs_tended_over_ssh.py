"""Jobs tended over a real sshd, as the commands for people do it."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import pytest
from msgspec.structs import replace

from outlast import jobs
from outlast.errors import ActionFailed, HostUnreachable
from outlast.job import JobOrder, JobTerms
from outlast.transport.endpoint import Identity
from outlast.transport.sessions import Sessions
from outlast.work import CommandRun

pytestmark = pytest.mark.ssh


@pytest.fixture
def sessions():
    return Sessions()


@pytest.fixture
def endpoint(sshd, tmp_path):
    return sshd.endpoint(remote_tmp=str(tmp_path / "remote"))


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "jobs")


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


async def start(session, line, folder, **limits):
    order = JobOrder(
        jid=jobs.new_jid(),
        run=CommandRun(shell=line),
        async_dir=folder,
        name="a test",
        **{"limit": 30.0, **limits},
    )
    return str((await session.start_job(order))["ansible_job_id"])


async def test_a_job_is_seen_read_ended_and_cleared_away(sessions, endpoint, folder, gate):
    async with sessions:
        session = await sessions.open(endpoint)
        jid = await start(session, f"echo out; echo err >&2; read x < {gate}", folder)
        async with contextlib.aclosing(jobs.logs(session, jid, folder, follow=True)) as said:
            heard = b""
            async for piece in said:
                heard += piece
                if len(heard) == 8:
                    break
        (row,) = await jobs.list_jobs(session, folder)
        assert (row.jid, row.name, row.state, row.limit) == (jid, "a test", "running", 30.0)
        assert (row.ended, row.rc, row.cause, row.output_bytes) == (None, None, "", 8)
        assert row.last_line in ("out", "err")
        assert (await jobs.cancel(session, jid, folder, grace=1.0))["state"] == "cancelled"
        (row,) = await jobs.list_jobs(session, folder)
        assert (row.state, row.cause) == ("ended", "cancelled")
        assert row.started <= row.ended
        assert await jobs.prune(session, folder, older_than=60, keep=0) == []
        assert await jobs.prune(session, folder, older_than=0, keep=0) == [jid]
        assert await jobs.list_jobs(session, folder) == []


async def test_the_limit_of_silence_travels_with_the_order(sessions, endpoint, folder):
    async with sessions:
        session = await sessions.open(endpoint)
        jid = await start(session, "exec sleep 60", folder, terms=JobTerms(idle_limit=0.2))
        await session.job_ended(jid, folder)
        assert (await session.job_status(jid, folder))["msg"] == "No output for 0.2 s"


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"memory_limit": 1 << 30}, "outlast_memory_limit cannot be kept on this host"),
        ({"nice": -1}, "outlast_nice -1 would take precedence over others"),
    ],
)
async def test_what_a_user_may_not_have_is_refused_before_anything_runs(
    sessions, endpoint, user, terms, why
):
    someone = replace(
        endpoint, identity=Identity(method="sudo", user=user.name, exe="sudo", flags="-H -S -n")
    )
    async with sessions:
        session = await sessions.open(someone)
        with pytest.raises(ActionFailed, match=f"The job was not started: {why}"):
            await start(session, "touch ran", "~/.refused", terms=JobTerms(**terms))
        assert await session.inspect("~/.refused") is None


async def test_output_goes_on_at_the_byte_where_the_link_was_cut(sessions, endpoint, folder, gate):
    async with sessions:
        session = await sessions.open(endpoint)
        line = f"seq 1000; read x < {gate}; seq 1001 2000 >&2"
        jid = await start(session, line, folder)
        agent = json.loads((await session.run(CommandRun(shell="printf $PPID"))).stdout)["stdout"]
        said = jobs.logs(session, jid, folder, follow=True)
        heard = await anext(said)
        os.kill(int(agent), signal.SIGKILL)
        with pytest.raises(HostUnreachable):
            heard += await anext(said)
        gate.write_text("go\n")
        again = await sessions.open(endpoint)
        async for piece in jobs.logs(again, jid, folder, offset=len(heard), follow=True):
            heard += piece
    assert heard == b"".join(b"%d\n" % number for number in range(1, 2001))


async def test_more_than_is_ever_under_way_arrives_whole(sessions, endpoint, folder):
    async with sessions:
        session = await sessions.open(endpoint)
        jid = await start(session, "seq 1000000", folder)
        await session.job_ended(jid, folder)
        pieces = [piece async for piece in jobs.logs(session, jid, folder, stream="stdout")]
    assert b"".join(pieces) == b"".join(b"%d\n" % number for number in range(1, 1_000_001))


async def test_a_job_that_is_not_there_has_no_output(sessions, endpoint, folder):
    async with sessions:
        session = await sessions.open(endpoint)
        with pytest.raises(ActionFailed, match="could not find job"):
            await anext(jobs.logs(session, "j1.2", folder))
        assert (await jobs.cancel(session, "j1.2", folder))["state"] == "unknown"
