"""That a job was killed for want of memory is said only where the kernel says so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from job_host import JobHost, wait_until

from outlast.transport.bootstrap import sources
from outlast_agent.supervision import out_of_memory
from outlast_agent.supervision.supervisor import Ending

KILLED = (
    b"3,1093,72810000,-;Out of memory: Killed process 4711 (python3) total-vm:99kB, anon-rss:1kB\n"
)
IN_GROUP = b"3,1094,72820000,-;Memory cgroup out of memory: Killed process 4712 (x) total-vm:9kB\n"
LOG = b"6,1,0,-;Linux version 6\n SUBSYSTEM=x\n" + KILLED + IN_GROUP


@pytest.mark.parametrize("pid", [4711, 4712])
def test_the_log_names_whom_the_kernel_killed(pid):
    assert out_of_memory.names(LOG, {pid, 1}, 70.0)


@pytest.mark.parametrize(
    ("pid", "since"), [(471, 70.0), (4711, 73.0)], ids=["somebody else", "an earlier one"]
)
def test_nobody_else_was_killed_for_that(pid, since):
    assert not out_of_memory.names(LOG, {pid}, since)


@pytest.fixture
def log(tmp_path):
    """The changes that make a kernel log of a file, and pids those of the kernel."""
    text = sources()["supervision.out_of_memory"]
    place, name = str(tmp_path / "kmsg"), '"pid:[4026531836]"'
    assert '"/dev/kmsg"' in text
    assert name in text
    text = text.replace('"/dev/kmsg"', repr(place)).replace(
        name, 'os.readlink("/proc/self/ns/pid")'
    )
    return {"supervision.out_of_memory": text}


@pytest.fixture
def host(tmp_path, log):
    host = JobHost(tmp_path / "spool", changed=log)
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


LOOK = "        self._look_at = now + max(1.0,"
TELL_LOOK = """\
        with open(self._entry.folder + "/looked", "a") as file:
            file.write("x")
        self._look_at = now + max(0.02,"""


def test_any_process_of_the_job_counts_that_was_seen(log, tmp_path):
    """The kernel kills a grandchild; the shell goes on, to fail."""
    text = sources()["supervision.supervisor"]
    assert text.count(LOOK) == 1
    host = JobHost(
        tmp_path / "spool", changed=log | {"supervision.supervisor": text.replace(LOOK, TELL_LOOK)}
    )
    go, said = tmp_path / "go", SAID.replace("$$", "$p")
    os.mkfifo(go)
    line = f"sh -c 'echo up; read x < {go}' & p=$!; wait $p; echo \"{said}\" > {tmp_path}/kmsg"
    entry = host.shell(f"{line}; exit 137", finish={"module": "c", "command": '{"shell": "x"}'})
    looked = Path(entry.folder, "looked")
    wait_until(Path(entry.path("stdout")).read_text)
    before = looked.stat().st_size
    wait_until(lambda: looked.stat().st_size > before + 1)
    go.write_text("go\n")
    status = host.wait(entry)
    host.close()
    assert (status["rc"], status["outlast_cause"]) == (137, "out_of_memory")


def test_a_clock_that_was_set_hides_nothing(tmp_path, monkeypatch):
    (tmp_path / "kmsg").write_bytes(LOG)
    monkeypatch.setattr(out_of_memory, "KERNEL_LOG", str(tmp_path / "kmsg"))
    here = str(Path("/proc/self/ns/pid").readlink())
    monkeypatch.setattr(out_of_memory, "_FIRST_PID_NAMESPACE", here)
    ending = Ending()
    ending.pids, ending.since, ending.began = {4711}, 70.0, 4e9
    assert out_of_memory.was_reason(ending)
    ending.since = 80.0
    assert not out_of_memory.was_reason(ending)


def test_a_kill_before_the_job_was_not_its_own(host, tmp_path):
    line = KILLED_NOW.replace("9999999999999", "1").format(log=tmp_path / "kmsg")
    assert host.wait(host.shell(line))["outlast_cause"] == "signalled"
