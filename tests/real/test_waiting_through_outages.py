"""Playbooks that wait for a job while their connections are cut and their host's sshd is down."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from job_host import wait_until
from real_hosts import running_sshd

pytestmark = pytest.mark.ssh

START = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Build
      shell: echo begun; read x < {folder}/gate; echo $x
      async: 90
      poll: {poll}
      register: build
"""
POLLED = START.format(folder="{folder}", poll=1)
ASKED = """
    - name: Ask
      async_status: {{jid: "{{{{ build.ansible_job_id }}}}"}}
      until: build is finished
      retries: 40
      delay: 1
      register: build
"""
WAITED = """
    - name: Wait
      outlast.jobs.wait:
      register: waited
    - set_fact: {{build: "{{{{ waited.jobs[0].result }}}}"}}
"""
TELL = """
    - copy:
        content: "{{{{ build.stdout_lines | to_json }}}} {{{{ build.attempts | default(0) }}}}"
        dest: {folder}/told
"""
PLAYBOOKS = {
    "polled": POLLED + TELL,
    "async_status": START.format(folder="{folder}", poll=0) + ASKED + TELL,
    "outlast.jobs.wait": START.format(folder="{folder}", poll=0) + WAITED + TELL,
}


@pytest.fixture
def own_sshd():
    with running_sshd() as server:
        yield server


@dataclass
class Playing:
    """A playbook under way in a process of its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def said(self):
        return (self.folder / "stderr").read_text()

    @property
    def shown(self):
        return (self.folder / "stdout").read_text()

    def is_waiting(self):
        """Tell whether the job has begun and somebody waits for it."""
        spoken = list((self.folder / "jobs" / ".outlast").glob("*/stdout"))
        return spoken and spoken[0].read_text() and self.has_asked()

    def has_asked(self):
        return any(word in self.shown for word in ("ASYNC POLL", "RETRYING", "TASK [Wait]"))


@pytest.fixture
def play(tmp_path, own_sshd):
    """Start a playbook on a host behind a sshd of its own."""
    processes = []

    def start(text):
        (tmp_path / "play.yml").write_text(text.format(folder=tmp_path))
        os.mkfifo(tmp_path / "gate")
        variables = own_sshd.variables() | {"ansible_async_dir": str(tmp_path / "jobs")}
        hosts = {"all": {"hosts": {"web1": variables}}}
        (tmp_path / "hosts.yml").write_text(json.dumps(hosts))
        words = ["-m", "outlast", "playbook", "-i", "hosts.yml", "play.yml"]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE")}
        with open(tmp_path / "stdout", "wb") as out, open(tmp_path / "stderr", "wb") as err:  # noqa: PTH123  # handed on
            processes.append(
                subprocess.Popen(
                    [sys.executable, *words],
                    cwd=tmp_path,
                    env=kept | {"OUTLAST_STATE_DIR": str(tmp_path / "state")},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            )
        playing = Playing(tmp_path, processes[-1])
        wait_until(playing.is_waiting)
        return playing

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def ended_well(playing):
    assert playing.process.wait(60) == 0, playing.shown + playing.said
    lines, attempts = (playing.folder / "told").read_text().rsplit(" ", 1)
    assert json.loads(lines) == ["begun", "on"]
    assert playing.said.count("was lost while") == 1
    assert "unreachable=0" in playing.shown
    return int(attempts)


def hang_up_on(port, times):
    """Be who listens where the sshd did, and hang up on so many who try to connect."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(20)
        for _ in range(times):
            server.accept()[0].close()


@pytest.mark.parametrize("how", PLAYBOOKS)
def test_a_host_whose_sshd_is_down_is_waited_for(play, own_sshd, how):
    playing = play(PLAYBOOKS[how])
    own_sshd.stop()
    wait_until(lambda: "was lost while" in playing.said)
    hang_up_on(own_sshd.port, 2)  # longer than the delay between two attempts
    (playing.folder / "gate").write_text("on\n")  # the job ends while nobody can ask for it
    (result,) = [path for path in (playing.folder / "jobs").iterdir() if path.is_file()]
    wait_until(lambda: "rc" in result.read_text())
    own_sshd.start()
    assert ended_well(playing) < 6


@pytest.mark.parametrize("how", PLAYBOOKS)
def test_a_connection_that_is_cut_is_opened_again(play, own_sshd, how):
    playing = play(PLAYBOOKS[how])
    own_sshd.cut()
    wait_until(lambda: "was lost while" in playing.said)
    assert playing.process.poll() is None
    (playing.folder / "gate").write_text("on\n")
    ended_well(playing)
