"""SSH hosts on this machine, for as long as a benchmark needs them.

Knows how to start an OpenSSH server of its own, with keys and settings in a folder that goes
away, and how both programs are told to use it. Leaves what is run there to others.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

SERVER_SETTINGS = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
"""


class LoopbackHosts:
    """A context: one OpenSSH server, an inventory of *names* that leads to it, an environment."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.folder = Path(tempfile.mkdtemp(prefix="ob-", dir="/tmp"))  # short: sockets live in it
        self.inventory = self.folder / "hosts.ini"
        settings = self.folder / "ansible.cfg"
        settings.touch()
        self.environment = os.environ | {
            "ANSIBLE_CONFIG": str(settings),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_FORKS": "50",
        }
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        port = _free_port()
        for key in ("host_key", "client_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / key)],
                check=True,
            )
        settings = self.folder / "sshd_config"
        settings.write_text(SERVER_SETTINGS.format(port=port, folder=self.folder))
        Path("/run/sshd").mkdir(exist_ok=True)
        self._server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(settings)], stderr=subprocess.DEVNULL
        )
        _wait_for(port)
        self._write_inventory(port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.forget_connections()
        if self._server:
            self._server.terminate()
            self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_connections(self) -> None:
        """End the SSH connections that were kept for later, so that the next run starts cold."""
        for control in (self.folder / "cp").glob("*"):
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={control}", "any"],
                stderr=subprocess.DEVNULL,
                check=False,
            )

    def _write_inventory(self, port: int) -> None:
        shared = (
            f"ansible_host=127.0.0.1 ansible_port={port} ansible_user={getpass.getuser()} "
            f"ansible_ssh_private_key_file={self.folder}/client_key "
            "ansible_python_interpreter=/usr/bin/python3 "
            f"ansible_ssh_common_args='-o UserKnownHostsFile={self.folder}/known_hosts'"
        )
        self.inventory.write_text("".join(f"{name} {shared}\n" for name in self.names))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("sshd did not come up: is openssh-server installed?")
