"""The account is closed by what the hosts say; who does not answer is not waited for."""

from __future__ import annotations

import pytest
from unit.cli.test_account import Journal
from unit.cli.test_jobs_find import ENDPOINT, Host, Network, job

from outlast.cli.jobs.account import Account
from outlast.cli.jobs.closing import Closing
from outlast.job import JobIntent
from outlast.transport.endpoint_record import described


class Sessions(Network):
    """All hosts are entered as they were."""

    def opened(self, endpoint):
        return endpoint


@pytest.fixture
def account():
    return Account(Journal())


def here(jid, **more) -> JobIntent:
    usual = {"host": "db1", "task": "Back up", "limit": 60.0, "async_dir": "~/a"}
    return JobIntent(jid=jid, address=described(ENDPOINT), **{**usual, **more})


async def close(account, *jobs, away=False, **wishes):
    sessions = Sessions({} if away else {ENDPOINT: Host(list(jobs))})
    closing = Closing(sessions=sessions, journal=account, **wishes)
    return await closing.close(tuple(account.open.values()), 0)


async def test_each_job_is_shown_with_the_command_that_follows_it(account, capsys):
    for jid in ("j1", "j2", "j3"):
        account.started(here(jid), f"{jid}.5")
    ends = {"state": "ended", "cause": "lost"}
    jobs = (job("j1.5"), job("j2.5", last_line="part 4"), job("j3.5", **ends))
    assert await close(account, *jobs, strict=True) == 2
    said = capsys.readouterr().err
    assert said.count("outlast jobs") == 3
    assert "Follow: outlast jobs logs -f j1.5\nFollow: outlast jobs logs -f j2.5\n" in said
    assert "Output: outlast jobs logs j3.5\n" in said
    assert "part 4" in said
    assert "lost" in said


async def test_a_start_that_was_never_answered_is_found_by_its_host(account, capsys):
    await account.intend(here("j1"))
    await close(account, job("j1.77"), job("j9.5"))
    said = capsys.readouterr().err
    assert "Follow: outlast jobs logs -f j1.77" in said
    assert "j9" not in said
    assert ("started", "j1.77") in account.journal.lines
    assert list(account.open) == ["j1.77"]


async def test_what_nobody_can_say_is_said_to_be_so(account, capsys):
    await account.intend(here("j1"))
    account.started(here("j2"), "j2.5")
    assert await close(account, away=True, strict=True) == 0
    said = capsys.readouterr().err
    assert "starting?" in said
    assert "unknown" in said
    assert "Status: outlast jobs show j1\nStatus: outlast jobs show j2.5\n" in said


async def test_of_very_many_jobs_some_commands_are_spelt_out(account, capsys):
    for number in range(25):
        account.started(here(f"j{number}"), f"j{number}.5")
    await close(account, *(job(f"j{number}.5") for number in range(25)))
    said = capsys.readouterr().err
    assert said.count("outlast jobs logs") == 20
    assert "the other 5" in said
