"""That a job was killed for want of memory is said only where the kernel says so."""

from __future__ import annotations

import json

import pytest
from job_host import JobHost, sources

from outlast_agent import out_of_memory

KILLED = (
    b"3,1093,72810000,-;Out of memory: Killed process 4711 (python3) total-vm:99kB, anon-rss:1kB\n"
)
IN_GROUP = b"3,1094,72820000,-;Memory cgroup out of memory: Killed process 4712 (x) total-vm:9kB\n"
LOG = b"6,1,0,-;Linux version 6\n SUBSYSTEM=x\n" + KILLED + IN_GROUP


@pytest.mark.parametrize("pid", [4711, 4712])
def test_the_log_names_whom_the_kernel_killed(pid):
    assert out_of_memory.names(LOG, pid, 70.0)


@pytest.mark.parametrize(
    ("pid", "since"), [(471, 70.0), (4711, 73.0)], ids=["somebody else", "an earlier one"]
)
def test_nobody_else_was_killed_for_that(pid, since):
    assert not out_of_memory.names(LOG, pid, since)


@pytest.fixture
def host(tmp_path):
    """A host whose kernel log is a file, and whose pids count as the kernel's."""
    text = sources()["out_of_memory"]
    log, name = str(tmp_path / "kmsg"), '"pid:[4026531836]"'
    assert '"/dev/kmsg"' in text
    assert name in text
    text = text.replace('"/dev/kmsg"', repr(log)).replace(name, 'os.readlink("/proc/self/ns/pid")')
    host = JobHost(tmp_path / "spool", changed={"out_of_memory": text})
    yield host
    host.close()


SAID = "3,1,9999999999999,-;Out of memory: Killed process $$ (sh) x"
KILLED_NOW = f'echo "{SAID}" > {{log}}; kill -9 $$'


def test_a_job_that_the_kernel_killed_for_memory_says_so(host, tmp_path):
    line = KILLED_NOW.format(log=tmp_path / "kmsg")
    finish = {"module": "c", "command": json.dumps({"shell": line})}
    entry = host.shell(line, finish=finish)
    status = host.wait(entry)
    assert (status["rc"], status["outlast_cause"]) == (-9, "out_of_memory")
    assert host.end(entry)["cause"] == "out_of_memory"


def test_a_job_that_somebody_killed_does_not(host):
    entry = host.shell("kill -9 $$")
    assert host.wait(entry)["outlast_cause"] == "signalled"
    assert host.end(entry)["cause"] == "signalled"
