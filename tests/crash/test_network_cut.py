"""An sshd is stopped while a job is waited for, refuses for a while, and is started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real.wrong_world import Ended, World, alive, descendants, wait_for
from real_hosts import Sshd, running_sshd

pytestmark = pytest.mark.ssh

TASKS = """
    - name: long work
      shell: >-
        echo before; echo begun > {0}/begun; read x < {0}/gate; echo while it was away;
        echo oh >&2; read x < {0}/later; echo after
      async: 60
      poll: {1}
      register: work
    - debug: var=work.stdout_lines
    - debug: var=work.stderr_lines
"""


class Network:
    """An sshd that can go away and come back on its port."""

    def __init__(self, sshd: Sshd) -> None:
        self.sshd = sshd
        self._processes = [sshd.process]

    def cut(self) -> None:
        """End it and all that serves a login: whoever connects now is refused."""
        server = self._processes[-1]
        serving = [pid for pid in descendants(server.pid) if _is_sshd(pid)]
        for pid in (server.pid, *serving):
            os.kill(pid, signal.SIGKILL)
        server.wait()
        wait_for(lambda: not any(map(alive, serving)))

    def mend(self) -> None:
        self._processes.append(subprocess.Popen(self.sshd.process.args))

    def close(self) -> None:
        for process in self._processes[1:]:
            process.terminate()
            process.wait()


def _is_sshd(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().startswith("sshd")


@pytest.fixture
def network() -> Iterator[Network]:
    with running_sshd() as sshd:
        made = Network(sshd)
        yield made
        made.close()


@pytest.fixture
def world(tmp_path, network):
    for gate in ("gate", "later"):
        os.mkfifo(tmp_path / gate)
    return World(tmp_path, {"far": network.sshd.variables()})


@pytest.mark.parametrize("poll", [1, 10])
def test_a_host_that_refuses_for_a_while_is_waited_for(world, network, poll):
    with world.start(TASKS.format(world.folder, poll)) as run:
        wait_for((world.folder / "begun").exists)
        network.cut()
        said = run.stderr.readline()
        with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
            probe.connect(("127.0.0.1", network.sshd.port))
        world.folder.joinpath("gate").write_text("go\n")
        network.mend()
        world.folder.joinpath("later").write_text("go\n")
        out, err = run.communicate(timeout=40)
    ended = Ended(run.returncode, out, said + err)
    assert ended.code == 0, ended
    assert ended.recap == {"far": "changed=1 ok=3"}
    assert (ended.out + ended.err).count("The connection to far was lost while job") == 1
    assert "Traceback" not in ended.out + ended.err
    assert '"work.stderr_lines": [\n        "oh"\n    ]' in ended.out
    lines = ended.out.partition('"work.stdout_lines": ')[2].partition("}")[0]
    assert json.loads(lines) == ["before", "while it was away", "after"]
