"""Real jobs under limits of memory, CPU and precedence, kept by real control groups."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from job_host import JobHost, end_process, wait_until

from outlast.transport.bootstrap import sources
from outlast_agent import spool
from outlast_agent.supervision import cgroups, process_tree
from outlast_agent.supervision.resources import NotPossible, Resources


def _groups():
    try:
        group = cgroups.make(f"probe.{os.getpid()}", 1 << 30, 1.0)
    except cgroups.NoGroup as why:
        return str(why)
    group.remove()
    return ""


with_groups = pytest.mark.skipif(bool(_groups()), reason=f"no control groups: {_groups()}")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
EAT = f"{sys.executable} -c 'b = b\"x\" * 300_000_000'"


@pytest.fixture
def host(tmp_path):
    host = JobHost(tmp_path / "spool")
    yield host
    host.close()


def command(line):
    return {"module": "ansible.legacy.command", "command": json.dumps({"shell": line})}


def shell(host, line, **more):
    return host.shell(line, finish=command(line), **more)


def places(entry):
    """Give the folders that a job's group has, or would have."""
    here = cgroups.places()
    return [Path(here[name], f"outlast-{entry.jid}") for name in ("memory", "cpu") if name in here]


def remains(entry):
    return [place for place in places(entry) if place.exists()]


# -- memory -----------------------------------------------------------------------------------


@with_groups
@pytest.mark.parametrize(("line", "rc"), [(f"exec {EAT}", -9), (f"{EAT}; exit 3", 3)])
def test_who_takes_more_memory_than_the_limit_is_ended_and_it_is_told(host, line, rc):
    entry = shell(host, f"echo begun; {line}", memory_limit=50 << 20)
    status = host.wait(entry)
    assert (status["rc"], status["stdout"]) == (rc, "begun")
    assert status["outlast_cause"] == "out_of_memory"
    end = host.end(entry)
    assert (end["cause"], end["memory_kills"]) == ("out_of_memory", 1)
    assert not remains(entry)


THREE = """
import os, signal, sys
for _ in range(3):
    if os.fork() == 0:
        some = b"x" * 40_000_000
        signal.pause()
_, status = os.wait()
os.killpg(0, signal.SIGTERM)
"""


@with_groups
def test_all_processes_of_a_job_have_one_limit_together(host):
    entry = host.start(sys.executable, "-c", THREE, memory_limit=100 << 20, finish=command("x"))
    host.wait(entry)
    assert host.end(entry)["cause"] == "out_of_memory"
    assert host.end(entry)["memory_kills"] >= 1


@with_groups
def test_who_stays_below_the_limit_does_not_notice(host):
    entry = shell(host, EAT, memory_limit=600 << 20, cpu_limit=4)
    assert host.wait(entry)["rc"] == 0
    assert (host.end(entry)["cause"], host.end(entry)["memory_kills"]) == ("exited", 0)
    assert not remains(entry)


@pytest.fixture
def crowded():
    """A group of somebody else's with little memory, which a job may enter."""
    memory = cgroups.places().get("memory")
    first = str(Path("/proc/self/ns/pid").readlink()) == "pid:[4026531836]"
    if memory is None or not first or not os.access("/dev/kmsg", os.R_OK):
        pytest.skip("needs the kernel's log, and a group of version 1")
    group = Path(memory, f"crowded-{os.getpid()}")
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(50 << 20))
    yield group
    group.rmdir()


@with_groups
def test_without_a_group_of_its_own_the_kernels_log_tells(host, crowded):
    """The kernel logs a line for real, and nobody counts."""
    entry = shell(host, f"echo $$ > {crowded}/cgroup.procs; exec {EAT}")
    status = host.wait(entry)
    assert (status["rc"], status["outlast_cause"]) == (-9, "out_of_memory")
    assert host.end(entry)["memory_kills"] == 0


# -- CPU, precedence --------------------------------------------------------------------------


@with_groups
def test_who_wants_more_of_the_cpu_than_the_limit_has_to_wait(host):
    busy = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.2: pass'"
    where = cgroups.places().get("cpu")
    if where is None:
        pytest.skip("version 2 has its own files")
    line = f"{busy}; cat {where}/outlast-*.$PPID/cpu.cfs_quota_us {where}/outlast-*.$PPID/cpu.stat"
    entry = shell(host, line, cpu_limit=0.25)
    quota, *counts = host.wait(entry)["stdout"].splitlines()
    assert quota == "25000"
    assert int(dict(line.split() for line in counts)["nr_throttled"]) > 0
    assert not remains(entry)


