"""A run knows the jobs it has started, for which hosts, and whose end was told."""

from __future__ import annotations

import pytest
from unit.cli.test_account import Journal, intent

from outlast.cli.jobs.account import Account
from outlast.cli.jobs.known import KnownJobs


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def account(journal):
    return Account(journal)


async def reopen(address):
    return f"a session for {address['kind']}"


async def test_jobs_are_known_by_host_and_id_and_stay_known_when_they_have_ended(account):
    jobs = KnownJobs(account, reopen)
    await account.intend(intent("j0"))  # never answered: it has no id by which to ask
    account.started(intent("j1"), "j1.5")
    account.started(intent("j2"), "j2.6")
    account.learnt("j1.5", "db1", "running", "")
    account.learnt("j2.6", "db1", "joined", "exited")
    account.learnt("j3.7", "db1", "joined", "exited")  # of another run
    assert [(job.jid, job.told) for job in jobs.of("db1")] == [("j1.5", False), ("j2.6", True)]
    assert jobs.find("j2.6").cause == "exited"
    assert jobs.of("db2") == []
    assert jobs.find("j2.6").intent.task == "Back up"
    assert jobs.find("j3.7") is None
    assert jobs.find("j0") is None
    assert await jobs.session(jobs.find("j1.5")) == "a session for local"
