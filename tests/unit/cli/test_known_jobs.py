"""A run knows the jobs it has started, for which hosts, and whose end was told."""

from __future__ import annotations

import pytest
from unit.cli.test_account import Journal, intent

from outlast.cli.jobs.known import KnownJobs, Launches


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def launches(journal):
    return Launches(journal)


async def reopen(address):
    return f"a session for {address['kind']}"


async def test_all_is_passed_on_in_order(launches, journal):
    await launches.intend(intent("j1"))
    launches.started(intent("j1"), "j1.5")
    launches.learnt("j1.5", "db1", "joined", "exited")
    assert journal.lines == [("intended", "j1"), ("started", "j1.5"), ("joined", "j1.5")]


async def test_jobs_are_known_by_host_and_id_and_stay_known_when_they_have_ended(launches):
    jobs = KnownJobs(launches, reopen)
    launches.started(intent("j1"), "j1.5")
    launches.started(intent("j2"), "j2.6")
    launches.learnt("j1.5", "db1", "running", "")
    launches.learnt("j2.6", "db1", "joined", "exited")
    launches.learnt("j3.7", "db1", "joined", "exited")  # of another run
    assert [(job.jid, job.told) for job in jobs.of("db1")] == [("j1.5", False), ("j2.6", True)]
    assert jobs.find("j2.6").cause == "exited"
    assert jobs.of("db2") == []
    assert jobs.find("j2.6").intent.task == "Back up"
    assert jobs.find("j3.7") is None
    assert await jobs.session(jobs.find("j1.5")) == "a session for local"
