"""Each process of a job is killed before each of its steps: what is told of the job is true.

The steps are not named here: they are counted until a job comes to its end unharmed. So a
step that is added is tried as well.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from job_agent import AgentGone, AgentOnPipe
from job_host import JobHost, end_process, wait_until
from stopping import processes_of, stopping, wait_for_quiet

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast_agent import spool, wire
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs import summary as job_summary

LINE = "echo out; echo err >&2; echo ran >> {0}/ran-{1}; exit 3"
LATE = "echo out; echo err >&2; echo ran >> {0}/ran-{1}; sleep 0.2; exit 3"
FOLDER = "~/.ansible_async"
COMMAND = {"module": "ansible.legacy.command", "command": json.dumps({"shell": "it"})}
WHOLE = {
    "failed": {"rc": 3, "stdout": "out", "stderr": "err"},
    "limit": {"msg": "Timeout exceeded"},
    "lost": {"outlast_cause": "lost"},
}
"""What the status says of a job, by its cause."""


class Crash:
    """One job of one spool, one process of which was killed before a step, or not."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder / "spool"
        self.ran = folder / f"ran-{step}"
        self.at = folder / "told"
        names = (path.name for path in self.folder.glob(f"**/step{step}.*"))
        self.jids = {name for name in names if name.partition(".")[2].isdigit()}

    def __str__(self) -> str:
        return self.at.read_text() if self.at.exists() else "unharmed"

    def judge(self) -> str:
        """Assert that whoever looks is told the truth, and always the same; gives its cause."""
        if not self.jids:
            return "unknown"
        [jid] = self.jids
        entry = spool.Entry(str(self.folder), jid)
        assert_nothing_is_half(entry)
        status, seen = job_status.status(entry), job_summary.summary(entry) or {}
        assert job_status.status(entry) == status, self
        assert (job_summary.summary(entry) or {}).get("cause") == seen.get("cause"), self
        assert_nothing_is_half(entry)
        assert status["finished"] is True, self
        assert seen.get("state", "ended") == "ended", self
        if status.get("msg") == "could not find job":
            assert seen.get("cause", "lost") == "lost", self
            return "unknown"
        assert "started" not in json.loads(Path(entry.results_file).read_text()), "stock's rule"
        self.judge_output(entry, status, str(seen["cause"]))
        assert job_status.cleanup(entry)["erased"] == entry.results_file
        assert list(self.folder.glob(f"**/{jid}*")) == [], self
        return str(seen["cause"])

    def judge_output(self, entry: spool.Entry, status: dict[str, object], cause: str) -> None:
        """Assert that nothing is lost that was kept, and that an end is told with all of it."""
        whole = WHOLE[cause]
        assert {key: status.get(key) for key in whole} == whole, self
        kept = {name: Path(entry.path(name)).read_text() for name in ("stdout", "stderr")}
        assert "out\n".startswith(kept["stdout"]), self
        assert "err\n".startswith(kept["stderr"]), self
        if cause != "lost":
            assert kept == {"stdout": "out\n", "stderr": "err\n"}, self
            assert self.ran.read_text() == "ran\n", self


def assert_nothing_is_half(entry: spool.Entry) -> None:
    for name in ("job.json", "end.json"):
        if Path(entry.path(name)).exists():
            json.loads(Path(entry.path(name)).read_text())
    if Path(entry.results_file).exists():
        json.loads(Path(entry.results_file).read_text())


def tried(folder: Path, role: str, line: str = LINE, **terms: object) -> dict[str, str]:
    """Kill *role* before each step; gives each step with what was told of its job then."""
    seen: dict[str, str] = {}
    told = folder / "told"
    for step in itertools.count(1):
        told.unlink(missing_ok=True)
        acknowledged = one_job(folder, role, line.format(folder, step), step, **terms)
        crash = Crash(folder, step)
        cause = crash.judge()
        if cause == "unknown":
            assert not acknowledged, crash
            assert not crash.ran.exists(), crash
        seen[f"{step} {str(crash).partition(' ')[2]}"] = cause
        if not told.exists():
            break
    return seen


def one_job(folder: Path, role: str, line: str, step: int, **terms: object) -> bool:
    """Have a job run until nothing is left of it; tells whether its start was acknowledged."""
    told = folder / "told"
    named = {"PATH": "/usr/bin:/bin", "OF": str(folder)}  # all that it starts has it, too
    host = JobHost(folder / "spool", changed=stopping(role, told), environment=named)
    answer = host.try_to_start("/bin/sh", "-c", line, jid=f"step{step}", finish=COMMAND, **terms)
    jid = answer[1] if answer else ""
    done = folder / "spool" / spool.PRIVATE / jid / "end.json"
    wait_until(lambda: told.exists() or (jid and done.exists()))
    host.kill_spawner()
    if told.exists():
        end_process(int(told.read_text().split()[0]))
    wait_for_quiet(folder)
    return bool(jid)


def test_a_supervisor_killed_before_each_step(tmp_path):
    seen = tried(tmp_path, "supervisor")
    assert set(seen.values()) == {"unknown", "lost", "failed"}
    steps = " ".join(seen)
    for name in ("job.json.tmp", "child.tmp", "end.json.tmp", "fsync", "fork", "rename"):
        assert name in steps


