"""reboot restarts a host and waits for another boot of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions, done

from outlast.errors import HostUnreachable
from outlast.work import CommandRun, Reply

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@dataclass
class Machine:
    """A host that takes some attempts to go down, to be away, and to be well again."""

    name: str = "Debian"
    lingers: int = 0
    away: int = 0
    ill: int = 0
    refuses: bool = False
    nobody_knows_the_boot: bool = False
    kind: str = "ssh"
    asked: bool = False
    resets: int = 0
    discovered: bool = False
    lines: list = field(default_factory=list)

    @property
    def address(self):
        return {"kind": self.kind}

    async def open(self):
        if self.asked and not self.lingers and self.away:
            self.away -= 1
            raise HostUnreachable("gone")
        return self

    async def reset(self):
        self.resets += 1

    async def run(self, run):
        if not isinstance(run, CommandRun):
            return Reply(json.dumps(self.module(run)), "", 0)
        self.lines.append(run.shell)
        rc, stdout = self.command(run.shell)
        result = {"rc": rc, "stdout": stdout, "stderr": "no" if rc else "", "failed": bool(rc)}
        return Reply(json.dumps(result), "", rc)

    def module(self, run):
        if run.parcel.main.endswith(".find"):
            return {"files": [{"path": f"/sbin/{run.args['patterns'][0]}"}]}
        facts = {"distribution": self.name, "distribution_version": "12.5", "os_family": "Debian"}
        return {"ansible_facts": {f"ansible_{key}": value for key, value in facts.items()}}

    def command(self, line):
        if line == BOOT_ID:
            if self.asked and self.lingers:
                self.lingers -= 1
                return 0, "one\n"
            return int(self.nobody_knows_the_boot), "two\n" if self.asked else "one\n"
        if line == "whoami":
            self.ill -= 1
            return int(self.ill >= 0), "root"
        if not self.refuses:
            self.asked = True
        return int(self.refuses), ""


@pytest.fixture
def performing(tmp_path):
    made = actions(tmp_path)
    for module in ("setup", "find"):
        made.modules.content.parcels.prepare(f"ansible.builtin.{module}")
    made.modules.content.core.read()
    return made


async def rebooted(performing, host, *, check_mode=False, **args):
    call = replace(
        a_call("reboot", args, check_mode=check_mode), session=host.open, reset=host.reset
    )
    seen, _ = await done(performing, call)
    return seen


@pytest.mark.looptime
async def test_a_host_is_restarted_and_waited_for(performing):
    host = Machine(lingers=2, away=3, ill=1)
    seen = await rebooted(performing, host, msg="bye", pre_reboot_delay=120)
    assert (seen["rebooted"], seen["changed"], seen["failed"]) == (True, True, False)
    assert seen["elapsed"] >= 1 + 2 + 4 + 8 + 12 + 1
    assert host.lines[:2] == [BOOT_ID, '/sbin/shutdown -r 2 "bye"']
    assert host.lines[-1] == "whoami"
    assert host.resets == 3, "connections are made anew when the host was away, not before"


@pytest.mark.looptime
async def test_a_host_that_does_not_go_down_fails_in_stocks_words(performing):
    seen = await rebooted(performing, Machine(lingers=999), reboot_timeout=30)
    assert seen["msg"] == "Timed out waiting for last boot time check (timeout=30)"
    assert (seen["failed"], seen["rebooted"], seen["elapsed"]) == (True, True, 30)


@pytest.mark.looptime
async def test_a_host_that_stays_ill_fails_in_stocks_words(performing):
    seen = await rebooted(performing, Machine(ill=999), reboot_timeout=30)
    assert seen["msg"] == "Timed out waiting for post-reboot test command (timeout=30)"


async def test_a_command_that_fails_is_told_and_nobody_waits(performing):
    host = Machine(refuses=True)
    seen = await rebooted(performing, host, reboot_command="/opt/restart now")
    assert seen["msg"] == "Reboot command failed. Error was: ', no'"
    assert seen["rebooted"] is False
    assert host.lines == [BOOT_ID, "/opt/restart now"]


async def test_a_host_whose_boot_cannot_be_told_is_not_restarted(performing):
    host = Machine(nobody_knows_the_boot=True)
    seen = await rebooted(performing, host)
    assert seen["msg"].startswith("reboot: failed to get host boot time info, rc: 1, stdout: ")
    assert seen["reboot"] is False
    assert not host.asked


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("name", "line"), [("Alpine", "/sbin/reboot "), ("FreeBSD", '/sbin/shutdown -r +0s "m"')]
)
async def test_each_system_has_its_own_command(performing, name, line):
    host = Machine(name=name)
    await rebooted(performing, host, msg="m", boot_time_command=BOOT_ID, reboot_timeout=1)
    assert line in host.lines


async def test_this_machine_is_never_restarted(performing):
    host = Machine(kind="local")
    seen = await rebooted(performing, host)
    msg = "Running reboot with local connection would reboot the control node."
    told = {"msg": msg, "elapsed": 0, "rebooted": False, "changed": False, "failed": True}
    assert seen == {**told, "exception": "(traceback unavailable)"}
    assert host.lines == []


async def test_check_mode_restarts_nothing(performing):
    host = Machine()
    seen = await rebooted(performing, host, check_mode=True)
    assert seen == {"changed": True, "failed": False, "elapsed": 0, "rebooted": True}
    assert host.lines == []


async def test_wrong_arguments_are_refused_before_anything_is_done(performing):
    host = Machine()
    assert (await rebooted(performing, host, nothing=1))["msg"].startswith("Invalid options")
    seen = await rebooted(performing, host, reboot_command=["a"])
    assert seen["msg"].startswith("Task failed: Invalid value given for 'reboot_command'")
    assert not host.asked
