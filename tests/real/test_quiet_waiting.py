"""While jobs run and nothing happens, nothing travels, however many wait for them."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from real.test_jobs_over_ssh import agent_of, start

from outlast.transport import link
from outlast.transport.sessions import Sessions

pytestmark = pytest.mark.ssh

A_WHILE = 1.5
"""Seconds of silence; far below those after which a connection is asked for a sign of life."""


class Traffic:
    """Counts what the connections of this process send and receive."""

    def __init__(self, monkeypatch):
        self.sent = self.received = 0
        self.news = asyncio.Event()
        write, take = link.Link.write, link.Link.pipe_data_received

        def counted_write(this, data):
            self.sent += len(data)
            self.news.set()
            write(this, data)

        def counted_take(this, fd, data):
            self.received += len(data)
            self.news.set()
            take(this, fd, data)

        monkeypatch.setattr(link.Link, "write", counted_write)
        monkeypatch.setattr(link.Link, "pipe_data_received", counted_take)

    async def silence(self):
        """Return when a while has passed without a byte; fails at the first."""
        self.news.clear()
        before = self.sent, self.received
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(A_WHILE):
                await self.news.wait()
        assert (self.sent, self.received) == before


@pytest.fixture
def sessions():
    return Sessions()


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def wakings(pid):
    """How often a process has gone to sleep: each time it was woken before."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.MULTILINE)[0])


async def test_fifty_jobs_that_run_cost_no_byte_and_wake_no_agent(
    sessions, sshd, tmp_path, gate, monkeypatch
):
    traffic = Traffic(monkeypatch)
    endpoint = sshd.endpoint(remote_tmp=str(tmp_path / "remote"))
    opened = os.open(gate, os.O_RDWR)
    async with AsyncExitStack() as stack:
        stack.callback(os.close, opened)  # whatever happens, the jobs end then
        await stack.enter_async_context(sessions)
        agent = await agent_of(await sessions.open(endpoint))
        jobs = [
            await start(sessions, endpoint, f"read x < {gate}", tmp_path / "jobs", limit=300.0)
            for _ in range(50)
        ]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        following = [group.create_task(job.follow(poll=100, limit=300.0)) for job in jobs]
        together = group.create_task(
            jobs[0].session.job_wait([j.jid for j in jobs], jobs[0].folder, until="all")
        )
        await jobs[0].session.inspect("/")  # all questions have been read by then
        await traffic.silence()  # a busy machine needs a while to let it go to sleep
        before = wakings(agent)
        await traffic.silence()
        assert wakings(agent) == before
        os.write(opened, b"go\n" * 50)
    assert [task.result().payload["rc"] for task in following] == [0] * 50
    assert len(together.result()) == 50