def nicer(by):
    """Say what a process of ours is, if it is *by* nicer than these tests."""
    return str(min(19, os.nice(0) + by))


def test_a_job_gives_others_precedence(host):
    assert host.wait(shell(host, "nice", nice=7))["stdout"] == nicer(7)


# -- the end ----------------------------------------------------------------------------------


@with_groups
def test_the_whole_group_ends_with_its_job(host):
    entry = shell(
        host,
        "setsid sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done' & exec sleep 60",
        memory_limit=50 << 20,
        limit=0.6,
        grace=0.1,
    )
    assert host.wait(entry)["msg"] == "Timeout exceeded"
    assert host.end(entry)["survivors"] == 0
    assert not remains(entry)


@with_groups
def test_what_a_job_leaves_behind_stays_in_its_group_which_goes_after_it(host):
    entry = shell(host, "sleep 60 > /dev/null 2>&1 & echo $!", memory_limit=50 << 20)
    daemon = int(host.wait(entry)["stdout"])
    try:
        assert spool.process_start(daemon)
        assert remains(entry)
    finally:
        end_process(daemon)
    host.wait(shell(host, "true", jid="j2", memory_limit=50 << 20, cpu_limit=1))
    assert not remains(entry)


def test_a_job_may_be_given_more_time_to_end_itself(host):
    line = "trap 'sleep 0.1; echo tidied; exit' TERM; echo up; while :; do sleep 0.05; done"
    entry = host.shell(line, finish=command(line), limit=0.5, grace=60)
    assert host.wait(entry)["stdout"].splitlines() == ["up", "tidied"]


def test_a_job_may_be_given_none(host):
    entry = host.shell("trap 'echo tidied' TERM; while :; do sleep 0.05; done", limit=0.5, grace=0)
    host.wait(entry)
    assert (host.end(entry)["cause"], host.end(entry)["signal"]) == ("limit", 9)


# -- what cannot be kept ----------------------------------------------------------------------


def test_a_job_whose_limit_cannot_be_kept_is_not_started(tmp_path):
    text = sources()["supervision.cgroups"]
    changed = {"supervision.cgroups": text.replace('"mountinfo"', '"no_such_file"')}
    host = JobHost(tmp_path / "spool", changed=changed)
    refusal, jid, _ = host.try_to_start("/bin/touch", f"{tmp_path}/ran", memory_limit=1 << 30)
    host.close()
    assert refusal.startswith(
        "The job was not started: outlast_memory_limit cannot be kept on this host"
        " (it has no control groups). It takes a control group that this user may make"
    )
    assert jid == ""
    assert sorted(tmp_path.iterdir()) == []


