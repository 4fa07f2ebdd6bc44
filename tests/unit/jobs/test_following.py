"""A job is followed to its end: the host tells, the connection may break, time is virtual."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

import pytest

from outlast import jobs
from outlast.errors import ActionFailed, HostUnreachable
from outlast.jobs import Ended, OutOfReach, StillRuns

pytestmark = pytest.mark.looptime

RESULT = {"rc": 0, "stdout": "done", "finished": True, "started": True}
RUNNING = {"finished": False, "started": True}


def now():
    return asyncio.get_running_loop().time()


@dataclass
class JobOnHost:
    """A host with one job that ends at a time, reached over links that break at times."""

    ends_at: float
    result: dict = field(default_factory=lambda: RESULT)
    breaks_at: list[float] = field(default_factory=list)
    back_at: float = 0.0
    asked: list[str] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)

    def status(self):
        return self.result if now() >= self.ends_at else RUNNING

    async def reopen(self):
        self.opened.append(now())
        if now() < self.back_at:
            raise HostUnreachable("no route to host")
        return Link(self)


@dataclass
class Link:
    """A session, as far as jobs are concerned; broken for good once the host's link breaks."""

    host: JobOnHost

    async def job_ended(self, jid, async_dir):
        assert (jid, async_dir) == ("j1.2", "~/.ansible_async")
        breaks = [when for when in self.host.breaks_at if when >= now()]
        if breaks and breaks[0] < self.host.ends_at:
            await asyncio.sleep(breaks[0] - now())
            self.host.breaks_at.remove(breaks[0])
            raise HostUnreachable("the link broke")
        await asyncio.sleep(max(0.0, self.host.ends_at - now()))

    async def job_status(self, _jid, _async_dir):
        self.host.asked.append("status")
        return self.host.status()

    async def job_cleanup(self, _jid, _async_dir):
        self.host.asked.append("cleanup")
        return {}


async def follow(host, *, poll=5.0, limit=100.0, reopen=True, session=None):
    """Follow the host's job; gives its end, when the ticks came, and what was said."""
    ticks, lost = [], []
    end = await jobs.follow(
        session or Link(host),
        "j1.2",
        "~/.ansible_async",
        poll=poll,
        limit=limit,
        on_poll=lambda: ticks.append(now()),
        reopen=host.reopen if reopen else None,
        on_lost=lost.append,
    )
    return end, ticks, lost


async def test_the_end_is_known_when_it_comes_and_not_at_the_next_poll():
    end, ticks, _ = await follow(JobOnHost(ends_at=12.3))
    assert now() == pytest.approx(12.3)
    assert end == Ended(RESULT)
    assert ticks == [5, 10]


async def test_a_quick_job_shows_no_poll():
    _, ticks, _ = await follow(JobOnHost(ends_at=0.2))
    assert ticks == []


async def test_the_result_is_taken_before_the_files_are_removed():
    host = JobOnHost(ends_at=1)
    await follow(host)
    assert host.asked == ["status", "cleanup"]


async def test_a_job_that_outlives_its_limit_is_left_where_it_is():
    host = JobOnHost(ends_at=1000)
    end, _, _ = await follow(host, limit=20)
    assert now() == 20 + jobs.MARGIN
    assert end == StillRuns(RUNNING)
    assert host.asked == ["status"]


async def test_a_job_whose_end_was_not_told_is_still_found_ended():
    class Deaf(Link):
        async def job_ended(self, _jid, _async_dir):
            await asyncio.Event().wait()

    host = JobOnHost(ends_at=3)
    end, _, _ = await follow(host, limit=20, session=Deaf(host))
    assert end == Ended(RESULT)


async def test_a_negative_limit_is_none():
    end, _, _ = await follow(JobOnHost(ends_at=10_000), limit=-1)
    assert end == Ended(RESULT)


async def test_a_broken_link_is_told_once_and_opened_again():
    host = JobOnHost(ends_at=30, breaks_at=[2.0, 12.0], back_at=0)
    end, _, lost = await follow(host)
    assert end == Ended(RESULT)
    assert lost == ["the link broke"]
    assert host.opened == [2, 12]


async def test_connecting_again_takes_its_time_more_and_more():
    host = JobOnHost(ends_at=90, breaks_at=[2.0], back_at=70)
    end, _, _ = await follow(host)
    assert end == Ended(RESULT)
    assert host.opened == [2, 3, 5, 9, 17, 33, 63, 93]


