"""A job is shown by the better of what is known, in words that cannot be misread."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace

from outlast.cli.jobs.seen import (
    described,
    gone,
    remembered,
    said_state,
    said_time,
    show_jobs,
    told,
)
from outlast.jobs import JobSummary
from outlast.ledger.records import JobRecord

RECORD = JobRecord(
    jid="j12.34",
    run="1abc",
    host="db1",
    task="Back up",
    state="running",
    cause="",
    started=1000.0,
    ended=None,
    learnt=1000.0,
    limit=3600.0,
    async_dir="~/.ansible_async",
    endpoint={"kind": "local", "host": "db1"},
    payload={},
)
RUNS = JobSummary(jid="j12.34", state="running", started=1001.0, limit=3600.0, last_line="part 3")


def ended(cause, rc=None, **more):
    return replace(RUNS, state="ended", cause=cause, rc=rc, ended=1061.0, **more)


def seen(summary, record=RECORD):
    return told(summary, "db1", "~/.ansible_async", record)


@pytest.mark.parametrize(
    ("summary", "state", "words", "mood"),
    [
        (RUNS, "running", "running", "busy"),
        (ended("exited", 0), "ended", "done", "good"),
        (ended("failed", 3), "failed", "failed (rc 3)", "bad"),
        (ended("failed"), "failed", "failed", "bad"),
        (ended("signalled", -9), "failed", "failed (signal 9)", "bad"),
        (ended("limit"), "failed", "out of time", "bad"),
        (ended("idle"), "failed", "silent too long", "bad"),
        (ended("out_of_memory"), "failed", "out of memory", "bad"),
        (ended("cancelled", -15), "failed", "cancelled", "dim"),
        (ended("lost"), "lost", "lost", "bad"),
    ],
)
def test_every_way_to_end_has_its_word(summary, state, words, mood):
    job = seen(summary)
    assert job.state == state
    assert (said_state(job).text, said_state(job).mood) == (words, mood)
    assert job.asked


def test_only_what_went_wrong_by_itself_is_bad():
    assert seen(ended("failed", 1)).bad
    assert seen(ended("lost")).bad
    assert not seen(ended("cancelled")).bad
    assert not seen(ended("cancelled")).well
    assert not seen(RUNS).bad
    assert seen(ended("exited", 0)).well


def test_what_a_playbook_was_told_stays_told():
    joined = replace(RECORD, state="joined", cause="failed")
    assert seen(ended("failed", 2), joined).state == "joined"
    assert said_state(seen(ended("failed", 2), joined)).text == "failed (rc 2)"
    assert said_state(remembered(replace(joined, cause="exited"))).text == "done"


def test_a_job_that_the_host_no_longer_has_is_not_said_to_run():
    assert gone(RECORD).state == "unknown"
    assert "not on the host" in said_state(gone(RECORD)).text
    assert gone(replace(RECORD, state="ended", cause="exited")).state == "ended"


def test_a_job_whose_time_is_long_over_is_not_said_to_run():
    assert remembered(RECORD, now=4600.0).state == "running"
    late = remembered(RECORD, now=4700.0)
    assert (late.state, late.cause) == ("unknown", "its time is over")
    assert remembered(replace(RECORD, limit=0.0), now=9e9).state == "running"


def test_the_run_and_the_task_come_from_the_ledger_when_the_host_has_none():
    assert (seen(RUNS).run, seen(RUNS).task) == ("1abc", "Back up")
    strange = seen(replace(RUNS, name="Theirs"), None)
    assert (strange.run, strange.task) == (None, "Theirs")


def test_time_is_what_it_took_or_how_far_it_is():
    assert said_time(seen(ended("exited", 0)), 5000.0) == "1m"
    assert said_time(seen(RUNS), 1060.0) == "1m of 1h"
    assert said_time(remembered(replace(RECORD, limit=0.0), now=1010.0), 1010.0) == "10s"


def test_a_hosts_clock_may_be_off():
    ahead = ended("exited", 0)
    job = seen(replace(ahead, started=ahead.started + 7200, ended=ahead.ended + 7200))
    assert (job.started, job.ended) == (1000.0, 1060.0)
    assert seen(ahead, None).ended == 1061.0


def test_hosts_cannot_move_the_cursor_of_who_looks():
    stream = io.StringIO()
    show_jobs(stream, [seen(replace(RUNS, last_line="a\x1b[2Jb\rc", name="T\x07\n"))])
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 2


def test_a_table_without_the_hosts_word_has_no_last_line():
    stream = io.StringIO()
    show_jobs(stream, [remembered(RECORD)])
    assert stream.getvalue().splitlines()[0].split() == [
        *("JOB", "HOST", "STATE", "TIME", "STARTED", "RUN", "TASK"),
    ]


def test_a_description_has_no_empty_lines():
    facts = dict(described(seen(ended("failed", 3)), {"msg": "non-zero return code"}))
    assert facts["message"] == "non-zero return code"
    assert facts["run"] == "1abc"
    assert all(facts.values())
    assert "last line" not in dict(described(remembered(RECORD, now=1001.0), {}))
