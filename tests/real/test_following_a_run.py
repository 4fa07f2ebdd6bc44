"""`outlast playbook --follow`: what jobs say is shown while tasks wait for them."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WAITS = {
    "poll": """
    - name: Back up
      shell: '{line}'
      async: 100
      poll: 50
      register: r
""",
    "until": """
    - name: Start
      shell: '{line}'
      async: 100
      poll: 0
      register: job
    - name: Back up
      async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      register: r
      until: r is finished
      retries: 9
      delay: 50
""",
}

# One for each wait: a fifo opened again too soon still has its last writer, and reads as ended.
GATES = ("gate", "second", "third")


class Playing:
    """A run of a playbook whose output is read as it comes."""

    def __init__(self, folder, variables):
        self.folder = folder
        for gate in GATES:
            os.mkfifo(folder / gate)
        common = {"ansible_async_dir": str(folder / "jobs")}
        hosts = {"all": {"hosts": {"web1": {**common, **variables}}}}
        (folder / "hosts.yml").write_text(json.dumps(hosts))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
            "HOME": str(folder),
            "OUTLAST_STATE_DIR": str(folder / "state"),
            "NO_COLOR": "1",
        }
        self.said = b""
        self.process = None

    def start(self, tasks, *flags):
        agent = f"    - {{name: Agent, shell: 'echo $PPID > {self.folder}/agent'}}"
        head = f"- hosts: all\n  gather_facts: false\n  tasks:\n{agent}"
        (self.folder / "site.yml").write_text(head + tasks)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "outlast", "playbook", "-i", "hosts.yml", *flags, "site.yml"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )

    @property
    def agent(self):
        return int((self.folder / "agent").read_text())

    def open_gate(self, gate="gate"):
        (self.folder / gate).write_text("go\n")

    def until(self, words, *, seconds=30.0):
        """Read on until *words* were said, or the end if they are None; no clock is asked."""
        while words is None or words.encode() not in self.said:
            ready, _, _ = select.select([self.process.stdout], [], [], seconds)
            assert ready, self.said[-2000:].decode()
            block = self.process.stdout.read(1 << 20)
            if not block:
                assert words is None, self.said[-2000:].decode()
                return self.process.wait()
            self.said += block
        return None

    def spoken(self):
        """Give what was shown of jobs, in order."""
        return re.findall(r"^web1 \| Back up \| ?(.*)$", self.said.decode(), re.MULTILINE)

    def close(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.stdout.close()
            self.process.wait()


@pytest.fixture
def here(tmp_path):
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    playing = Playing(tmp_path, local)
    yield playing
    playing.close()


@pytest.fixture
def there(tmp_path, sshd):
    playing = Playing(tmp_path, {**sshd.variables(), "ansible_remote_tmp": str(tmp_path / "r")})
    yield playing
    playing.close()


@pytest.mark.ssh
@pytest.mark.parametrize("how", WAITS)
def test_a_line_is_seen_within_a_second_over_ssh(there, how):
    line = "echo one; printf tw; read x < gate; echo oops >&2; echo o; read x < second; echo three"
    there.start(WAITS[how].format(line=f"cd {there.folder}; {line}"), "--follow")
    there.until("web1 | Back up | one\n")
    began = time.monotonic()
    there.open_gate()
    there.until("web1 | Back up | two\n")
    assert time.monotonic() - began < 1.0
    there.until("web1 | Back up | oops\n")
    there.open_gate("second")
    assert there.until(None) == 0
    assert sorted(there.spoken()) == ["one", "oops", "three", "two"]
    said = there.said.decode()
    assert said.index("| three") < said.index("changed: [web1]\n\nPLAY")


@pytest.mark.ssh
def test_nothing_is_lost_or_repeated_when_the_link_is_cut(there):
    line = f"cd {there.folder}; seq 3000; printf ha; read x < gate; echo lf; seq 3001 6000"
    there.start(WAITS["poll"].format(line=line), "--follow")
    there.until("| 3000\n")
    os.kill(there.agent, signal.SIGKILL)
    there.until("was lost while job")
    there.open_gate()
    assert there.until(None) == 0
    numbers = list(map(str, range(1, 6001)))
    assert there.spoken() == [*numbers[:3000], "half", *numbers[3000:]]


def test_what_was_shown_to_one_task_is_not_shown_to_the_next(here):
    more = """
    - name: Back up
      async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      register: r
      until: r is finished
      retries: 0
      ignore_errors: true
