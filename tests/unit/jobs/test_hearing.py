"""A job is heard while its end is waited for: all of it, once, before its end is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from outlast import jobs
from outlast.errors import ActionFailed, HostUnreachable
from outlast.jobs import Ended, Hearing, OutOfReach
from outlast.voices import Voice

pytestmark = pytest.mark.looptime

RESULT = {"rc": 0, "finished": True, "started": True}


def now():
    return asyncio.get_running_loop().time()


@dataclass
class SpeakingHost:
    """A host with one job: when it says what, when it ends, when the links to it break."""

    says: list[tuple[float, bytes]]
    ends_at: float
    breaks_at: list[float] = field(default_factory=list)
    seconds_each: float = 0.0
    """How long a piece is on its way."""
    opened: int = 0
    asked: list[object] = field(default_factory=list)

    async def reopen(self):
        self.opened += 1
        return SpeakingLink(self)


@dataclass
class SpeakingLink:
    host: SpeakingHost
    born: float = field(default_factory=now)

    async def _at(self, when):
        """Wait until *when*, unless the link breaks before."""
        breaks = next((at for at in self.host.breaks_at if self.born < at < when), None)
        await asyncio.sleep(max(0.0, (when if breaks is None else breaks) - now()))
        if breaks is not None:
            await asyncio.sleep(0)  # all who wait find out before the first is back
            raise HostUnreachable("the link broke")

    async def job_ended(self, _jid, _async_dir):
        await self._at(max(self.host.ends_at, now()))

    async def job_status(self, _jid, _async_dir):
        self.host.asked.append("status")
        return RESULT

    async def job_cleanup(self, _jid, _async_dir):
        self.host.asked.append("cleanup")
        return {}

    async def job_logs(self, _jid, _async_dir, *, stream, offset, follow):
        assert (stream, follow) == ("tagged", True)
        self.host.asked.append(offset)
        place = 0
        for when, words in self.host.says:
            await self._at(max(when, now() + self.host.seconds_each))
            if place + len(words) > offset:
                yield b"\x01" + words[max(0, offset - place) :]
            place += len(words)
        await self._at(max(self.host.ends_at, now()))


async def follow(host, *, limit=100.0, link=None, reopen=True):
    """Follow the host's job; gives its end, and what was heard when."""
    heard = []
    hearing = Hearing("j1.2", "d", Voice(), lambda lines: heard.extend((now(), x) for x in lines))
    end = await jobs.follow(
        *(link or SpeakingLink(host), "j1.2", "d"),
        poll=50,
        limit=limit,
        on_poll=lambda: None,
        reopen=host.reopen if reopen else None,
        hearing=hearing,
    )
    return end, heard


async def test_lines_are_heard_when_they_come_and_all_before_the_end():
    host = SpeakingHost([(1, b"one\ntw"), (2, b"o\n"), (3, b"rest")], ends_at=5)
    end, heard = await follow(host)
    assert end == Ended(RESULT)
    assert heard == [(1, "one"), (2, "two"), (5, "rest")]
    assert host.asked == [0, "status", "cleanup"]


async def test_a_cut_link_loses_and_repeats_nothing():
    host = SpeakingHost([(1, b"one\nha"), (9, b"lf\n")], ends_at=10, breaks_at=[4])
    _, heard = await follow(host)
    assert [line for _, line in heard] == ["one", "half"]
    assert host.opened == 1, "both questions share the new link"
    assert 6 in host.asked


async def test_without_a_new_link_a_cut_one_is_the_end():
    host = SpeakingHost([(1, b"one\n")], ends_at=10, breaks_at=[4])
    end, heard = await follow(host, reopen=False)
    assert end == OutOfReach("the link broke")
    assert heard == [(1, "one")]


async def test_a_job_that_has_said_much_is_heard_out_though_its_time_is_over():
    says = [(9, b"%d\n" % number) for number in range(20)]
    host = SpeakingHost(says, ends_at=10, seconds_each=5)
    end, heard = await follow(host, limit=10)
    assert end == Ended(RESULT)
    assert len(heard) == 20
    assert now() > 100


async def test_a_voice_that_breaks_off_holds_up_nobody():
    host = SpeakingHost([(1, b"one\n"), (10_000, b"never\n")], ends_at=10)
    end, heard = await follow(host, limit=10)
    assert end == Ended(RESULT)
    assert heard == [(1, "one")]
    assert now() == pytest.approx(10 + jobs.MARGIN)


async def test_a_job_without_output_of_its_own_says_nothing():
    class Silent(SpeakingLink):
        async def job_logs(self, _jid, _async_dir, **_what):
            raise ActionFailed("it was started by Ansible itself")
            yield b""

    host = SpeakingHost([], ends_at=3)
    end, heard = await follow(host, link=Silent(host))
    assert (end, heard) == (Ended(RESULT), [])
