"""Jobs that wait for their turn: in their order, said once, with nobody else's fork."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from outlast.call import Call
from outlast.engine.forks import Fork
from outlast.errors import ActionFailed, HostUnreachable
from outlast.job import JobOrder, JobTerms
from outlast.jobs.queueing import Queue
from outlast.values import DictScope
from outlast.work import CommandRun

pytestmark = pytest.mark.looptime


@dataclass
class Host:
    """Runs jobs, each for as long as its limit says less one; counts as a real host does."""

    name: str
    running: set = field(default_factory=set)
    started: list = field(default_factory=list)
    most: int = 0
    rooms: int = 0
    """How often it was asked for room."""
    lost: deque = field(default_factory=deque)
    """What the next questions for room come to."""
    ends: dict = field(default_factory=dict)
    waiting: list = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self):
        return {"host": self.name}

    async def start_job(self, job):
        await asyncio.sleep(0.01)
        if job.run.shell == "refused":
            raise ActionFailed("no")
        if job.run.shell == "there":
            return {"ansible_job_id": "j0.1", "attached": True}
        if job.terms.host_limit and len(self.running) >= job.terms.host_limit:
            return {"full": True}
        jid = f"{job.jid}.1"
        self.running.add(jid)
        self.started.append(job.jid)
        self.begun.set()
        self.most = max(self.most, len(self.running))
        self.ends[jid] = asyncio.Event()
        asyncio.get_running_loop().call_later(job.limit - 1, self._end, jid)
        return {"ansible_job_id": jid}

    def _end(self, jid):
        self.running.discard(jid)
        self.ends[jid].set()
        while self.waiting:
            self.waiting.pop().set()

    async def job_ended(self, jid, async_dir):
        await self.ends[jid].wait()

    async def job_room(self, async_dir, most):
        self.rooms += 1
        if self.lost:
            raise self.lost.popleft()
        while len(self.running) >= most:
            changed = asyncio.Event()
            self.waiting.append(changed)
            await changed.wait()


@dataclass
class Tasks:
    """Tasks that start jobs, and what was said of them."""

    queue: Queue
    forks: asyncio.Semaphore
    said: list = field(default_factory=list)

    async def start(self, host, jid, *, seconds=10.0, line="x", patience=None, **terms):
        async def opened():
            return host

        call = Call(
            action="shell",
            written_as="shell",
            args={},
            host=host.name,
            scope=DictScope({}),
            evaluate=None,
            session=opened,
            say=self.said.append,
            async_dir="/d",
        )
        order = JobOrder(
            jid=jid,
            run=CommandRun(shell=line),
            limit=seconds + 1,
            async_dir="/d",
            name="",
            terms=JobTerms(**terms),
        )
        with Fork(self.forks) as fork:
            await fork.take()
            async with asyncio.timeout(patience):
                return await self.queue.start(replace(call, aside=fork.aside), host, order)


@asynccontextmanager
async def a_run(forks=5):
    async with asyncio.TaskGroup() as group:
        queue = Queue(group)
        tasks = Tasks(queue, asyncio.Semaphore(forks))
        try:
            yield tasks
        finally:
            queue.close()
    assert tasks.forks._value == forks, "each fork was given back, once"


async def all_of(*starts):
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(start) for start in starts]
    return [one.result() for one in made]


def clock():
    return round(asyncio.get_running_loop().time(), 1)


async def test_jobs_start_in_their_order_as_others_end():
    host = Host("web1")
    async with a_run() as tasks:
        await all_of(*(tasks.start(host, f"j{n}", host_limit=2) for n in range(6)))
        assert clock() == pytest.approx(20, abs=0.7)
    assert host.started == [f"j{n}" for n in range(6)]
    assert host.most == 2


async def test_who_waits_says_so_once_and_asks_the_host_once_per_end():
    host = Host("web1")
    async with a_run() as tasks:
        await all_of(*(tasks.start(host, f"j{n}", host_limit=1) for n in range(4)))
    assert tasks.said == 3 * ["ASYNC WAIT on web1: as many jobs run there as may (1)"]
    assert host.rooms == 3


async def test_who_waits_holds_no_fork():
    busy, free = Host("web1"), Host("web2")
    async with a_run(forks=1) as tasks:
        starts = [tasks.start(busy, f"j{n}", host_limit=1) for n in range(3)]
        in_time = asyncio.wait_for(free.begun.wait(), 0.5)
        await all_of(*starts, tasks.start(free, "j9"), in_time)


async def test_a_run_has_so_many_jobs_on_all_hosts_together():
    hosts = [Host(f"web{n}") for n in range(3)]
    async with a_run() as tasks:
        counting = asyncio.get_running_loop()
        most = []

        def look():
            most.append(sum(len(host.running) for host in hosts))
            if len(most) < 300:
                counting.call_later(0.1, look)

        look()
        await all_of(*(tasks.start(hosts[n % 3], f"j{n}", run_limit=2) for n in range(6)))
        assert clock() == pytest.approx(20, abs=0.7)
    assert max(most) == 2
    assert tasks.said == [
        f"ASYNC WAIT on web{n % 3}: as many jobs of this run are under way as may (2)"
        for n in range(2, 6)
    ]


async def test_jobs_without_a_limit_count_for_those_with_one():
    host = Host("web1")
    async with a_run() as tasks:
        await all_of(*(tasks.start(host, f"j{n}") for n in range(3)))
        await tasks.start(host, "j9", run_limit=3)
        assert clock() == pytest.approx(10, abs=0.7)


@pytest.mark.parametrize("line", ["there", "refused"])
async def test_what_starts_nothing_takes_no_place(line):
    host = Host("web1")
    async with a_run() as tasks:
        for n in range(3):
            try:
                await tasks.start(host, f"j{n}", line=line, run_limit=1, host_limit=1)
            except ActionFailed:
                assert line == "refused"
        await tasks.start(host, "j9", run_limit=1, host_limit=1)
        assert clock() < 1
    assert tasks.said == []


@pytest.mark.parametrize("terms", [{"run_limit": 1}, {"host_limit": 1}])
async def test_who_gives_up_waiting_stands_in_nobodys_way(terms):
    host = Host("web1")
    async with a_run(forks=2) as tasks:
        await tasks.start(host, "j1", **terms)

        async def impatient():
            with pytest.raises(TimeoutError):
                await tasks.start(host, "j2", patience=3, **terms)

        await all_of(impatient(), impatient(), tasks.start(host, "j3", **terms))
        assert clock() == pytest.approx(10, abs=0.7)
    assert host.started == ["j1", "j3"]


async def test_both_limits_are_kept():
    one, other = Host("web1"), Host("web2")
    async with a_run() as tasks:
        both = {"host_limit": 1, "run_limit": 2}
        starts = [
            tasks.start(host, f"{host.name}{n}", **both) for n in range(2) for host in (one, other)
        ]
        await all_of(*starts, tasks.start(Host("web3"), "j3", run_limit=2))
        assert clock() == pytest.approx(20, abs=0.7)
    assert (one.most, other.most) == (1, 1)


async def test_a_connection_that_breaks_while_waiting_is_opened_again():
    host = Host("web1", lost=deque([HostUnreachable("gone")]))
    async with a_run() as tasks:
        await all_of(*(tasks.start(host, f"j{n}", host_limit=1) for n in range(2)))
    assert host.started == ["j0", "j1"]
    assert host.rooms == 2


async def test_other_folders_and_hosts_have_lines_of_their_own():
    hosts = [Host(f"web{n}") for n in range(3)]
    async with a_run() as tasks:
        await all_of(*(tasks.start(host, host.name, host_limit=1) for host in hosts))
        assert clock() < 1
