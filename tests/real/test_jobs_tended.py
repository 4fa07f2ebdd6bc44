"""Jobs seen, read, ended and cleared away through a real agent, whoever started them."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from job_agent import AgentOnPipe
from job_host import end_process, wait_until

from outlast_agent import spool, wire

FOLDER = "~/.ansible_async"


def private(home, job):
    return home / ".ansible_async" / ".outlast" / job["ansible_job_id"]


def listed(agent):
    return agent.call("job.list", async_dir=FOLDER)["jobs"]


def cancel(agent, job, *, grace=2.0):
    return agent.answer(agent.about("job.cancel", job, grace=grace))[1]


def logs(agent, job, *, stream="both", offset=0, follow=False):
    return agent.about("job.logs", job, stream=stream, offset=offset, follow=follow)


def gone(pid):
    return not spool.process_start(int(pid))


# -- seeing -----------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_holds_no_jobs(agent):
    assert listed(agent) == []


def test_a_running_job_is_shown_with_what_it_said_last(agent, home, gate):
    job = agent.start(f"echo one; echo two; read x < {gate}", limit=77)
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "one\ntwo\n")
    (row,) = listed(agent)
    assert row["jid"] == job["ansible_job_id"]
    assert (row["name"], row["state"], row["limit"]) == ("a test", "running", 77)
    assert (row["last_line"], row["stdout_bytes"], row["output_bytes"]) == ("two", 8, 8)
    assert row["same_boot"] is True
    assert 0 <= row["age"] < 20
    assert time.time() - row["started"] < 20
    assert "cause" not in row
    gate.write_text("go\n")
    agent.wait(job)


@pytest.mark.parametrize(
    ("line", "limits", "cause", "rc"),
    [
        ("true", {}, "exited", 0),
        ("exit 3", {}, "failed", 3),
        ("kill -11 $$", {}, "signalled", -11),
        ("kill -9 $$", {}, "signalled", -9),
        ("exec sleep 60", {"limit": 0.1}, "limit", -15),
        ("exec sleep 60", {"idle_limit": 0.1}, "idle", -15),
    ],
)
def test_every_way_to_end_has_a_name(agent, home, line, limits, cause, rc):
    run = {"command": {"shell": line}, "environment": {}}
    job = agent.start_run(run, **limits)
    agent.wait(job)
    (row,) = listed(agent)
    assert (row["state"], row["cause"], row["rc"]) == ("ended", cause, rc)
    end = private(home, job) / "end.json"
    wait_until(end.exists)
    assert json.loads(end.read_text())["cause"] == cause
    assert row["cause"] in spool.CAUSES


def test_a_lost_job_is_not_shown_as_running(agent, home, gate):
    job = agent.start(f"read x < {gate}")
    child = private(home, job) / "child"
    wait_until(child.exists)
    end_process(int(job["ansible_job_id"].rpartition(".")[2]))
    (row,) = listed(agent)
    assert (row["state"], row["cause"]) == ("ended", "lost")
    assert agent.status(job)["outlast_cause"] == "lost"
    end_process(int(child.read_text().split()[0]))


def test_a_job_that_was_cleaned_up_while_it_runs_is_still_shown(agent, gate):
    job = agent.start(f"read x < {gate}")
    agent.answer(agent.about("job.cleanup", job))
    assert [row["state"] for row in listed(agent)] == ["running"]
    assert cancel(agent, job)["state"] == "cancelled"


def test_stocks_jobs_are_shown_too(agent, home):
    folder = home / ".ansible_async"
    folder.mkdir()
    running = {"started": True, "finished": False, "ansible_job_id": "j1.2"}
    folder.joinpath("j1.2").write_text(json.dumps(running))
    folder.joinpath("j2.3").write_text('{"rc": 1, "failed": true}')
    folder.joinpath("j3.4").write_text('{"changed": true}')
    folder.joinpath("notes.txt").write_text("no job")
    rows = {row["jid"]: row for row in listed(agent)}
    assert rows.keys() == {"j1.2", "j2.3", "j3.4"}
    assert rows["j1.2"]["state"] == "running"
    assert (rows["j2.3"]["state"], rows["j2.3"]["cause"], rows["j2.3"]["rc"]) == (
        "ended",
        "failed",
        1,
    )
    assert rows["j3.4"]["cause"] == "exited"


def test_what_a_job_says_cannot_steer_the_terminal(agent, home):
    said = r"printf 'ok\n\033[31mred\033[0m\033]0;title\007 \b\x9b2Jplain\r\n\033[2K\n'"
    agent.wait(agent.start(said))
    (row,) = listed(agent)
    assert row["last_line"].startswith("red")
    assert row["last_line"].isprintable()
    assert "title" not in row["last_line"]


def test_a_long_line_is_cut(agent):
    agent.wait(agent.start("head -c 100000 /dev/zero | tr '\\0' x"))
    assert listed(agent)[0]["last_line"] == "x" * 200


def test_a_job_whose_task_is_secret_shows_no_line(agent):
    run = {"command": {"shell": "echo s3cret"}, "environment": {}}
    job = agent.call("job.start", jid="j1", limit=9, terms={}, async_dir=FOLDER, name="", run=run)
    agent.wait(job)
    assert "s3cret" not in json.dumps(listed(agent))


def test_others_are_served_while_thousands_of_jobs_are_looked_through(agent, home):
    agent.wait(agent.start("true", jid="j0"))
    first = next((home / ".ansible_async" / ".outlast").iterdir())
    for number in range(3000):
        jid = f"j{number + 1}.{number + 1}"
        folder = first.with_name(jid)
        folder.mkdir()
        for name in ("job.json", "end.json"):
            os.link(first / name, folder / name)
        (home / ".ansible_async" / jid).write_text("{}")
    asked = agent.ask("job.list", async_dir=FOLDER)
    assert agent.call("alive") == {}
    assert not agent.has_answered(asked), "or this shows nothing"
    assert len(agent.answer(asked)[1]["jobs"]) == 3001


# -- ending -----------------------------------------------------------------------------------


def test_a_cancelled_job_is_over_with_all_it_started_when_that_is_answered(agent, home):
    job = agent.start(f"setsid sleep 61 & echo $! > {home}/pid; echo partial; exec sleep 62")
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "partial\n")
    began = time.monotonic()
    answer = cancel(agent, job)
    assert time.monotonic() - began < 2
    assert (answer["state"], answer["msg"]) == ("cancelled", "The job was cancelled.")
    assert gone((home / "pid").read_text())
    status = agent.status(job)
    assert answer["status"] == status
    assert (status["failed"], status["msg"]) == (True, "The job was cancelled.")
    assert status["outlast_cause"] == "cancelled"
    assert gone(status["child_pid"])
    assert (private(home, job) / "stdout").read_text() == "partial\n"
    assert listed(agent)[0]["cause"] == "cancelled"


def test_a_job_has_the_grace_it_is_given(agent, home):
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
    job = agent.start(deaf)
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "deaf\n")
    began = time.monotonic()
    assert cancel(agent, job, grace=0.3)["state"] == "cancelled"
    assert 0.3 <= time.monotonic() - began < 1.8


def test_a_job_has_the_grace_that_it_asked_for(agent, home):
    run = {"command": {"shell": "trap '' TERM; echo deaf; while :; do sleep 0.05; done"}}
    job = agent.start_run({**run, "environment": {}}, grace=0.3)
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "deaf\n")
    began = time.monotonic()
    assert cancel(agent, job, grace=None)["state"] == "cancelled"
    assert 0.3 <= time.monotonic() - began < 1.8


def test_a_second_cancel_may_be_less_patient(agent, home):
    job = agent.start("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "deaf\n")
    patient = agent.about("job.cancel", job, grace=30)
    grace = private(home, job) / "grace"
    wait_until(lambda: grace.exists() and grace.read_text() == "30.0\n")
    assert cancel(agent, job, grace=0)["state"] == "cancelled"
    assert agent.answer(patient)[1]["state"] == "cancelled"


def test_a_job_can_be_cancelled_as_soon_as_it_is_started(agent):
    for number in range(5):
        job = agent.start("exec sleep 60", jid=f"j{number}")
        assert cancel(agent, job)["state"] == "cancelled"


def test_a_job_that_is_over_or_unknown_cannot_be_cancelled(agent):
    job = agent.start("true")
    agent.wait(job)
    wait_until(lambda: gone(job["ansible_job_id"].rpartition(".")[2]))
    answer = cancel(agent, job)
    assert (answer["state"], answer["msg"]) == ("ended", "The job has ended already.")
    assert answer["status"]["rc"] == 0
    for jid in ("j9.9", "../j9", ""):
        answer = cancel(agent, {"ansible_job_id": jid})
        assert (answer["state"], answer["msg"]) == ("unknown", "could not find job")


def test_stocks_running_job_is_left_alone(agent, home):
    (home / ".ansible_async").mkdir()
    running = {"started": True, "finished": False, "ansible_job_id": "j1.2"}
    (home / ".ansible_async" / "j1.2").write_text(json.dumps(running))
    answer = cancel(agent, {"ansible_job_id": "j1.2"})
    assert answer["state"] == "running"
    assert "started by Ansible itself" in answer["msg"]


@pytest.mark.parametrize("grace", [-1, 1e9])
def test_a_grace_without_sense_is_refused(agent, gate, grace):
    job = agent.start(f"read x < {gate}")
    kind, answer = agent.answer(agent.about("job.cancel", job, grace=grace))
    assert (kind, "to end itself" in answer["message"]) == (wire.ERROR, True)
    gate.write_text("go\n")
    agent.wait(job)


def test_cancelling_that_is_given_up_goes_on_without_us(agent, home):
    job = agent.start("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "deaf\n")
    asked = agent.about("job.cancel", job, grace=0.2)
    agent.cancel(asked)
    assert agent.answer(asked)[1]["kind"] == "cancelled"
    assert agent.wait(job)["msg"] == "The job was cancelled."


def test_a_silent_job_is_ended_and_says_why(agent):
    run = {"command": {"shell": "echo x; sleep 0.2; echo y; exec sleep 60"}, "environment": {}}
    began = time.monotonic()
    status = agent.wait(agent.start_run(run, idle_limit=0.5))
    assert 0.7 <= time.monotonic() - began < 3
    assert (status["failed"], status["msg"]) == (True, "No output for 0.5 s")
    assert status["outlast_cause"] == "idle"


def test_a_talking_job_is_not_idle(agent):
    run = {
        "command": {"shell": "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done"},
        "environment": {},
    }
    assert agent.wait(agent.start_run(run, idle_limit=0.7))["rc"] == 0


# -- reading ----------------------------------------------------------------------------------


def test_what_was_said_can_be_read_in_the_order_in_which_it_was_said(agent):
    job = agent.start("echo o1; sleep 0.1; echo e1 >&2; sleep 0.1; echo o2")
    agent.wait(job)
    for stream, said in (("both", b"o1\ne1\no2\n"), ("stdout", b"o1\no2\n"), ("stderr", b"e1\n")):
        asked = logs(agent, job, stream=stream)
        assert agent.answer(asked) == (wire.REPLY, {"offset": len(said)})
        assert agent.heard(asked) == said


def test_a_line_is_seen_within_half_a_second_and_the_end_ends_it(agent, home, gate):
    last = home / "last"
    os.mkfifo(last)
    job = agent.start(f"read x < {gate}; echo now; read x < {last}; echo end >&2")
    asked = logs(agent, job, follow=True)
    gate.write_text("go\n")
    began = time.monotonic()
    wait_until(lambda: agent.heard(asked) == b"now\n")
    assert time.monotonic() - began < 0.5
    assert not agent.has_answered(asked)
    last.write_text("go\n")
    assert agent.answer(asked) == (wire.REPLY, {"offset": 8})
    assert agent.heard(asked) == b"now\nend\n"


def test_without_following_a_running_job_is_read_as_far_as_it_is(agent, home, gate):
    job = agent.start(f"echo one; read x < {gate}")
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "one\n")
    asked = logs(agent, job)
    assert agent.answer(asked) == (wire.REPLY, {"offset": 4})
    gate.write_text("go\n")
    agent.wait(job)


def test_who_comes_back_goes_on_where_he_was(agent, home, gate):
    job = agent.start(f"echo one; read x < {gate}; echo two >&2")
    asked = logs(agent, job, follow=True)
    wait_until(lambda: agent.heard(asked) == b"one\n")
    agent.kill()
    later = AgentOnPipe(home)
    asked = logs(later, job, offset=4, follow=True)
    gate.write_text("go\n")
    assert later.answer(asked) == (wire.REPLY, {"offset": 8})
    assert later.heard(asked) == b"two\n"
    later.close()


def test_no_more_is_sent_than_the_reader_takes(agent, home):
    job = agent.start("head -c 3000000 /dev/zero")
    agent.wait(job)
    asked = logs(agent, job, follow=True)
    wait_until(lambda: len(agent.heard(asked)) == wire.WINDOW)
    agent.call("alive")
    assert len(agent.heard(asked)) == wire.WINDOW
    agent.tell(asked, b"%d" % wire.WINDOW)
    wait_until(lambda: len(agent.heard(asked)) == 2 * wire.WINDOW)
    agent.tell(asked, b"%d" % wire.WINDOW)
    assert agent.answer(asked) == (wire.REPLY, {"offset": 3_000_000})
    assert len(agent.heard(asked)) == 3_000_000


def test_reading_can_be_given_up(agent, home, gate):
    job = agent.start(f"echo one; read x < {gate}; echo two")
    asked = logs(agent, job, follow=True)
    wait_until(lambda: agent.heard(asked) == b"one\n")
    agent.cancel(asked)
    assert agent.answer(asked)[1]["kind"] == "cancelled"
    open_files = Path(f"/proc/{agent.process.pid}/fd")
    assert not [fd for fd in open_files.iterdir() if str(private(home, job)) in str(fd.readlink())]
    gate.write_text("go\n")
    agent.wait(job)


def test_the_last_words_of_a_lost_job_are_read(agent, home, gate):
    job = agent.start(f"echo last; read x < {gate}")
    asked = logs(agent, job, follow=True)
    wait_until(lambda: agent.heard(asked) == b"last\n")
    os.kill(int(job["ansible_job_id"].rpartition(".")[2]), signal.SIGKILL)
    assert agent.answer(asked) == (wire.REPLY, {"offset": 5})
    gate.write_text("go\n")


def test_there_is_no_output_of_what_is_no_job_of_ours(agent, home):
    (home / ".ansible_async").mkdir()
    (home / ".ansible_async" / "j1.2").write_text("{}")
    for jid, why in (("j9.9", "could not find job"), ("../x", "could not find job"), ("j1.2", "")):
        kind, answer = agent.answer(logs(agent, {"ansible_job_id": jid}))
        assert kind == wire.ERROR
        assert (why or "started by Ansible itself, which keeps none") in answer["message"]
    kind, answer = agent.answer(logs(agent, {"ansible_job_id": "j1.2"}, stream="stdin"))
    assert (kind, answer["kind"]) == (wire.ERROR, "failed")


# -- clearing away ----------------------------------------------------------------------------


def prune(agent, *, older_than=0, keep=0):
    return agent.call("job.prune", async_dir=FOLDER, older_than=older_than, keep=keep)["removed"]


def test_only_what_has_ended_is_removed(agent, home, gate):
    over = agent.start("true", jid="j1")
    agent.wait(over)
    running = agent.start(f"read x < {gate}", jid="j2")
    wait_until(lambda: gone(over["ansible_job_id"].rpartition(".")[2]))
    assert prune(agent) == [over["ansible_job_id"]]
    assert [row["jid"] for row in listed(agent)] == [running["ansible_job_id"]]
    assert not private(home, over).exists()
    gate.write_text("go\n")
    assert agent.wait(running)["rc"] == 0


def test_the_young_and_the_latest_stay(agent):
    jobs = [agent.start("true", jid=f"j{number}") for number in range(3)]
    for job in jobs:
        agent.wait(job)
        wait_until(lambda job=job: gone(job["ansible_job_id"].rpartition(".")[2]))
    assert prune(agent, older_than=60) == []
    kept = max(listed(agent), key=lambda row: row["ended"])["jid"]
    assert len(prune(agent, keep=1)) == 2
    assert [row["jid"] for row in listed(agent)] == [kept]
    assert prune(agent, keep=5) == []


def test_stocks_ended_jobs_are_removed_too(agent, home):
    folder = home / ".ansible_async"
    folder.mkdir()
    folder.joinpath("j1.2").write_text('{"started": true, "finished": false}')
    folder.joinpath("j2.3").write_text('{"rc": 0}')
    folder.joinpath("notes.txt").write_text("no job")
    assert prune(agent) == ["j2.3"]
    assert sorted(path.name for path in folder.iterdir()) == ["j1.2", "notes.txt"]


# -- whose words they are -------------------------------------------------------------------------


def test_pieces_can_say_whose_they_are(agent, home, gate):
    second = home / "second"  # who waits twice at one gate may find it still open
    os.mkfifo(second)
    line = f"echo out; read x < {gate}; echo err >&2; read x < {second}; echo more"
    job = agent.start(line)
    following = logs(agent, job, stream="tagged", follow=True)
    for way, words in ((gate, b"\x01out\n"), (second, b"\x01out\n\x02err\n")):
        wait_until(lambda words=words: agent.heard(following) == words)
        way.write_text("go\n")
    assert agent.answer(following)[1] == {"offset": 13}, "the tags do not count"
    assert agent.heard(following).endswith(b"\x01more\n")
    again = logs(agent, job, stream="tagged", offset=5)
    agent.answer(again)
    assert agent.heard(again) == b"\x02rr\n\x01more\n"


def test_words_that_are_nobodys_business_are_not_given_for_showing(agent, home):
    run = {"command": {"shell": "echo s3cret"}, "environment": {}}
    folder = {"async_dir": FOLDER}
    job = agent.call("job.start", jid="j1", limit=9, terms={}, name="", run=run, **folder)
    agent.wait(job)
    kind, said = agent.answer(logs(agent, job, stream="tagged"))
    assert kind == wire.ERROR
    assert "not to be shown" in said["message"]


def test_more_than_is_under_way_at_once_comes_tagged_as_well(agent):
    job = agent.start("head -c 3000000 /dev/zero")
    agent.wait(job)
    asked = logs(agent, job, stream="tagged")
    wait_until(lambda: len(agent.heard(asked)) >= wire.WINDOW - 2)
    assert not agent.has_answered(asked), "it waits until somebody has taken that"
    assert len(agent.heard(asked)) <= wire.WINDOW
    agent.tell(asked, b"%d" % (8 * wire.WINDOW))
    assert agent.answer(asked)[1] == {"offset": 3_000_000}
    assert agent.heard(asked).count(b"\0") == 3_000_000
