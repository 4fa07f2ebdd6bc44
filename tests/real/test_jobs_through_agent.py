"""Jobs asked for through a real agent: started, looked at, told of, cleaned up after."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from job_agent import AgentOnPipe
from job_host import wait_until

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast_agent import spool, wire

LIBRARY = Path(__file__).parent / "library"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    cache = Cache.at(tmp_path_factory.mktemp("cache"))
    return open_content([], library=[str(LIBRARY)], cache=cache)


def private(home, job):
    return home / ".ansible_async" / ".outlast" / job["ansible_job_id"]


def test_the_start_is_answered_as_stock_answers_it(agent, home):
    job = agent.start("true", jid="j123")
    jid = job["ansible_job_id"]
    assert jid.startswith("j123.")
    assert job == {
        "ansible_job_id": jid,
        "started": True,
        "finished": False,
        "results_file": str(home / ".ansible_async" / jid),
    }
    agent.wait(job)


def test_a_job_is_recorded_when_its_start_is_answered(agent, home, gate):
    job = agent.start(f"read x < {gate}")
    recorded = json.loads(Path(job["results_file"]).read_text())
    assert recorded == {"started": True, "finished": False, "ansible_job_id": job["ansible_job_id"]}
    described = json.loads((private(home, job) / "job.json").read_text())
    assert described["limit"] == 30
    assert described["module"] == "ansible.legacy.command"
    gate.write_text("go\n")
    agent.wait(job)


def test_a_running_job_has_stocks_status(agent, gate):
    job = agent.start(f"read x < {gate}")
    assert agent.status(job) == {
        "ansible_job_id": job["ansible_job_id"],
        "results_file": job["results_file"],
        "started": True,
        "finished": False,
    }
    gate.write_text("go\n")
    agent.wait(job)


def test_a_running_job_tells_what_it_said_last(agent, home, gate):
    line = f"echo oh >&2; head -c 70000 /dev/zero | tr '\\0' x; echo last; read x < {gate}"
    job = agent.start(line)
    wait_until(lambda: (private(home, job) / "stdout").stat().st_size == 70_005)
    status = agent.status(job)
    assert len(status["outlast_stdout"]) == 64 * 1024
    assert status["outlast_stdout"].endswith("xlast\n")
    assert status["outlast_stderr"] == "oh\n"
    gate.write_text("go\n")
    assert "outlast_stdout" not in agent.wait(job), "its result has all of it"


def test_what_nobody_is_to_hear_is_not_told_while_it_runs(agent, home, gate):
    started = agent.ask(
        "job.start",
        jid="j1",
        limit=30,
        terms={},
        async_dir="~/.ansible_async",
        name="",
        run={"command": {"shell": f"echo s3cret; read x < {gate}"}, "environment": {}},
    )
    job = agent.answer(started)[1]
    wait_until(lambda: (private(home, job) / "stdout").read_text() == "s3cret\n")
    assert "s3cret" not in json.dumps(agent.status(job))
    gate.write_text("go\n")
    agent.wait(job)


def test_the_end_is_told_at_once(agent, gate):
    job = agent.start(f"read x < {gate}; date +%s.%N")
    told = agent.about("job.ended", job)
    assert not agent.has_answered(told)
    gate.write_text("go\n")
    assert agent.answer(told) == (wire.REPLY, {})
    assert time.time() - float(agent.status(job)["stdout"]) < 1.0


def test_many_may_wait_for_one_job(agent, gate):
    job = agent.start(f"read x < {gate}")
    first, second = agent.about("job.ended", job), agent.about("job.ended", job)
    gate.write_text("go\n")
    assert agent.answer(second) == agent.answer(first) == (wire.REPLY, {})


def test_the_end_of_a_job_that_is_not_there_is_told_at_once(agent):
    assert agent.call("job.ended", jid="j1.2", async_dir="~/.ansible_async") == {}


def test_a_job_whose_start_is_withdrawn_does_not_run_on(agent, home):
    run = {"command": {"shell": "exec sleep 60"}, "environment": {}}
    started = agent.ask(
        "job.start",
        jid="j1",
        limit=60,
        terms={},
        async_dir="~/.ansible_async",
        name="",
        run=run,
    )
    agent.cancel(started)
    assert agent.answer(started)[1]["kind"] == "cancelled"
    (description,) = (home / ".ansible_async" / ".outlast").glob("*/job.json")
    supervisor = json.loads(description.read_text())["supervisor"]["pid"]
    wait_until(lambda: not spool.process_start(supervisor))
    child = description.with_name("child")
    if child.exists():  # it had come so far
        assert not spool.process_start(int(child.read_text().split()[0]))


def test_waiting_can_be_given_up(agent, gate):
    job = agent.start(f"read x < {gate}; echo on")
    told = agent.about("job.ended", job)
    agent.cancel(told)
    assert agent.answer(told)[1]["kind"] == "cancelled"
    gate.write_text("go\n")
    assert agent.wait(job)["stdout"] == "on", "the job went on"


def test_an_unknown_job_is_told_in_stocks_words(agent, home):
    status = agent.call("job.status", jid="j1.2", async_dir="~/.ansible_async")
    assert status["failed"] is True
    assert status["msg"] == "could not find job"
    assert (status["started"], status["finished"]) == (True, True)
    erased = agent.call("job.cleanup", jid="j1.2", async_dir="~/.ansible_async")
    assert erased["erased"] == str(home / ".ansible_async" / "j1.2")
    assert erased["msg"] == "could not find job"


def test_a_jid_cannot_lead_elsewhere(agent, home):
    home.joinpath("secret").write_text('{"password": "x"}')
    status = agent.call("job.status", jid="../secret", async_dir="~/.ansible_async")
    assert status["msg"] == "could not find job"
    kind, answer = agent.answer(
        agent.ask(
            "job.start",
            jid="../x",
            limit=1,
            terms={},
            async_dir="~/.ansible_async",
            name="",
            run={"command": {"argv": ["true"]}, "environment": {}},
        )
    )
    assert kind == wire.ERROR
    assert "cannot be called" in answer["message"]


def test_cleaning_up_leaves_nothing(agent, home):
    job = agent.start("true")
    agent.wait(job)
    assert agent.answer(agent.about("job.cleanup", job))[1] == {
        "ansible_job_id": job["ansible_job_id"],
        "erased": job["results_file"],
        "started": False,
        "finished": False,
    }
    assert list((home / ".ansible_async").rglob("*")) == [home / ".ansible_async" / ".outlast"]


def test_an_unwritable_folder_is_refused_before_anything_runs(agent, home):
    home.joinpath("file").write_text("")
    request = agent.ask(
        "job.start",
        jid="j1",
        limit=1,
        terms={},
        async_dir="~/file/async",
        name="",
        run={"command": {"shell": f"touch {home}/ran"}, "environment": {}},
    )
    kind, answer = agent.answer(request)
    assert kind == wire.ERROR
    assert answer["kind"] == "failed"
    assert answer["message"].startswith("could not create directory: ")
    assert not home.joinpath("ran").exists()


def test_a_command_sees_its_environment_and_stocks_folder(agent):
    run = {
        "command": {"shell": "echo $COLOUR $ANSIBLE_ASYNC_DIR; pwd", "chdir": "/etc"},
        "environment": {"COLOUR": "blue"},
    }
    assert agent.wait(agent.start_run(run))["stdout"] == "blue ~/.ansible_async\n/etc"


def test_a_command_reads_what_it_is_given(agent):
    run = {"command": {"argv": ["cat"], "stdin": "tea"}, "environment": {}}
    assert agent.wait(agent.start_run(run))["stdout"] == "tea"


def test_a_command_that_is_not_to_run_is_a_job_all_the_same(agent):
    run = {"command": {"argv": ["false"], "creates": "/etc"}, "environment": {}}
    status = agent.wait(agent.start_run(run))
    assert status["rc"] == 0
    assert status["msg"] == "Did not run command since '/etc' exists"


def test_a_program_that_is_not_there_is_the_jobs_result(agent):
    run = {"command": {"argv": ["/no/such/program", "x"]}, "environment": {}}
    status = agent.wait(agent.start_run(run))
    assert (status["rc"], status["failed"]) == (2, True)
    assert status["cmd"] == "/no/such/program x"


def test_a_module_runs_as_a_job(agent, content):
    run = agent.give(content.parcels.parcel("ansible.builtin.ping"))
    status = agent.wait(agent.start_run({**run, "args": {"data": "tea"}}))
    assert status["ping"] == "tea"
    assert status["finished"] is True


def test_a_modules_arguments_are_in_no_file_and_no_argv(agent, content, home, gate):
    run = agent.give(content.parcels.parcel("ansible.builtin.command"))
    args = {"_raw_params": f"sh -c 'read x < {gate}'", "stdin": "s3cret-s3cret"}
    job = agent.start_run({**run, "args": args})
    child = private(home, job) / "child"
    wait_until(lambda: child.exists() and len(_tree(int(child.read_text().split()[0]))) > 1)
    for pid in _tree(int(child.read_text().split()[0])):
        assert b"s3cret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"s3cret" in path.read_bytes()] == []
    gate.write_text("go\n")
    agent.wait(job)


def _tree(root):
    below = [root]
    for pid in below:
        below += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return below


def test_a_module_that_starts_itself_again_finds_its_files(agent, content, home):
    parcel = content.parcels.parcel("respawning")
    assert parcel.on_disk, "or this test shows nothing"
    job = agent.start_run({**agent.give(parcel), "args": {}})
    status = agent.wait(job)
    assert status["found"] is True, status
    assert not (private(home, job) / "library").exists(), "and they are removed"


def test_a_module_is_given_files_that_are_gone_afterwards(agent, content, home):
    run = agent.give(content.parcels.parcel("ansible.builtin.copy"))
    agent.ask("file.store", key="k1", name="src", size=3)
    for piece in wire.frames(agent.last, wire.STREAM, b"tea"):
        agent.process.stdin.write(piece)
    assert agent.answer(agent.last)[0] == wire.REPLY
    args = {"dest": str(home / "cup"), "remote_src": True, "_ansible_remote_tmp": str(home)}
    job = agent.start_run({**run, "args": args, "files": {"src": "k1"}})
    assert agent.wait(job)["changed"] is True
    assert home.joinpath("cup").read_text() == "tea"
    assert sorted(path.name for path in private(home, job).iterdir()) == [
        "answer",
        "child",
        "complaints",
        "end.json",
        "job.json",
        "stderr",
        "stdout",
    ]


def test_a_refused_job_leaves_none_of_its_files(agent, home):
    agent.ask("file.store", key="k1", name="s.sh", size=3)
    for piece in wire.frames(agent.last, wire.STREAM, b"tea"):
        agent.process.stdin.write(piece)
    assert agent.answer(agent.last)[0] == wire.REPLY
    assert list((home / "tmp").rglob("s.sh"))
    (home / "file").touch()
    run = {
        "command": {"shell": "/here/s.sh"},
        "script": {"key": "k1", "stands_as": "/here/"},
        "environment": {},
    }
    place = {"jid": "j1", "limit": 30.0, "async_dir": str(home / "file"), "name": "a test"}
    number = agent.ask("job.start", **place, run=run, terms={})
    kind, body = agent.answer(number)
    assert kind == wire.ERROR, body
    assert not list(home.rglob("s.sh"))


def test_a_modules_crash_is_its_result(agent, content):
    run = agent.give(content.parcels.parcel("crashing"))
    status = agent.wait(agent.start_run({**run, "args": {}}))
    assert status["failed"] is True
    assert "boom" in json.dumps(status)


def _pythons():
    """Give every Python of this machine that an agent may have to run under."""
    for minor in range(8, 15):
        versions = Path.home().joinpath(".pyenv/versions").glob(f"3.{minor}.*/bin/python")
        # What stands in the PATH may be pyenv's shim, which runs nothing by itself.
        found = next(map(str, versions), None) or shutil.which(f"python3.{minor}")
        if found:
            yield pytest.param(found, id=f"3.{minor}")


@pytest.mark.parametrize("python", list(_pythons()))
def test_every_python_since_3_8_runs_jobs(home, content, python):
    agent = AgentOnPipe(home, python=python)
    try:
        assert agent.wait(agent.start("echo hi; exit 3"))["rc"] == 3
        assert agent.wait(agent.start("sleep 60", limit=0.1))["msg"] == "Timeout exceeded"
        run = agent.give(content.parcels.parcel("ansible.builtin.ping"))
        assert agent.wait(agent.start_run({**run, "args": {}}))["ping"] == "pong"
        job = agent.start("echo out; exec sleep 60", jid="j2")
        wait_until(lambda: (private(home, job) / "stdout").read_text() == "out\n")
        assert agent.answer(agent.about("job.cancel", job, grace=1))[1]["state"] == "cancelled"
        said = agent.about("job.logs", job, stream="both", offset=0, follow=True)
        assert agent.answer(said)[1] == {"offset": 4}
        folder = {"async_dir": "~/.ansible_async"}
        causes = {row["cause"] for row in agent.call("job.list", **folder)["jobs"]}
        assert causes == {"failed", "limit", "exited", "cancelled"}
        assert len(agent.call("job.prune", **folder, older_than=0, keep=1)["removed"]) == 3
    finally:
        agent.close()


def test_a_job_lives_on_when_the_agent_leaves(agent, home, gate):
    job = agent.start(f"read x < {gate}; echo done")
    agent.close()
    later = AgentOnPipe(home)
    assert later.status(job)["finished"] is False
    told = later.about("job.ended", job)
    gate.write_text("go\n")
    later.answer(told)
    assert later.status(job)["stdout"] == "done"
    later.close()


def test_no_process_of_ours_stays_when_agent_and_jobs_are_gone(agent, home):
    agent.wait(agent.start("true"))
    spawners = [pid for pid in _tree(agent.process.pid) if pid != agent.process.pid]
    assert spawners
    agent.close()
    assert [pid for pid in spawners if spool.process_start(pid)] == []