def test_a_supervisor_killed_before_each_step_of_ending_its_job(tmp_path):
    seen = tried(tmp_path, "supervisor", LATE, limit=0.05)
    assert set(seen.values()) == {"unknown", "lost", "limit"}
    assert " kill " in " ".join(seen)


def test_a_spawner_killed_before_each_step(tmp_path):
    seen = tried(tmp_path, "spawner")
    assert {"unknown", "failed"} <= set(seen.values()) <= {"unknown", "lost", "failed"}


def test_a_go_between_killed_before_each_step(tmp_path):
    """It has two: to leave the session, and to fork the supervisor."""
    assert list(tried(tmp_path, "go-between").values()) == ["unknown", "unknown", "failed"]


# -- through an agent -------------------------------------------------------------------------


@pytest.fixture
def visible(tmp_path):
    """An agent that nobody kills, to look through."""
    agent = AgentOnPipe(tmp_path)
    yield agent
    agent.close()


def waited_for(agent: AgentOnPipe, line: str, *, jid: str) -> bool:
    """Start a job and wait for its end; tells whether the agent lived to tell of it."""
    try:
        agent.answer(agent.about("job.ended", agent.start(line, jid=jid)))
    except (AgentGone, BrokenPipeError):
        return False
    return True


def test_an_agent_killed_before_each_step(tmp_path, visible):
    """A job that was ordered whole runs once and whole, though the answer is lost; else not at all.

    Ordering takes more steps or fewer: as many as it takes to fill the spawner's pipe.
    """
    seen = []
    for step in itertools.count(1):
        told = tmp_path / "told"
        told.unlink(missing_ok=True)
        agent = AgentOnPipe(tmp_path, changed=stopping("agent", told))
        unharmed = waited_for(agent, LINE.format(tmp_path, step), jid=f"step{step}")
        agent.kill()
        assert unharmed is not told.exists()
        wait_until(lambda: set(processes_of(tmp_path)) <= {visible.process.pid})
        rows = visible.call("job.list", async_dir=FOLDER)["jobs"]
        for row in rows:
            job = {"ansible_job_id": row["jid"]}
            ended = visible.status(job)
            assert (ended["rc"], ended["stdout"], ended["stderr"]) == (3, "out", "err"), step
            assert row["cause"] == "failed"
            visible.answer(visible.about("job.cleanup", job))
        ran = tmp_path / f"ran-{step}"
        assert (ran.read_text() if ran.exists() else "") == "ran\n" * len(rows)
        answering = not unharmed and _is_an_answer(told.read_text())
        assert len(rows) == int(unharmed or answering), told.read_text()
        seen.append(len(rows))
        if unharmed:
            break
    assert set(seen) == {0, 1}
    assert len(seen) > 10, seen


def _is_an_answer(step: str) -> bool:
    """Tell whether an agent was about to write to its controller: JSON, and not marshalled."""
    return " write (" in step and ('{"ansible_job_id":' in step or step.endswith("{}')"))


def test_what_is_told_of_a_start_is_true_though_the_spawner_is_killed(tmp_path):
    """An agent that is not told whether a job was recorded looks for itself."""
    answers = []
    for step in itertools.count(1):
        told = tmp_path / "told"
        told.unlink(missing_ok=True)
        agent = AgentOnPipe(tmp_path, changed=stopping("spawner", told))
        run = {"command": {"shell": "true"}, "environment": {}}
        place = {"jid": f"step{step}", "async_dir": FOLDER, "name": "a test"}
        kind, answer = agent.answer(agent.ask("job.start", **place, run=run, limit=9, terms={}))
        rows = agent.call("job.list", async_dir=FOLDER)["jobs"]
        known = [row["jid"] for row in rows if row["jid"].startswith(f"step{step}.")]
        agent.close()
        assert known == ([answer["ansible_job_id"]] if kind == wire.REPLY else []), step
        answers.append(kind)
        if not told.exists():
            break
    assert set(answers) == {wire.REPLY, wire.ERROR}
    assert answers[-2:] == [wire.REPLY, wire.REPLY], "the last one that was killed had started it"


def test_a_module_killed_before_each_step(tmp_path, visible):
    """Its end is told with the signal, and what it was given as files is gone."""
    told, cup = tmp_path / "told", tmp_path / "cup"
    cup.write_text("old")
    agent = AgentOnPipe(tmp_path, changed=stopping("module", told))
    content = open_content([], library=[], cache=Cache.at(tmp_path / "cache"))
    run = agent.give(content.parcels.parcel("ansible.builtin.copy"))
    args = {"dest": str(cup), "remote_src": True, "_ansible_remote_tmp": str(tmp_path)}
    steps = []
    for step in itertools.count(1):
        told.unlink(missing_ok=True)
        agent.store("k1", b"tea")
        job = agent.start_run({**run, "args": args, "files": {"src": "k1"}}, jid=f"step{step}")
        ended = agent.wait(job)
        assert list(Path(job["results_file"]).parent.rglob("given*")) == []
        if not told.exists():
            assert ended["failed" if "failed" in ended else "changed"] is True, ended
            break
        steps.append(told.read_text())
        assert "killed by signal 9" in ended["msg"]
        assert ended["outlast_cause"] == "signalled"
        assert cup.read_text() in ("old", "tea")
    agent.close()
    assert any("rename" in step and str(cup) in step for step in steps), steps
    assert cup.read_text() == "tea"
