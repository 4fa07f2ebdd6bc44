"""A job's files are removed, emptied, cut or closed to us: what is told is true, and told of all.

One job is there for each file, so that each is seen beside those whose other files suffer.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from pathlib import Path

import msgspec
import pytest
from job_agent import AgentOnPipe
from job_host import end_process, wait_until
from real_hosts import SYSTEM_PYTHON, user

from outlast.jobs.tending import JobSummary
from outlast_agent import spool, wire

__all__ = ["user"]

FOLDER = "~/.ansible_async"
RESULT = "the result"
FILES = ("job.json", RESULT, "end.json", "stdout", "stderr", "turns", "child")
LINE = "echo out; echo err >&2; [ {0} = ended ] || exec sleep 600; exit 3"


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def closed(path: Path) -> None:
    path.chmod(0)


@pytest.fixture
def home(user, tmp_path):
    """A home of somebody who is not root: to root no file is closed."""
    place = Path(pwd.getpwnam(user.name).pw_dir, "jobs")
    place.mkdir()
    shutil.chown(place, user.name)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def agent(home, user, tmp_path):
    """An agent of that somebody."""
    python = tmp_path / "python"
    as_him = f"setpriv --reuid {user.name} --regid {user.name} --clear-groups"
    python.write_text(f'#!/bin/sh\nexec {as_him} {SYSTEM_PYTHON} "$@"\n')
    python.chmod(0o755)
    agent = AgentOnPipe(home, python=str(python))
    yield agent
    agent.close()


class Jobs:
    """A job for each file, all in the same state."""

    def __init__(self, agent: AgentOnPipe, home: Path, state: str) -> None:
        self.agent, self.folder = agent, home / ".ansible_async"
        self.by_file = {}
        for number, name in enumerate(FILES):
            job = agent.start(LINE.format(state), jid=f"j{number}", limit=600)
            self.by_file[name] = job["ansible_job_id"]
        for jid in self.by_file.values():
            self.wait_for(jid, state)

    def private(self, jid: str) -> Path:
        return self.folder / spool.PRIVATE / jid

    def file(self, name: str) -> Path:
        jid = self.by_file[name]
        return self.folder / jid if name == RESULT else self.private(jid) / name

    def wait_for(self, jid: str, state: str) -> None:
        pid = int(jid.rpartition(".")[2])
        wait_until(lambda: (self.private(jid) / "stderr").read_text() == "err\n")
        wait_until((self.private(jid) / "child").exists)
        if state == "lost":
            child = int((self.private(jid) / "child").read_text().split()[0])
            end_process(pid)
            end_process(child)
        elif state == "ended":
            wait_until(lambda: not spool.process_start(pid))

    def spoil(self, harm) -> None:
        for name in FILES:
            if self.file(name).exists():
                harm(self.file(name))

    def ask(self, op: str, name: str, **more):
        job = {"ansible_job_id": self.by_file[name]}
        return self.agent.answer(self.agent.about(op, job, **more))

    def listed(self) -> dict[str, dict[str, object]]:
        rows = self.agent.call("job.list", async_dir=FOLDER)["jobs"]
        assert msgspec.convert(rows, list[JobSummary]), "as the controller reads them"
        return {row["jid"]: row for row in rows}

    def close(self) -> None:
        for jid in self.by_file.values():
            pid = int(jid.rpartition(".")[2])
            if spool.process_start(pid):
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda: not spool.process_start(pid))  # noqa: B023  # asked here


@pytest.mark.parametrize("harm", [removed, emptied, cut, closed])
@pytest.mark.parametrize("state", ["running", "ended", "lost"])
def test_spoilt_files(agent, home, state, harm):
    jobs = Jobs(agent, home, state)
    try:
        jobs.spoil(harm)
        rows = jobs.listed()
        seen = {name: rows[jid]["state"] for name, jid in jobs.by_file.items()}
        expected = "running" if state == "running" else "ended"
        assert seen == dict.fromkeys(FILES, expected), "each job is listed, in its state"
        for name in FILES:
            judge(jobs, name, state, gone=harm is removed)
    finally:
        jobs.close()


def judge(jobs: Jobs, name: str, state: str, *, gone: bool) -> None:
    """Assert what is told of the job of which the file *name* is spoilt."""
    kind, status = jobs.ask("job.status", name)
    assert kind == wire.REPLY, status
    if name == RESULT and gone:
        assert status["msg"] == "could not find job", "as stock says"
    else:
        assert status["finished"] is (state != "running"), (name, status)
    if state == "ended" and name != RESULT:
        assert (status["rc"], status["stdout"]) == (3, "out"), name
    kind, said = jobs.ask("job.logs", name, stream="both", offset=0, follow=False)
    assert kind == wire.REPLY or said["kind"] == "failed", (name, said)
    if name not in ("stdout", "stderr", "turns"):
        assert kind == wire.REPLY, (name, said)
    if state == "running":
        kind, said = jobs.ask("job.cancel", name, grace=1)
        assert (kind, said["state"]) == (wire.REPLY, "cancelled"), (name, said)
