"""Where a process has its control groups, and how one of version 2 is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from outlast_agent.supervision import cgroups, scopes

V1 = "5:cpu,cpuacct:/user\n4:memory:/user/a\n1:name=systemd:/user\n"
V2 = "0::/system.slice/x.scope\n"
V1_MOUNTS = (
    "1 0 0:1 / /proc rw - proc proc rw\n"
    "30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
V2_MOUNTS = "29 24 0:25 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
IN_CONTAINER = "31 24 0:27 /user /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"


@pytest.mark.parametrize(
    ("own", "mounts", "places"),
    [
        (V1, V1_MOUNTS, {"cpu": "cpu,cpuacct/user", "memory": "memory/user/a"}),
        (V2, V2_MOUNTS, {"": "system.slice/x.scope"}),
        ("0::/\n", V2_MOUNTS, {"": ""}),
        (V1, IN_CONTAINER, {"memory": "memory/a"}),
        (V1, V2_MOUNTS, {}),
        ("", "", {}),
    ],
)
def test_a_process_is_found_in_every_hierarchy_that_is_mounted(monkeypatch, own, mounts, places):
    said = {("/proc/7", "cgroup"): own, ("/proc/self", "mountinfo"): mounts}
    monkeypatch.setattr(cgroups, "_read", lambda *where: said[where])
    found = cgroups.places("7")
    found.pop("cpuacct", None)
    assert found == {name: f"/sys/fs/cgroup/{place}".rstrip("/") for name, place in places.items()}


FILES = ("cgroup.procs", "memory.max", "memory.swap.max", "cpu.max", "memory.events", "cgroup.kill")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The group of version 2 in which we are; the kernel puts files into a new one."""
    top = tmp_path / "cgroup"
    here = top / "slice" / "scope"
    here.mkdir(parents=True)
    for place, passed_on in ((top, "cpu memory"), (top / "slice", "memory pids"), (here, "")):
        (place / "cgroup.procs").write_text("")
        (place / "cgroup.subtree_control").write_text(passed_on)
    mkdir = os.mkdir

    def make(path):
        mkdir(path)
        for name in FILES:
            Path(path, name).write_text("")

    monkeypatch.setattr(cgroups.os, "mkdir", make)
    monkeypatch.setattr(cgroups, "places", lambda: {"": str(here)})
    return here


def test_a_group_is_made_where_its_controllers_are_passed_on(here):
    cgroups.make("j1.2", 1 << 20, 0)
    made = here.parent / "outlast-j1.2"
    assert (made / "memory.max").read_text() == "1048576"
    assert (made / "memory.swap.max").read_text() == "0"
    cgroups.make("j1.3", 1 << 20, 1.5)
    made = here.parent.parent / "outlast-j1.3"
    assert (made / "cpu.max").read_text() == "150000 100000"


def test_a_small_share_of_a_cpu_is_one_of_a_longer_time(here):
    cgroups.make("j1.2", 0, 0.002)
    assert (here.parent.parent / "outlast-j1.2" / "cpu.max").read_text() == "2000 1000000"


def test_the_group_is_counted_entered_and_killed(here):
    group = cgroups.make("j1.2", 1 << 20, 0)
    made = here.parent / "outlast-j1.2"
    (made / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    (made / "cgroup.procs").write_text("12\n7\n")
    assert group.pids() == [7, 12]
    assert group.memory_kills() == 2
    group.enter()
    assert (made / "cgroup.procs").read_text().startswith("0")
    group.kill()
    assert (made / "cgroup.kill").read_text() == "1"
    (made / "memory.events").unlink()
    assert group.memory_kills() == 2, "it was read before the group went"


def test_at_the_top_what_is_missing_is_asked_for(here, monkeypatch):
    top = here.parent.parent
    (top / "cgroup.subtree_control").write_text("")
    (here.parent / "cgroup.subtree_control").write_text("")
    monkeypatch.setattr(cgroups, "places", lambda: {"": str(here)})
    cgroups.make("j1.2", 1 << 20, 1)
    assert (top / "cgroup.subtree_control").read_text() == "+memory +cpu"
    assert (top / "outlast-j1.2").is_dir()


def test_a_limit_that_cannot_be_written_leaves_no_group(here, monkeypatch):
    monkeypatch.setattr(cgroups, "limit", lambda *_: Path("/no/such/file").stat())
    removed = []
    monkeypatch.setattr(cgroups, "_removed", removed.append)
    with pytest.raises(cgroups.NoGroup, match="No such file or directory: /no/such/file"):
        cgroups.make("j1.2", 1 << 20, 0)
    assert removed == [str(here.parent / "outlast-j1.2")]


@pytest.mark.parametrize(
    ("name", "text", "limited"),
    [
        ("memory.max", "4096\n", True),
        ("memory.max", "max\n", False),
        ("memory.limit_in_bytes", "4096\n", True),
        ("memory.limit_in_bytes", "9223372036854771712\n", False),
        ("cpu.max", "1000 100000\n", True),
        ("cpu.max", "max 100000\n", False),
        ("cpu.cfs_quota_us", "-1\n", False),
        ("nothing", "", False),
    ],
)
def test_a_limit_is_believed_when_the_kernel_says_it(tmp_path, name, text, limited):
    (tmp_path / name).write_text(text)
    assert cgroups.is_limited({name.partition(".")[0]: str(tmp_path)}) is limited


def test_systemd_is_asked_for_a_scope_with_all_that_was_asked_for():
    asked = scopes.command("j1.2", 77, 4096, 1.5)
    begin = asked.index("StartTransientUnit")
    assert " ".join(asked[begin:]) == (
        "StartTransientUnit ssa(sv)a(sa(sv)) outlast-job-j1.2.scope fail 5"
        " PIDs au 1 77 Description s Outlast's job j1.2"
        " MemoryMax t 4096 MemorySwapMax t 0 CPUQuotaPerSecUSec t 1500000 0"
    )
