"""A play waits for a host that is not up yet, and for one that never comes."""

from __future__ import annotations

import subprocess

import pytest
from real.wrong_world import World
from real_hosts import running_sshd

pytestmark = pytest.mark.ssh

WAIT = """\
    - wait_for_connection: {{timeout: {timeout}, sleep: 1}}
      register: r
    - ping:
    - debug: {{var: r}}
"""
POLLED = """\
    - wait_for_connection: {sleep: 1}
      async: 30
      poll: 5
      register: r
    - debug: {msg: "{{ r.finished }} {{ r.changed }} {{ r.ansible_job_id is match('j') }}"}
"""


@pytest.fixture
def down():
    """An sshd that was ended, and how to start it again."""
    with running_sshd() as server:
        server.process.terminate()
        server.process.wait()
        yield server


def come_up_meanwhile(world, server, tasks):
    """Start the sshd once the play waits for it; gives what was printed."""
    words = ["/usr/sbin/sshd", "-D", "-f", str(server.folder / "config")]
    with world.start(tasks) as run:
        while not run.stdout.readline().startswith("TASK [wait_for_connection]"):
            assert run.poll() is None
        again = subprocess.Popen(words)
        try:
            out, err = run.communicate(timeout=40)
        finally:
            again.terminate()
            again.wait()
    assert run.returncode == 0, out + err
    return out


def test_a_host_that_comes_up_is_waited_for(down, tmp_path):
    world = World(tmp_path, {"late": down.variables()})
    out = come_up_meanwhile(world, down, WAIT.format(timeout=60))
    assert '"elapsed": ' in out
    assert "ok=3    changed=0    unreachable=0" in out


def test_under_async_its_job_is_recorded_once_the_host_is_there(down, tmp_path):
    world = World(tmp_path, {"late": down.variables()})
    assert '"msg": "True False True"' in come_up_meanwhile(world, down, POLLED)


def test_a_host_that_does_not_come_up_fails_the_task_in_stocks_words(down, tmp_path):
    ended = World(tmp_path, {"gone": down.variables()}).run(WAIT.format(timeout=2))
    assert ended.code == 2
    assert ended.recap == {"gone": "failed=1"}
    said = (
        "timed out waiting for ping module test: Failed to connect to the host via ssh: ssh:"
        f" connect to host 127.0.0.1 port {down.port}: Connection refused"
    )
    assert f'"msg": "{said}"' in ended.out
