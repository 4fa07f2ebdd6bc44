"""A host for tests of jobs: the real spawner and its supervisors, without agent or loop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from outlast.transport.bootstrap import sources
from outlast_agent import bootstrap, spool
from outlast_agent.carrying import Carrier
from outlast_agent.jobs import launching
from outlast_agent.jobs import status as job_status
from outlast_agent.supervision import spawner


def bundle(changed=()):
    """Give the agent as it travels, but for the texts of the modules that are *changed*."""
    given = sources()
    changed = dict(changed)
    assert changed.keys() <= given.keys()
    return bootstrap.pack(given | changed)


def order_fields(**given):
    """Give an order as an agent sends it to the spawner, that asks for nothing but *given*."""
    asked = {"limit": 0, "idle_limit": 0, "grace": 2.0, "reboots": 0}
    asked |= {"nice": 0, "memory_limit": 0, "cpu_limit": 0}
    place = {"folder": "", "jid": "", "facts": "", "cwd": "", "environment": {}}
    work = {"argv": [], "executable": "", "payload": b"", "patience": 0, "finish": {}}
    return {**asked, **place, **work, **given}


class JobHost:
    """Starts real jobs in a spool folder of its own; ends whatever is left of them."""

    def __init__(self, folder, *, environment=None, changed=()):
        """*changed* are modules whose text differs: what takes a day to reach is made small."""
        self.folder = str(folder)
        argv, program = launching.spawner_program(Carrier(bundle(changed)))
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0
        )
        self._process.stdin.write(program)
        self._started = []

    @property
    def spawner_pid(self):
        return self._process.pid

    def try_to_start(self, *argv, jid="j1", limit=30.0, finish=None, payload=b"", **more):
        order = {
            "folder": self.folder,
            "jid": jid,
            "facts": '{"version": 1, "name": "a test"',
            "limit": limit,
            "argv": list(argv),
            "executable": argv[0] if argv else "",
            "payload": payload,
            "patience": 1.0,
            "finish": finish or {"module": "test"},
            **more,
        }
        spawner.send(self._process.stdin.fileno(), order_fields(**order))
        return spawner.receive(self._process.stdout.fileno())

    def start(self, *argv, **more):
        refusal, jid, _ = self.try_to_start(*argv, **more)
        assert not refusal
        entry = spool.Entry(self.folder, jid)
        self._started.append(entry)
        return entry

    def shell(self, line, **more):
        return self.start("/bin/sh", "-c", line, **more)

    def supervisor(self, entry):
        return int(entry.jid.rpartition(".")[2])

    def wait(self, entry, *, seconds=20.0):
        """Return when the job's supervisor is gone; gives the job's status."""
        wait_until(lambda: not spool.process_start(self.supervisor(entry)), seconds=seconds)
        return job_status.status(entry)

    def end(self, entry):
        return json.loads(Path(entry.path("end.json")).read_text())

    def let_spawner_go(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=10)

    def kill_spawner(self):
        self._process.kill()
        self.let_spawner_go()

    def close(self):
        if self._process.poll() is None:
            self.let_spawner_go()
        for entry in self._started:
            child = Path(entry.path("child"))
            end_process(self.supervisor(entry))
            if child.exists():
                end_process(int(child.read_text().split()[0]))


def end_process(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(lambda: not spool.process_start(pid))


def wait_until(condition, *, seconds=20.0):
    """Wait for something another process does; the interval is short, the limit generous."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def host(tmp_path):
    """A host of jobs, which end with the test."""
    made = JobHost(tmp_path / "spool")
    yield made
    made.close()
