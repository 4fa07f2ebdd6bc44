"""wait_for_connection waits for new connections until one of them works."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions, done

from outlast.errors import HostUnreachable
from outlast.work import Reply


@dataclass
class Booting:
    """A host that is away for some attempts, then hangs for some, then answers."""

    away: int = 0
    hanging: int = 0
    answer: str = '{"ping": "pong"}'
    resets: int = 0
    discovered: bool = False
    runs: list = field(default_factory=list)

    async def run(self, run):
        self.runs.append(run)
        return Reply(self.answer, "", 0)

    async def open(self):
        if self.away:
            self.away -= 1
            raise HostUnreachable("no route to host")
        if self.hanging:
            self.hanging -= 1
            await asyncio.Event().wait()
        return self

    async def reset(self):
        self.resets += 1


@pytest.fixture
def performing(tmp_path):
    made = actions(tmp_path)
    made.modules.content.parcels.prepare("ansible.builtin.ping")
    made.modules.content.core.read()
    return made


async def waited(performing, host, **args):
    call = replace(a_call("wait_for_connection", args), session=host.open, reset=host.reset)
    seen, _ = await done(performing, call)
    return seen


@pytest.mark.looptime
async def test_each_attempt_is_a_connection_of_its_own(performing):
    host = Booting(away=3)
    seen = await waited(performing, host, delay=4, sleep=2)
    assert seen == {"elapsed": 10, "changed": False, "failed": False}
    assert host.resets == 4
    assert [run.parcel.main for run in host.runs] == ["ansible.modules.ping"]


@pytest.mark.looptime
async def test_a_host_that_stays_away_is_told_in_stocks_words(performing):
    seen = await waited(performing, Booting(away=99), timeout=5)
    assert seen["msg"] == "timed out waiting for ping module test: no route to host"
    assert (seen["failed"], seen["changed"], seen["elapsed"]) == (True, False, 5)


@pytest.mark.looptime
async def test_a_module_that_fails_is_no_answer(performing):
    seen = await waited(performing, Booting(answer='{"failed": true, "msg": "no disk"}'), timeout=3)
    assert seen["msg"] == "timed out waiting for ping module test: no disk"


@pytest.mark.looptime
async def test_a_connection_that_hangs_is_given_up_when_it_is_told_to_be(performing):
    seen = await waited(performing, Booting(hanging=2), connect_timeout=3, sleep=1)
    assert seen["elapsed"] == 8


@pytest.mark.looptime
async def test_no_attempt_outlives_the_whole_wait(performing):
    seen = await waited(performing, Booting(hanging=1), timeout=7)
    assert seen["msg"].endswith(": the host did not answer in time")
    assert seen["elapsed"] == 8


@pytest.mark.parametrize(
    ("args", "msg"),
    [
        ({"timeout": "x"}, "Task failed: invalid literal for int() with base 10: 'x'"),
        ({"nothing": 1}, "Invalid options for wait_for_connection: nothing"),
    ],
)
async def test_wrong_arguments_are_told_in_stocks_words(performing, args, msg):
    assert (await waited(performing, Booting(), **args))["msg"] == msg


async def test_in_check_mode_nobody_waits(performing):
    host = Booting(away=1)
    call = a_call("wait_for_connection", {}, check_mode=True)
    seen, _ = await done(performing, replace(call, session=host.open, reset=host.reset))
    assert seen == {"changed": False, "failed": False, "skipped": True}
