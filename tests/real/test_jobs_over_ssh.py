"""Jobs followed over a real sshd: their end is told, links are cut, runs end, users differ."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest
from job_host import wait_until
from msgspec.structs import replace

from outlast import jobs
from outlast.errors import ActionFailed, HostUnreachable
from outlast.job import JobOrder
from outlast.jobs import Ended, OutOfReach
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
def gate(tmp_path):
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


class Started:
    """A job on the host, and what its follower has shown so far."""

    def __init__(self, sessions, endpoint, session, job, folder):
        self.sessions, self.endpoint, self.session = sessions, endpoint, session
        self.jid, self.results_file, self.folder = (
            job["ansible_job_id"],
            Path(job["results_file"]),
            folder,
        )
        self.polled, self.lost = 0, []
        self.polled_thrice, self.was_lost = asyncio.Event(), asyncio.Event()

    def _polled(self):
        self.polled += 1
        if self.polled == 3:
            self.polled_thrice.set()

    def _lost(self, why):
        self.lost.append(why)
        self.was_lost.set()

    async def follow(self, *, poll=0.1, limit=30.0):
        return await jobs.follow(
            self.session,
            self.jid,
            self.folder,
            poll=poll,
            limit=limit,
            on_poll=self._polled,
            reopen=lambda: self.sessions.open(self.endpoint),
            on_lost=self._lost,
        )

    def end_supervisor(self):
        os.kill(int(self.jid.rpartition(".")[2]), signal.SIGKILL)


async def start(sessions, endpoint, line, folder, *, limit=30.0):
    session = await sessions.open(endpoint)
    order = JobOrder(
        jid=jobs.new_jid(),
        run=CommandRun(shell=line),
        limit=limit,
        async_dir=str(folder),
        name="a test",
    )
    return Started(sessions, endpoint, session, await session.start_job(order), str(folder))


async def agent_of(session):
    """The pid of the agent behind a session: the parent of what it runs."""
    reply = await session.run(CommandRun(shell="printf $PPID"))
    return int(json.loads(reply.stdout)["stdout"])


async def test_the_end_is_known_within_a_moment(sessions, endpoint, tmp_path):
    async with sessions:
        job = await start(sessions, endpoint, "sleep 0.4; date +%s.%N", tmp_path / "jobs")
        end = await job.follow(poll=10)
        late = time.time() - float(end.payload["stdout"])
    assert isinstance(end, Ended)
    assert late < 1.0
    assert job.polled == 0
    assert list((tmp_path / "jobs").rglob("*")) == [tmp_path / "jobs" / ".outlast"]


async def test_polls_are_shown_while_it_runs(sessions, endpoint, tmp_path, gate):
    async with sessions, asyncio.TaskGroup() as group:
        job = await start(sessions, endpoint, f"read x < {gate}", tmp_path / "jobs")
        following = group.create_task(job.follow(poll=0.02))
        await job.polled_thrice.wait()
        gate.write_text("go\n")
    assert following.result().payload["rc"] == 0


async def test_the_host_keeps_the_limit(sessions, endpoint, tmp_path):
    async with sessions:
        job = await start(sessions, endpoint, "sleep 60", tmp_path / "jobs", limit=0.3)
        end = await job.follow(limit=0.3)
    assert end.payload["msg"] == "Timeout exceeded"
    assert end.payload["failed"] is True


async def test_a_cut_link_is_told_once_and_the_end_is_still_found(
    sessions, endpoint, tmp_path, gate
):
    async with sessions:
        job = await start(sessions, endpoint, f"read x < {gate}; echo done", tmp_path / "jobs")
        agent = await agent_of(job.session)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(job.follow())
            os.kill(agent, signal.SIGKILL)
            await job.was_lost.wait()
            gate.write_text("go\n")
    assert following.result().payload["stdout"] == "done"
    assert len(job.lost) == 1


async def test_a_host_that_stays_away_is_out_of_reach(sessions, endpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs.following, "MARGIN", 0.2)
    async with sessions:
        job = await start(sessions, endpoint, "sleep 60", tmp_path / "jobs")
        job.endpoint = replace(endpoint, port=1)
        os.kill(await agent_of(job.session), signal.SIGKILL)
        end = await job.follow(limit=0.5)
    assert isinstance(end, OutOfReach)
    assert "refused" in end.why
    child = Path(job.folder, ".outlast", job.jid, "child")
    job.end_supervisor()
    os.kill(int(child.read_text().split()[0]), signal.SIGKILL)


@pytest.fixture
def later():
    return Sessions()


async def test_a_later_run_finds_the_job_of_an_earlier_one(
    sessions, later, endpoint, tmp_path, gate
):
    async with sessions as earlier:
        job = await start(earlier, endpoint, f"read x < {gate}; echo done", tmp_path / "jobs")
    async with later:
        session = await later.open(endpoint)
        assert (await session.job_status(job.jid, job.folder))["finished"] is False
        gate.write_text("go\n")
        await session.job_ended(job.jid, job.folder)
        assert (await session.job_status(job.jid, job.folder))["stdout"] == "done"


async def test_many_jobs_run_side_by_side(sessions, endpoint, tmp_path):
    async with sessions:
        began = time.monotonic()
        started = [
            await start(sessions, endpoint, f"sleep 0.5; echo {n}", tmp_path / "jobs")
            for n in range(10)
        ]
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(job.follow()) for job in started]
        assert time.monotonic() - began < 4.5
    assert [end.result().payload["stdout"] for end in ends] == [str(n) for n in range(10)]


async def test_an_unusable_folder_is_refused_before_anything_runs(sessions, endpoint, tmp_path):
    tmp_path.joinpath("file").write_text("")
    async with sessions:
        with pytest.raises(ActionFailed, match="could not create directory"):
            await start(sessions, endpoint, f"touch {tmp_path}/ran", tmp_path / "file" / "jobs")
    assert not tmp_path.joinpath("ran").exists()


async def test_a_job_belongs_to_whom_it_runs_as(sessions, endpoint, user):
    """The spool is in the become user's home, and only he finds the job."""
    someone = replace(
        endpoint, identity=Identity(method="sudo", user=user.name, exe="sudo", flags="-H -S -n")
    )
    async with sessions:
        job = await start(sessions, someone, "id -un", "~/.ansible_async")
        assert str(job.results_file).startswith(f"/home/{user.name}/.ansible_async/")
        assert job.results_file.stat().st_mode & 0o777 == 0o600
        root = await sessions.open(endpoint)
        assert (await root.job_status(job.jid, job.folder))["msg"] == "could not find job"
        end = await job.follow()
    assert end.payload["stdout"] == user.name


async def test_without_reopening_a_cut_link_is_the_end_of_waiting(sessions, endpoint, tmp_path):
    async with sessions:
        job = await start(sessions, endpoint, "sleep 0.5", tmp_path / "jobs")
        os.kill(await agent_of(job.session), signal.SIGKILL)
        with pytest.raises(HostUnreachable):
            await job.session.job_ended(job.jid, job.folder)
    wait_until(lambda: "started" not in job.results_file.read_text())
