"""What a module's programs print is kept as it comes, apart from the module's own answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from job_host import end_process, wait_until

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast_agent import wire

LIBRARY = Path(__file__).parent / "library"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    cache = Cache.at(tmp_path_factory.mktemp("cache"))
    return open_content([], library=[str(LIBRARY)], cache=cache)


@pytest.fixture
def start(agent, content):
    run = agent.give(content.parcels.parcel("talking"))

    def start(line, *, idle_limit=0, **args):
        return agent.start_run({**run, "args": {"line": line, **args}}, idle_limit=idle_limit)

    return start


def private(home, job):
    return home / ".ansible_async" / ".outlast" / job["ansible_job_id"]


def logs(agent, job, *, stream="both", follow=False):
    asked = agent.about("job.logs", job, stream=stream, offset=0, follow=follow)
    assert agent.answer(asked)[0] == wire.REPLY
    return agent.heard(asked).decode()


def listed(agent):
    (row,) = agent.call("job.list", async_dir="~/.ansible_async")["jobs"]
    return row


def test_it_can_be_read_while_the_module_runs(agent, start, home, gate):
    job = start(f"echo one; echo two >&2; read x < {gate}; echo three")
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "one\n")
    wait_until(lambda: (private(home, job) / "stderr").read_text() == "two\n")
    assert sorted(logs(agent, job).split()) == ["one", "two"]
    assert listed(agent)["last_line"] in ("one", "two")
    gate.write_text("go\n")
    status = agent.wait(job)
    assert (status["rc"], status["out"], status["err"]) == (0, "one\nthree\n", "two\n")
    assert logs(agent, job, stream="stdout", follow=True) == "one\nthree\n"
    assert "stderr" not in status


def test_the_modules_answer_is_no_output(agent, start, home):
    job = start("true")
    status = agent.wait(job)
    assert logs(agent, job) == ""
    assert json.loads((private(home, job) / "answer").read_text())["msg"] == "said all"
    assert listed(agent)["last_line"] == status["msg"] == "said all"
    assert listed(agent)["output_bytes"] == 0


def test_what_a_module_runs_in_another_way_is_its_own_business(agent, start):
    job = start("echo aloud", aside="echo aside")
    assert agent.wait(job)["aside"] == "aside\n"
    assert logs(agent, job) == "aloud\n"


def test_what_is_secret_to_the_module_is_masked(agent, start, home):
    job = start("printf 's3cr'; sleep 0.1; echo 'et and more'", password="s3cret")
    agent.wait(job)
    assert logs(agent, job) == "******** and more\n"
    (at_rest,) = (path for path in private(home, job).iterdir() if path.name == "stdout")
    assert b"s3cr" not in at_rest.read_bytes()


def test_the_idle_limit_hears_it(agent, start, home):
    job = start("sleep 1; echo last; exec sleep 60", idle_limit=3)
    assert agent.wait(job)["msg"] == "No output for 3 s"
    assert logs(agent, job) == "last\n", "what it said is kept"
    end = private(home, job) / "end.json"
    wait_until(end.exists)
    told = json.loads(end.read_text())
    assert told["ended"] - told["began"] > 3.9, "the silence began with the last word"


def test_a_module_whose_listener_has_died_goes_on(agent, start, home, gate):
    job = start(f"echo ready; read x < {gate}; echo on; touch {home}/done")
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "ready\n")
    end_process(int(job["ansible_job_id"].rpartition(".")[2]))
    gate.write_text("go\n")
    wait_until((home / "done").exists)


def test_a_flood_is_kept_whole(agent, start, home):
    job = start("head -c 2000000 /dev/zero | tr '\\0' x; echo")
    assert len(agent.wait(job)["out"]) == 2_000_001
    assert (private(home, job) / "stdout").stat().st_size == 2_000_001


def test_a_module_that_starts_itself_again_under_another_python_is_heard(
    agent, content, home, gate
):
    run = agent.give(content.parcels.parcel("talking_again"))
    args = {"line": f"echo one; read x < {gate}; echo s3cret", "password": "s3cret"}
    job = agent.start_run({**run, "args": {**args, "python": "/usr/bin/python3"}})
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "one\n")
    gate.write_text("go\n")
    status = agent.wait(job)
    assert (status["python"], status["msg"]) == ("/usr/bin/python3", "said all")
    assert logs(agent, job) == "one\n********\n"


def test_the_programs_of_a_module_hold_no_pipe_of_ours(agent, start):
    job = start("ls /proc/$$/fd")
    assert agent.wait(job)["out"].split() == ["0", "1", "2"]


def weight(job):
    """Give the kilobytes that a job's supervisor has to itself."""
    pid = job["ansible_job_id"].rpartition(".")[2]
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))


def test_the_supervisor_of_a_module_stays_small(agent, start, home, gate):
    job = start(f"head -c 3000000 /dev/zero; echo; read x < {gate}")
    spoken = private(home, job) / "stdout"
    wait_until(lambda: spoken.stat().st_size == 3_000_001)
    assert weight(job) < 3000
    spoken.write_bytes(b"")
    gate.write_text("go\n")
    agent.wait(job)
