"""What ended jobs leave is bounded by age, number and bytes, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import time

import pytest
from job_agent import AgentOnPipe
from job_host import end_process, wait_until

from outlast_agent import spool, wire

FOLDER = "~/.ansible_async"
ALL = {"days": 30, "jobs": 10_000, "bytes": 4 * 1024**3, "age": 0}


def start(agent, line, number, **keep):
    run = {"command": {"shell": line}, "environment": {}}
    return agent.call(
        "job.start",
        jid=f"j{number}",
        limit=60,
        async_dir=FOLDER,
        name="a test",
        run=run,
        terms={},
        keep={**ALL, **keep} if keep else None,
    )


def there(home):
    """Give the ids of which there is anything."""
    folder = home / ".ansible_async"
    return {path.name for place in (folder, folder / ".outlast") for path in place.glob("j*")}


def ended(agent, home, *lines, days=()):
    """Have jobs end, one after another, so many days ago; give their ids."""
    ids = []
    for number, line in enumerate(lines):
        job = start(agent, line, number)
        agent.wait(job)
        jid = job["ansible_job_id"]
        wait_until(lambda jid=jid: not spool.process_start(int(jid.rpartition(".")[2])))
        then = time.time() - (days[number] * 86400 if days else len(lines) - number)
        os.utime(home / ".ansible_async" / ".outlast" / jid / "end.json", (then, then))
        ids.append(jid)
    return ids


def last(agent, home, **keep):
    """Start one more job, with those bounds, and wait until it is all that is new."""
    job = start(agent, "true", 99, **keep)
    agent.wait(job)
    return job["ansible_job_id"]


def left_after(agent, home, expected, **keep):
    jid = last(agent, home, **keep)
    wait_until(lambda: there(home) - {jid} == set(expected))
    return jid


def test_old_ones_go(agent, home):
    _old, young = ended(agent, home, "true", "true", days=(31, 29))
    left_after(agent, home, [young], days=30)


def test_of_too_many_the_oldest_go(agent, home):
    ids = ended(agent, home, "true", "true", "true")
    left_after(agent, home, ids[1:], jobs=2)


def test_of_too_many_bytes_the_oldest_go(agent, home):
    million = "yes | head -c 1000000"  # and once more in its result
    ids = ended(agent, home, "true", million, million, "true")
    left_after(agent, home, ids[2:], bytes=3_000_000)


def test_what_runs_stays_though_it_be_the_oldest(agent, home, gate):
    running = start(agent, f"read x < {gate}; echo $x", 7)
    ended(agent, home, "true")
    left_after(agent, home, [running["ansible_job_id"]], days=0, jobs=0, bytes=0)
    gate.write_text("on\n")
    assert agent.wait(running)["stdout"] == "on"


def test_a_start_that_left_nothing_but_a_folder_goes_and_names_stay(agent, home):
    ours = home / ".ansible_async" / ".outlast"
    ended(agent, home, "true", days=(1,))
    for name in ("j5.55", "names"):
        (ours / name).mkdir()
        os.utime(ours / name, (1000, 1000))
    wait = last(agent, home, days=30)
    wait_until(lambda: not (ours / "j5.55").exists())
    assert (ours / "names").is_dir()
    assert wait in there(home)


def test_what_ended_since_the_run_began_stays(agent, home):
    """Its playbook has yet to ask for it."""
    _before, since = ended(agent, home, "true", "true", days=(0.5, 0.1))
    left_after(agent, home, [since], jobs=0, age=0.2 * 86400)


def test_a_lost_one_is_found_out_and_counts(agent, home):
    lost = start(agent, "exec sleep 900", 5)
    jid = lost["ansible_job_id"]
    child = home / ".ansible_async" / ".outlast" / jid / "child"
    wait_until(child.exists)
    os.kill(int(jid.rpartition(".")[2]), signal.SIGKILL)
    wait_until(lambda: not spool.process_start(int(jid.rpartition(".")[2])))
    end_process(int(child.read_text().split()[0]))
    last(agent, home, jobs=5)
    assert jid in there(home)
    wait_until((child.parent / "end.json").exists)
    another = AgentOnPipe(home)
    last(another, home, jobs=0)
    wait_until(lambda: jid not in there(home))
    another.close()


def test_stocks_jobs_and_what_is_no_job_stay(agent, home):
    folder = home / ".ansible_async"
    folder.mkdir()
    for name in ("j1.2", "notes.txt"):
        (folder / name).write_text('{"rc": 0}')
        os.utime(folder / name, (0, 0))
    ours = ended(agent, home, "true", days=(1,))
    left_after(agent, home, ["j1.2"], jobs=0)
    assert ours[0] not in there(home)
    assert (folder / "notes.txt").exists()


def test_a_folder_is_looked_through_once_an_hour(agent, home):
    left_after(agent, home, [], jobs=0)
    ids = ended(agent, home, "true")
    start(agent, "true", 98, jobs=0)
    [answered] = [agent.call("job.list", async_dir=FOLDER)]  # whatever was due has been done
    assert ids[0] in {row["jid"] for row in answered["jobs"]}


def test_thousands_are_cleared_while_others_are_served(agent, home):
    place = home / ".ansible_async" / ".outlast"
    place.mkdir(parents=True, mode=0o700)
    (home / ".ansible_async").chmod(0o700)
    for number in range(3000):
        folder = place / f"j{number}.1"
        folder.mkdir()
        for name in ("job.json", "end.json", "stdout", "stderr"):
            (folder / name).write_text("{}")
        os.utime(folder / "end.json", (number, number))
    job = start(agent, "true", 99, jobs=10)
    began = time.monotonic()
    assert agent.call("job.list", async_dir="~/nowhere") == {"jobs": []}
    assert time.monotonic() - began < 1
    agent.wait(job)
    wait_until(lambda: len(there(home)) <= 11, seconds=60)


@pytest.mark.parametrize("keep", [{"days": 1}, [], {**ALL, "jobs": "many"}])
def test_bounds_that_are_none_are_refused(agent, keep):
    run = {"command": {"shell": "true"}, "environment": {}}
    asked = agent.ask(
        "job.start",
        jid="j1",
        limit=9,
        async_dir=FOLDER,
        name="",
        run=run,
        terms={},
        keep=keep,
    )
    kind, answer = agent.answer(asked)
    assert kind == wire.ERROR
    assert "days, jobs, bytes, age" in answer["message"]