async def test_no_poll_is_shown_while_the_host_is_away():
    host = JobOnHost(ends_at=58, breaks_at=[12.0], back_at=28)
    _, ticks, _ = await follow(host)
    assert ticks == [5, 10, 45, 50, 55]


async def test_a_job_that_ended_while_the_host_was_away_is_found():
    host = JobOnHost(ends_at=5, breaks_at=[2.0], back_at=30)
    end, ticks, _ = await follow(host)
    assert end == Ended(RESULT)
    assert ticks == []
    assert now() == 33


async def test_a_host_that_stays_away_is_out_of_reach_when_the_time_is_over():
    host = JobOnHost(ends_at=5, breaks_at=[2.0], back_at=10_000)
    end, _, _ = await follow(host, limit=20)
    assert end == OutOfReach("no route to host")
    assert now() == 20 + jobs.MARGIN


async def test_without_a_way_to_connect_again_a_broken_link_ends_the_waiting():
    end, _, lost = await follow(JobOnHost(ends_at=9, breaks_at=[2.0]), reopen=False)
    assert end == OutOfReach("the link broke")
    assert lost == []


class Mute(Link):
    """Never says anything; how it refuses its status is a subclass's business."""

    async def job_ended(self, _jid, _async_dir):
        await asyncio.Event().wait()

    async def job_status(self, _jid, _async_dir):
        await asyncio.Event().wait()


class Broken(Mute):
    async def job_status(self, _jid, _async_dir):
        raise HostUnreachable("just now")


@pytest.mark.parametrize(
    ("link", "why"), [(Mute, "the host does not answer"), (Broken, "just now")]
)
async def test_a_host_without_a_last_word_is_out_of_reach(link, why):
    host = JobOnHost(ends_at=1000)
    end, _, _ = await follow(host, limit=20, session=link(host))
    assert end == OutOfReach(why)


class ForgetfulLink(Link):
    """Breaks once at the status and once at the cleanup."""

    async def job_status(self, jid, async_dir):
        if "broken" not in self.host.asked:
            self.host.asked.append("broken")
            raise HostUnreachable("at the status")
        return await super().job_status(jid, async_dir)


async def test_a_link_that_breaks_at_the_last_moment_is_opened_again():
    host = JobOnHost(ends_at=1)
    end, _, lost = await follow(host, session=ForgetfulLink(host))
    assert end == Ended(RESULT)
    assert lost == ["at the status"]
    assert host.asked == ["broken", "status", "cleanup"]


async def test_an_end_that_the_status_does_not_confirm_keeps_the_files():
    host = JobOnHost(ends_at=1, result=RUNNING)
    end, _, _ = await follow(host)
    assert end == StillRuns(RUNNING)
    assert host.asked == ["status"]


async def test_a_foreign_timeout_is_a_bug_and_not_ours_to_hide():
    class Strange(Link):
        async def job_status(self, _jid, _async_dir):
            raise TimeoutError

    host = JobOnHost(ends_at=1)
    with pytest.raises(TimeoutError):
        await follow(host, session=Strange(host))


async def test_cancelling_leaves_the_job_alone():
    host = JobOnHost(ends_at=50)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await follow(host)
    assert host.asked == []


def test_a_jid_is_stocks():
    assert re.fullmatch(r"j\d{1,12}", jobs.new_jid())
    assert jobs.new_jid() != jobs.new_jid()


async def test_a_host_that_is_just_coming_up_and_cannot_serve_yet_is_away():
    class ComingUp(JobOnHost):
        async def reopen(self):
            self.opened.append(now())
            if len(self.opened) < 3:
                raise ActionFailed("there is no Python yet")
            return Link(self)

    host = ComingUp(ends_at=9, breaks_at=[2.0])
    end, _, lost = await follow(host)
    assert end == Ended(RESULT)
    assert (len(host.opened), len(lost)) == (3, 1)


async def test_an_end_is_waited_for_across_a_break_and_no_longer_than_the_limit_allows():
    host = JobOnHost(ends_at=9, breaks_at=[2.0])
    await jobs.until_ended(Link(host), "j1.2", "~/.ansible_async", limit=20, reopen=host.reopen)
    assert now() == pytest.approx(9)
    away = JobOnHost(ends_at=1e6, breaks_at=[10.0], back_at=1e9)
    await jobs.until_ended(Link(away), "j1.2", "~/.ansible_async", limit=20, reopen=away.reopen)
    assert now() == pytest.approx(9 + 20 + jobs.MARGIN)
