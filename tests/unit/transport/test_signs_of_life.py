"""A host that somebody waits for is asked for signs of life: as rarely for many as for one."""

from __future__ import annotations

import asyncio

import pytest

from outlast.transport.endpoint import Endpoint
from outlast.transport.link import Link
from outlast_agent import wire

pytestmark = pytest.mark.looptime

HOUR = 3600.0


class Child:
    """An agent that answers nothing but signs of life."""

    def __init__(self, link):
        self._link = link
        self._decoder = wire.Decoder()
        self.heard = []

    def is_closing(self):
        return False

    def write(self, data):
        for message in self._decoder.feed(data):
            self.heard.append(message.body["op"])
            if message.body["op"] == "alive":
                reply = b"".join(wire.message(message.id, wire.REPLY, {}))
                asyncio.get_running_loop().call_soon(self._link.pipe_data_received, 1, reply)


async def signs_within_an_hour(waiting):
    """Give how often a host is asked for a sign while so many questions wait for an answer."""
    link = Link(Endpoint(kind="ssh", host="h"), "word")
    child = Child(link)
    link._stdin, link._chatter = child, None
    for number in range(waiting):
        await link.conversation.post("job.ended", {"jid": f"j{number}"})
    link.watch_over()
    await asyncio.sleep(HOUR)
    link._watch.cancel()
    assert child.heard.count("job.ended") == waiting
    return child.heard.count("alive")


async def test_fifty_who_wait_cost_no_more_than_one():
    one = await signs_within_an_hour(1)
    assert 0 < one <= HOUR / 15
    assert await signs_within_an_hour(50) == one


async def test_a_host_that_nobody_waits_for_is_left_alone():
    assert await signs_within_an_hour(0) == 0
