"""A play restarts a host and goes on when it is back: what dies with the host is its agent."""

from __future__ import annotations

import pytest
from real.wrong_world import World

pytestmark = pytest.mark.ssh

TASKS = """\
    - reboot:
        boot_time_command: cat {folder}/boot
        reboot_command: /bin/sh {folder}/restart
        reboot_timeout: {patience}
      register: r
    - ping:
    - debug: {{msg: "{{{{ r.rebooted }}}} {{{{ r.changed }}}} {{{{ r.elapsed < 20 }}}}"}}
"""


@pytest.fixture
def world(sshd, tmp_path):
    (tmp_path / "boot").write_text("one\n")
    return World(tmp_path, {"here": sshd.variables()})


def test_a_play_goes_on_after_the_restart(world, tmp_path):
    # Whether a shell stands between us and the agent: one of these two carries the connection.
    killing = "kill -9 $(ps -o ppid= -p $PPID) $PPID"
    (tmp_path / "restart").write_text(f"echo two > {tmp_path}/boot; {killing}\n")
    ended = world.run(TASKS.format(folder=tmp_path, patience=40))
    assert ended.code == 0, ended
    assert '"msg": "True True True"' in ended.out
    assert ended.recap == {"here": "changed=1 ok=3"}


def test_a_host_that_was_not_restarted_fails_the_task(world, tmp_path):
    (tmp_path / "restart").write_text("true\n")
    ended = world.run(TASKS.format(folder=tmp_path, patience=2))
    assert ended.recap == {"here": "failed=1"}
    assert '"msg": "Timed out waiting for last boot time check (timeout=2)"' in ended.out
    assert '"rebooted": true' in ended.out