"""
    tasks = WAITS["until"].replace("retries: 9", "retries: 1\n      ignore_errors: true")
    tasks = tasks.replace("delay: 50", "delay: 0.5") + more + more.replace("s: 0", "s: 9")
    here.start(tasks.format(line=f"echo one; read x < {here.folder}/gate; echo two"), "--follow")
    here.until("...ignoring")
    here.open_gate()
    assert here.until(None) == 0
    assert here.spoken() == ["one", "two"]


def test_what_a_module_runs_is_shown_and_harmless(here):
    (here.folder / "library").mkdir()
    talking = Path(__file__).parent / "library" / "talking.py"
    (here.folder / "library" / "talking.py").write_text(talking.read_text())
    task = """
    - name: Back up
      talking: {line: "printf 'a\\\\033[2Jb\\\\n10%%\\\\r20%%\\\\n'"}
      async: 30
      poll: 20
"""
    here.start(task, "--follow")
    assert here.until(None) == 0
    assert here.spoken() == ["ab", "10%", "20%"]


@pytest.mark.parametrize("flags", [(), ("--follow",)])
def test_nothing_is_shown_of_secrets_or_unless_asked_for(here, flags):
    tasks = WAITS["poll"] + WAITS["until"]
    if flags:
        tasks = tasks.replace("async:", "no_log: true\n      async:")
    here.start(tasks.format(line="echo s3cret"), *flags)
    assert here.until(None) == 0
    assert here.spoken() == []
    assert b"s3cret" not in here.said


def test_a_playbook_sees_what_a_running_job_has_said(here):
    tasks = f"""
    - shell: 'echo out; echo err >&2; touch said; read x < gate'
      args: {{chdir: {here.folder}}}
      async: 100
      poll: 0
      register: job
    - wait_for: {{path: {here.folder}/said}}
    - async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      register: r
      until: r.outlast_stdout is defined and r.outlast_stderr is defined
      delay: 1
    - debug: {{msg: "{{{{ r.outlast_stdout }}}}{{{{ r.outlast_stderr }}}}"}}
"""
    here.start(tasks)
    here.until("err\\n")
    here.open_gate()
    assert here.until(None) == 0
    assert b'"msg": "out\\nerr\\n"' in here.said


def peak(pid):
    """Give the most megabytes that a process has had at once."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


@pytest.mark.parametrize("flags", [(), ("--follow",)])
def test_a_flood_makes_neither_controller_nor_agent_grow(here, flags):
    lines = 200_000
    line = f"read x < {here.folder}/second; yes $(printf %01000d 0) | head -n {lines}"
    hold = f"    - {{name: Hold, shell: 'read x < {here.folder}/third'}}\n"
    start = f"    - {{name: Before, shell: 'read x < {here.folder}/gate', async: 9, poll: 9}}\n"
    here.start("\n" + start + WAITS["poll"].format(line=line)[1:] + hold, *flags)
    here.until("TASK [Before]")
    here.open_gate()
    here.until("TASK [Back up]")
    before = peak(here.process.pid), peak(here.agent)
    here.open_gate("second")
    shown = heard(here)
    grown = peak(here.process.pid) - before[0], peak(here.agent) - before[1]
    here.open_gate("third")
    assert here.until(None) == 0
    assert shown == (lines if flags else 0)
    assert max(grown) < 64, grown


def heard(playing):
    """Count the lines of the flood until the task after it begins; keeps nothing of them."""
    count, rest = 0, b""
    while b"TASK [Hold]" not in rest:
        block = playing.process.stdout.read(1 << 20)
        assert block, rest
        *lines, rest = (rest + block).split(b"\n")
        count += sum(line.startswith(b"web1 | Back up | 000") for line in lines)
        rest = next((line for line in lines if b"TASK [Hold]" in line), rest)
    return count
