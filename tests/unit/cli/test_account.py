"""A run's account holds the jobs whose end nobody was told."""

from __future__ import annotations

import io
import sys

import pytest

from outlast.cli.jobs.account import Account
from outlast.job import JobIntent


class Journal:
    """Notes what is written into it."""

    def __init__(self):
        self.lines = []

    async def intend(self, intent):
        self.lines.append(("intended", intent.jid))

    def started(self, intent, jid):
        self.lines.append(("started", jid))

    def learnt(self, jid, host, state, cause, rc=None):
        self.lines.append((state, jid))


def intent(jid, task="Back up"):
    return JobIntent(
        jid=jid, host="db1", task=task, limit=60.0, async_dir="~/a", address={"kind": "local"}
    )


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def account(journal):
    return Account(journal)


async def test_all_is_passed_on_in_order(account, journal):
    await account.intend(intent("j1"))
    account.started(intent("j1"), "j1.5")
    account.learnt("j1.5", "db1", "running", "")
    account.learnt("j1.5", "db1", "joined", "exited")
    assert journal.lines == [
        *(("intended", "j1"), ("started", "j1.5"), ("running", "j1.5"), ("joined", "j1.5")),
    ]


async def test_a_job_is_open_until_a_playbook_was_told_its_end(account):
    account.started(intent("j1"), "j1.5")
    account.started(intent("j2"), "j2.6")
    account.learnt("j1.5", "db1", "running", "")
    account.learnt("j2.6", "db1", "unknown", "the host is away")
    assert list(account.open) == ["j1.5", "j2.6"]
    account.learnt("j2.6", "db1", "joined", "failed")
    assert list(account.open) == ["j1.5"]
    account.learnt("j9.9", "db1", "joined", "exited")  # of an earlier run: not on this account


async def test_a_start_that_was_never_answered_is_on_the_account(account):
    await account.intend(intent("j1"))
    await account.intend(intent("j2"))
    await account.intend(intent("j3"))
    assert [job.answered for job in account.open.values()] == [False, False, False]
    account.started(intent("j2"), "j2.6")
    account.learnt("j1", "db1", "unknown", "the connection was lost")
    account.learnt("j3", "db1", "failed", "not started")
    assert {jid: job.answered for jid, job in account.open.items()} == {"j1": False, "j2.6": True}


async def test_a_person_is_told_what_may_go_on(account, monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    await account.intend(intent("j1"))
    account.say_left()
    assert "j1 on db1 (Back up), if it was started" in sys.stderr.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


async def test_a_person_is_told_what_goes_on(account, monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    account.started(intent("j1"), "j1.5")
    account.started(intent("j2", task=""), "j2.6")
    account.say_left()
    said = sys.stderr.getvalue()
    assert "j1.5 on db1 (Back up)" in said
    assert "j2.6 on db1\n" in said
    assert "outlast jobs cancel j2.6" in said


async def test_a_pipe_is_told_nothing_nor_who_left_nothing(account, monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    account.say_left()
    assert sys.stderr.getvalue() == ""
    account.started(intent("j1"), "j1.5")
    monkeypatch.setattr("sys.stderr", io.StringIO())
    account.say_left()
    assert sys.stderr.getvalue() == ""
