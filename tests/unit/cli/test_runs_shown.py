"""What `outlast runs show` says of items, attempts, and what was begun and never told."""

from __future__ import annotations

import asyncio
import json

import pytest
from unit.ledger.run_told import Told, label

from outlast.attempt import Attempt
from outlast.cli.entry import main
from outlast.errors import Cause
from outlast.events import ActionBegins, HostStarted, Retrying, TaskEnded
from outlast.outcome import Failed, Ok


async def begins(run, action) -> None:
    await run.sink.begins(action)()


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    """Record a run that was cut off; give what is said of it with more words."""
    monkeypatch.setenv("OUTLAST_STATE_DIR", str(tmp_path))
    run = Told(tmp_path / "ledger.sqlite")
    run.play()
    ask, act = label(1, "ask"), label(2, "act")
    run.sink.emit(HostStarted(ask, "web1"))
    tried = Failed({"rc": 1}, (Cause("not yet"),))
    run.sink.emit(Retrying(task=ask, host="web1", retries_left=1, outcome=tried, item=0, attempt=1))
    run.item(Ok({}, changed=True), task=ask, item="one", index=0)
    run.sink.emit(TaskEnded(task=ask, host="web1", outcome=Ok({}, changed=True), looped=True))
    attempt = Attempt(item=2, number=3)
    asyncio.run(begins(run, ActionBegins(task=act, host="web1", delegate=None, attempt=attempt)))
    run.end(2)

    def shown(*words):
        assert main(["runs", "show", str(run.recording.run), *words]) == 0
        return capsys.readouterr().out

    return shown


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_host_s_attempts_and_items_are_told_apart(shown):
    told = lines(shown("--host", "web1"))
    assert [line for line in told if "ask" in line] == [
        "failed, again 0.0s ask (item 1, attempt 1) not yet",
        'changed 0.0s ask (item="one")',
        "changed 0.0s ask",
    ]


def test_an_attempt_that_was_followed_by_another_is_no_failure(shown):
    told = lines(shown())
    assert "web1 1 1 0 0 0 0" in told
    assert not [line for line in told if "not yet" in line]


def test_what_was_begun_and_never_told_is_named(shown):
    for words in ([], ["--host", "web1"]):
        told = shown(*words)
        assert "Begun, and no outcome is known:" in told
        assert "act (item 3, attempt 3)" in told
        assert "/home/me/site/site.yml:4" in told
    assert "Begun" not in shown("--host", "web2")


def test_programs_get_all_of_it(shown):
    told = json.loads(shown("--json"))
    assert [one["attempt"] for one in told["results"]] == [1, None, None]
    (begun,) = told["unfinished"]
    assert (begun["position"], begun["attempt"]) == (2, 3)
