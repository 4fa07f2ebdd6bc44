"""What the engine tells is in the ledger when the run has ended."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
import time
from datetime import date

import pytest
from unit.ledger.run_told import Told, intent, label, one_run, read, told

from outlast.attempt import Attempt
from outlast.errors import Cause
from outlast.events import (
    ActionBegins,
    Consequences,
    HostStarted,
    PlaybookStarted,
    PlayStarted,
    Retrying,
    RunEnded,
    TaskEnded,
    TaskStarted,
)
from outlast.ledger import file
from outlast.ledger.records import JobRecord
from outlast.outcome import AddHost, Failed, Ok, SetFacts, SetStats, Skipped, Unreachable, censored


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "ledger.sqlite"


def test_a_run_without_tasks_does_not_even_make_the_file(path):
    with told(path) as run:
        run.sink.emit(PlaybookStarted("site.yml"))
        run.sink.emit(RunEnded({}))
    assert run.recording.run is None
    assert not path.parent.exists()


def test_only_its_owner_may_read_it(path):
    one_run(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_may_read_is_taken_from_them(path):
    one_run(path)
    path.chmod(0o644)
    one_run(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_is_recorded_with_what_it_says_of_itself(path):
    with told(path, code=2) as run:
        run.task()
    with read(path) as ledger:
        (record,) = ledger.runs()
    assert record.id == run.recording.run
    assert record.command == ("outlast", "playbook", "site.yml")
    assert (record.folder, record.user, record.playbooks) == ("/home/me/site", "me", ("site.yml",))
    assert (record.state, record.code, record.pid) == ("ended", 2, os.getpid())
    assert record.ended >= record.started


def test_a_run_is_known_while_it_runs_and_when_it_has_died(path, monkeypatch):
    run = Told(path)
    run.task()
    asyncio.run(run.recording.intend(intent()))  # it is on disk now
    with read(path) as ledger:
        assert [one.state for one in ledger.runs()] == ["running"]
        monkeypatch.setattr("outlast.ledger.processes._started", lambda _pid: 1)
        assert [one.state for one in ledger.runs()] == ["died"]
        monkeypatch.setattr("outlast.ledger.processes._boot", lambda: "another boot")
        assert [one.state for one in ledger.runs()] == ["died"]
    run.end()


@pytest.mark.parametrize(
    ("outcome", "kind", "why"),
    [
        (Ok({"rc": 0}, changed=True), "ok", ""),
        (Failed({"rc": 1}, (Cause("Task failed."), Cause("no"))), "failed", "Task failed: no"),
        (Skipped({"skip_reason": "no"}), "skipped", ""),
        (Unreachable({}, (Cause("gone"),)), "unreachable", "gone"),
    ],
)
def test_what_became_of_a_task_is_recorded(path, outcome, kind, why):
    run = one_run(path, outcome)
    with read(path) as ledger:
        (result,) = ledger.results(run)
    assert (result.kind, result.why, result.changed) == (kind, why, outcome.changed)
    assert result.payload == outcome.payload
    assert (result.play, result.task, result.action) == ("all", "say hello", "debug")
    assert (result.place, result.host) == ("/home/me/site/site.yml:4", "web1")
    assert (result.item, result.ignored, result.handler) == (None, False, False)
    assert 0 <= result.seconds < 10


def test_an_ignored_failure_on_a_delegate_says_both(path):
    with told(path) as run:
        run.task(Failed({}), ignored=True, delegate="db")
    with read(path) as ledger:
        (result,) = ledger.results(run.recording.run)
    assert (result.ignored, result.delegate) == (True, "db")


def test_the_items_of_a_loop_are_recorded_once_each(path):
    task = label()
    with told(path) as run:
        run.sink.emit(TaskStarted(task))
        run.sink.emit(HostStarted(task, "web1"))
        run.item(Ok({"item": "a"}), task=task, item="a")
        run.item(Ok({"item": {"b": 1}}), task=task, item={"b": 1})
        whole = Ok({"results": [{"item": "a"}], "msg": "All items completed"})
        run.sink.emit(TaskEnded(task=task, host="web1", outcome=whole, looped=True))
    with read(path) as ledger:
        results = ledger.results(run.recording.run)
    assert [one.item for one in results] == ['"a"', '{"b": 1}', None]
    assert results[2].payload == {"msg": "All items completed"}


def test_hosts_are_told_apart(path):
    with told(path) as run:
        for host in ("web1", "web2"):
            run.task(Ok({"on": host}), host=host)
    with read(path) as ledger:
        (result,) = ledger.results(run.recording.run, host="web2")
    assert result.payload == {"on": "web2"}


def test_tasks_of_two_plays_with_the_same_key_are_two(path):
    with told(path) as run:
        run.task(task=label(1, "first"))
        run.play("again")
        run.task(task=label(1, "second"))
    with read(path) as ledger:
        results = ledger.results(run.recording.run)
    assert [(one.play, one.task) for one in results] == [("all", "first"), ("again", "second")]


def test_what_must_not_be_shown_is_not_kept(path):
    secret = Failed({"stdout": "hunter2"}, (Cause("it said hunter2"),))
    run = one_run(path, censored(secret))
    with read(path) as ledger:
        (result,) = ledger.results(run)
    assert result.why == ""
    assert list(result.payload) == ["censored"]


def test_facts_are_kept_though_nobody_is_shown_them(path):
    with told(path) as run:
        run.task(Ok({"ansible_facts": {"env": "x"}}), shown="never")
    with read(path) as ledger:
        (result,) = ledger.results(run.recording.run)
    assert result.payload == {"ansible_facts": {"env": "x"}}
    assert result.follows == {"shown": "never"}


def test_what_followed_from_a_task_is_recorded(path):
    follows = Consequences(
        effects=(SetFacts({"size": 3}, cacheable=True), SetStats({"n": 1})),
        growth=AddHost("new", ("web",), {"ansible_host": "127.0.0.9"}),
        delegate_facts=True,
    )
    with told(path) as run:
        run.task(
            follows=follows,
            notified=("restart", "restart"),
            register="said",
            registered={"include": "x.yml"},
            shown="always",
        )
    with read(path) as ledger:
        (result,) = ledger.results(run.recording.run)
    growth = {"is": "AddHost", "name": "new", "groups": ["web"]}
    assert result.follows == {
        "effects": [
            {"is": "SetFacts", "facts": {"size": 3}, "cacheable": True},
            {"is": "SetStats", "data": {"n": 1}, "per_host": False, "aggregate": True},
        ],
        "growth": {**growth, "variables": {"ansible_host": "127.0.0.9"}},
        "delegate_facts": True,
        "notified": ["restart", "restart"],
        "register": "said",
        "registered": {"include": "x.yml"},
        "shown": "always",
    }


def test_what_is_hidden_is_marked_and_a_module_cannot_feign_it(path):
    run = one_run(path, censored(Ok({"stdout": "hunter2"})), Ok({"censored": "by the module"}))
    with read(path) as ledger:
        assert [one.censored for one in ledger.results(run)] == [True, False]


def test_each_attempt_is_a_record_of_its_own(path):
    task = label()
    with told(path) as run:
        run.sink.emit(HostStarted(task, "web1", 2))
        for number, item in ((1, 0), (2, 0), (1, 1)):
            failed = Failed({"rc": number}, (Cause("not yet"),))
            run.sink.emit(
                Retrying(
                    task=task,
                    host="web1",
                    retries_left=1,
                    outcome=failed,
                    item=item,
                    attempt=number,
                )
            )
            if number == 2:
                run.item(Ok({"rc": 0}), task=task, item="x", index=item)
        run.sink.emit(TaskEnded(task=task, host="web1", outcome=Ok({}), looped=True))
    with read(path) as ledger:
        results = ledger.results(run.recording.run)
    told_ = [(one.position, one.attempt, one.kind, one.payload.get("rc")) for one in results]
    assert told_ == [
        *((0, 1, "failed", 1), (0, 2, "failed", 2), (0, None, "ok", 0)),
        *((1, 1, "failed", 1), (None, None, "ok", None)),
    ]
    assert {one.turn for one in results} == {2}
    assert results[0].why == "not yet"


def test_items_of_one_label_and_batches_are_told_apart(path):
    with told(path) as run:
        for batch, host in enumerate(("web1", "web2")):
            run.sink.emit(PlayStarted("all", batch=batch))
            task = label(identity="site.yml#0/tasks/3")
            run.sink.emit(HostStarted(task, host))
            for index in range(2):
                run.item(Ok({}), task=task, host=host, item="same", index=index)
    with read(path) as ledger:
        results = ledger.results(run.recording.run)
    assert {one.identity for one in results} == {"site.yml#0/tasks/3"}
    assert [(one.host, one.batch, one.position) for one in results] == [
        *(("web1", 0, 0), ("web1", 0, 1), ("web2", 1, 0), ("web2", 1, 1)),
    ]


# -- intents --------------------------------------------------------------------------------


def begin(run, task, *, host="web1", **attempt):
    action = ActionBegins(
        task=task, host=host, delegate=None, attempt=Attempt(task=task.identity, **attempt)
    )
    asyncio.run(_begun(run, action))


async def _begun(run, action) -> None:
    await run.sink.begins(action)()


def unfinished(path, run):
    with read(path) as ledger:
        return [
            (one.host, one.position, one.attempt) for one in ledger.unfinished(run.recording.run)
        ]


def test_what_is_begun_is_on_disk_and_open_until_its_outcome_is_told(path):
    run, task = Told(path), label(identity="site.yml#0/tasks/3")
    run.play()
    begin(run, task)
    with read(path) as ledger:
        (begun,) = ledger.unfinished(run.recording.run)
    assert (begun.identity, begun.place, begun.task) == (
        *("site.yml#0/tasks/3", "/home/me/site/site.yml:4", "say hello"),
    )
    run.task(task=task)
    run.end()
    assert unfinished(path, run) == []


def test_an_outcome_answers_for_its_own_item_attempt_turn_and_host_alone(path):
    run, task = Told(path), label()
    run.play()
    run.sink.emit(HostStarted(task, "web1"))
    begin(run, task, item=0)
    begin(run, task, item=0, number=2)
    begin(run, task, item=1)
    begin(run, task, item=0, host="web2")
    everything = [("web1", 0, 1), ("web1", 0, 2), ("web1", 1, 1), ("web2", 0, 1)]
    assert unfinished(path, run) == everything
    again = Retrying(task=task, host="web1", retries_left=1, outcome=Failed({}), item=0, attempt=1)
    run.sink.emit(again)
    begin(run, task, item=2)
    assert unfinished(path, run) == [*everything[1:], ("web1", 2, 1)]
    run.item(Ok({}), task=task, item="x", index=0)
    begin(run, task, turn=1, item=0)
    run.end()
    assert unfinished(path, run) == [
        *(("web1", 1, 1), ("web2", 0, 1), ("web1", 2, 1), ("web1", 0, 1)),
    ]


def test_what_somebody_waits_for_is_synced_and_nothing_else_is(path, monkeypatch):
    said, written, connect = [], threading.Event(), sqlite3.connect

    def listening(*args, **options):
        connection = connect(*args, **options)
        connection.set_trace_callback(heard)
        return connection

    def heard(line):
        said.append(line)
        if any("INSERT INTO results" in one for one in said) and line == "COMMIT":
            written.set()

    monkeypatch.setattr(file.sqlite3, "connect", listening)
    run = Told(path)
    run.play()
    run.task(task=label(1))
    assert written.wait(10)
    assert [line for line in said if "synchronous" in line] == ["PRAGMA synchronous = NORMAL"]
    said.clear()
    begin(run, label(9))
    synced = [line for line in said if "synchronous" in line or line == "COMMIT"]
    assert synced == ["PRAGMA synchronous = FULL", "COMMIT"]
    run.end()


def test_what_json_has_no_form_for_is_kept_as_text(path):
    odd = {"day": date(2026, 1, 2), "bytes": b"x", "caf\udce9": "\udcff", "n": {1: 2, None: 3}}
    round_ = {}
    round_["itself"] = round_
    run = one_run(path, Ok(odd), Ok({"keys": {(1, 2): "x"}}), Ok(round_))
    with read(path) as ledger:
        first, second, third = (one.payload for one in ledger.results(run))
    assert first["day"] == "2026-01-02"
    assert first["caf\udce9"] == "\udcff"
    assert second == {"keys": {"(1, 2)": "x"}}
    assert "itself" in third


def test_names_in_no_known_encoding_are_kept_readable(path):
    with told(path) as run:
        run.task(task=label(name="caf\udce9"), host="h\udcff")
    assert run.recording.problems == []
    with read(path) as ledger:
        (result,) = ledger.results(run.recording.run)
    assert (result.task, result.host) == ("caf\\udce9", "h\\udcff")


# -- jobs -----------------------------------------------------------------------------------


def the_job(path) -> JobRecord:
    with read(path) as ledger:
        (job,) = ledger.jobs()
    return job


def test_a_job_is_on_disk_when_its_start_may_begin(path):
    run = Told(path)
    asyncio.run(run.recording.intend(intent("j7", address={"kind": "ssh", "host": "web1"})))
    job = the_job(path)
    assert (job.jid, job.state, job.run) == ("j7", "intended", run.recording.run)
    assert (job.host, job.task, job.limit, job.async_dir) == ("web1", "build", 60.0, "/d")
    assert job.endpoint == {"kind": "ssh", "host": "web1"}
    assert job.ended is None
    run.end()


def test_a_job_that_runs_has_its_whole_id(path):
    run = Told(path)
    asyncio.run(run.recording.intend(intent("j7")))
    run.recording.started(intent("j7"), "j7.123")
    run.end()
    assert (the_job(path).jid, the_job(path).state) == ("j7.123", "running")


def test_a_job_that_was_there_already_has_its_own_age(path):
    run = Told(path)
    asyncio.run(run.recording.intend(intent("j7")))
    run.recording.started(intent("j7", age=500.0), "j2.22")
    run.end()
    job = the_job(path)
    assert (job.jid, job.state) == ("j2.22", "running")
    assert 499 < time.time() - job.started < 520


@pytest.mark.parametrize("jid", ["j7", "j7.123"])
def test_what_is_learnt_of_a_job_is_found_by_either_id(path, jid):
    run = Told(path)
    asyncio.run(run.recording.intend(intent("j7")))
    run.recording.started(intent("j7"), "j7.123")
    run.recording.learnt(jid, "web1", "joined", "exited")
    run.end()
    job = the_job(path)
    assert (job.state, job.cause) == ("joined", "exited")
    assert job.ended == job.learnt


def test_of_jobs_that_are_not_ours_a_run_notes_nothing(path):
    with told(path) as run:
        run.task()
        run.recording.learnt("j9.9", "web1", "joined", "exited")
    with read(path) as ledger:
        assert ledger.jobs() == []


def test_a_thousand_intents_share_their_syncs(path, monkeypatch):
    commits = []
    from outlast.ledger import writing  # noqa: PLC0415  # what it imports is imported in a thread

    transact = writing._Writing._transact
    monkeypatch.setattr(
        writing._Writing, "_transact", lambda self, b: (commits.append(len(b)), transact(self, b))
    )
    run = Told(path)

    async def all_at_once():
        async with asyncio.TaskGroup() as group:
            for number in range(1000):
                group.create_task(run.recording.intend(intent(f"j{number}")))

    asyncio.run(all_at_once())
    run.end()
    assert len(commits) < 50
    assert sum(commits) == 1000 + 2  # the run's beginning and end
    with read(path) as ledger:
        assert len(ledger.jobs(limit=2000)) == 1000