def refused(**limits):
    """Give what somebody without rights is told."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            Resources(**limits).prepare("j1.2")
        except NotPossible as why:
            os.write(tell, str(why).encode())
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(pid, 0)
    with os.fdopen(told) as said:
        return said.read()


@as_root
def test_who_has_no_right_to_precedence_is_told():
    assert refused(nice=-5).startswith(
        "The job was not started: outlast_nice -5 would take precedence over others, which only"
    )


@as_root
@with_groups
def test_who_may_make_no_group_is_told():
    said = refused(memory=1 << 30, cpus=1.0)
    assert "outlast_memory_limit and outlast_cpu_limit cannot be kept on this host" in said
    assert "Permission denied" in said


# -- systemd ----------------------------------------------------------------------------------

BUSCTL = """\
#!/bin/sh
echo "$@" > {log}
while [ "$1" != au ]; do shift; done
mkdir {memory}
echo $((50 << 20)) > {memory}/memory.limit_in_bytes
echo $3 > {memory}/cgroup.procs
"""


@pytest.fixture
def systemd(tmp_path):
    """A host on which systemd runs, played by a program that makes the group it is asked for."""
    memory = Path(cgroups.places()["memory"], f"outlast-test-{os.getpid()}")
    busctl = tmp_path / "bin" / "busctl"
    busctl.parent.mkdir()
    busctl.write_text(BUSCTL.format(memory=memory, log=tmp_path / "asked"))
    busctl.chmod(busctl.stat().st_mode | stat.S_IXUSR)
    text = sources()["supervision.scopes"]
    assert '"/run/systemd/system"' in text
    changed = {"supervision.scopes": text.replace('"/run/systemd/system"', repr(str(tmp_path)))}
    environment = {"PATH": f"{busctl.parent}:{os.environ['PATH']}"}
    host = JobHost(tmp_path / "spool", environment=environment, changed=changed)
    yield host
    host.close()
    if memory.exists():
        memory.rmdir()


@with_groups
@pytest.mark.skipif("memory" not in cgroups.places(), reason="the program makes version 1's")
def test_where_systemd_runs_a_job_gets_a_scope_with_its_limits(systemd, tmp_path):
    entry = shell(systemd, f"{EAT}; exit 3", memory_limit=50 << 20)
    status = systemd.wait(entry)
    assert (status["rc"], status["outlast_cause"]) == (3, "out_of_memory")
    asked = (tmp_path / "asked").read_text()
    assert f"StartTransientUnit ssa(sv)a(sa(sv)) outlast-job-{entry.jid}.scope fail 4 " in asked
    assert asked.endswith("MemoryMax t 52428800 MemorySwapMax t 0 0\n")
    assert systemd.end(entry)["memory_kills"] == 1


@with_groups
@pytest.mark.skipif("memory" not in cgroups.places(), reason="the program makes version 1's")
def test_what_keeps_a_scope_is_no_part_of_the_job(systemd):
    """It is not waited for, and does not survive the job."""
    entry = shell(
        systemd,
        "trap '' TERM; echo up; while :; do sleep 0.05; done",
        memory_limit=50 << 20,
        limit=0.5,
        grace=0.1,
    )
    holder = _holder(entry)
    assert systemd.wait(entry)["msg"] == "Timeout exceeded"
    assert systemd.end(entry)["survivors"] == 0
    wait_until(lambda: not spool.process_start(holder))


def _holder(entry):
    """Find who is in the group and not a descendant of the job's supervisor."""
    wait_until(Path(entry.path("stdout")).read_text)
    supervisor = int(entry.jid.rpartition(".")[2])
    (group,) = Path(cgroups.places()["memory"]).glob(f"outlast-test-{os.getpid()}")
    members = set(map(int, (group / "cgroup.procs").read_text().split()))
    return min(members - set(process_tree.family(supervisor)))


@with_groups
def test_a_scope_whose_limit_is_not_kept_is_no_scope(systemd, tmp_path):
    """The CPU was asked for, too, and nobody has limited it."""
    text = sources()["supervision.scopes"]
    impatient = text.replace('"/run/systemd/system"', repr(str(tmp_path)))
    impatient = impatient.replace("_PATIENCE = 5.0", "_PATIENCE = 0.2")
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    host = JobHost(
        tmp_path / "s", environment=environment, changed={"supervision.scopes": impatient}
    )
    refusal, _, _ = host.try_to_start("/bin/true", memory_limit=50 << 20, cpu_limit=1)
    host.close()
    assert "(systemd gives this user no scope with limits)" in refusal
    assert not (tmp_path / "s").exists()


# -- from a playbook --------------------------------------------------------------------------

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars: {outlast_cpu_limit: 200%, outlast_nice: 1}
  tasks:
    - name: gets through
      command: nice
      async: 20
      poll: 1
      register: polite
      vars: {outlast_nice: 3, outlast_memory_limit: 600M}
    - name: eats
      shell: "echo begun; EAT; exit 5"
      async: 20
      poll: 1
      vars: {outlast_memory_limit: 50M}
      register: ate
      ignore_errors: true
    - name: is deaf
      shell: "trap '' TERM; echo so far; while :; do sleep 0.05; done"
      async: 1
      poll: 1
      vars: {outlast_grace: 0.1}
      register: deaf
      ignore_errors: true
    - copy:
        dest: "{{ playbook_dir }}/said"
        content: "{{ [polite.stdout, ate.stdout, ate.rc, why, deaf.stdout] | to_json }}"
      vars: {why: "{{ ate.outlast_cause }}"}
    - name: wants too much
      command: touch {{ playbook_dir }}/ran
      async: 20
      vars: {outlast_nice: much}
"""


@with_groups
def test_a_playbook_limits_its_jobs(tmp_path):
    eat = EAT.replace('"', '\\"')
    (tmp_path / "p.yml").write_text(PLAYBOOK.replace("EAT", eat))
    run = subprocess.run(
        [sys.executable, "-m", "outlast", "playbook", "p.yml"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert json.loads((tmp_path / "said").read_text()) == [
        nicer(3),
        "begun",
        5,
        "out_of_memory",
        "so far",
    ]
    assert run.returncode == 2
    assert "'outlast_nice' is a whole number from -20 to 19, not 'much'" in run.stdout + run.stderr
    assert not (tmp_path / "ran").exists()
