"""Real hosts for tests: an sshd on loopback addresses, a user to log in as or become.

Needs openssh-server (and, for other users, root and sudo): `scripts/need-test-hosts` sees to
that. What is not there skips the tests that need it.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from outlast.transport.endpoint import Endpoint

SYSTEM_PYTHON = "/usr/bin/python3"
"""A Python every user may run, and that no version manager stands before."""

_SSHD = "/usr/sbin/sshd"
_CONFIG = """\
{addresses}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
MaxStartups 100
MaxSessions 100
"""


@dataclass(frozen=True)
class Sshd:
    """A running sshd, and how to reach it."""

    folder: Path
    port: int
    running: list[subprocess.Popen[bytes]]

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self.running[-1]

    def start(self) -> None:
        """Let it listen."""
        words = [_SSHD, "-D", "-f", str(self.folder / "config"), "-E", str(self.folder / "log")]
        self.running.append(subprocess.Popen(words))
        _wait_until_it_listens(self.process, self.port)

    def stop(self) -> None:
        """End it, and with it all connections over it."""
        process = self.running.pop()
        process.send_signal(signal.SIGSTOP)  # who connects meanwhile has nobody to talk to
        self._cut(process)
        process.kill()
        process.wait()

    def cut(self) -> None:
        """End all connections over it: what they lead to hears of it as it may."""
        self._cut(self.process)

    @staticmethod
    def _cut(process: subprocess.Popen[bytes]) -> None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        for pid in map(int, children.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def endpoint(self, host: str = "127.0.0.1", **changes) -> Endpoint:
        """The login of whoever runs the tests, without a persisted master."""
        known = f"-o UserKnownHostsFile={self.folder}/known_hosts"
        return replace(
            Endpoint(
                kind="ssh",
                host=host,
                port=self.port,
                user=getpass.getuser(),
                private_key=str(self.folder / "user_key"),
                ssh_args="-F none",
                ssh_common_args=f"{known} -o IdentitiesOnly=yes -o BatchMode=yes",
                python=SYSTEM_PYTHON,
                control_path_dir=str(self.folder / "cp"),
            ),
            **changes,
        )

    def variables(
        self, host: str = "127.0.0.1", *, python: str = SYSTEM_PYTHON
    ) -> dict[str, object]:
        """The same as inventory variables, for playbooks."""
        endpoint = self.endpoint(host)
        return {
            "ansible_host": host,
            "ansible_port": self.port,
            "ansible_user": endpoint.user,
            "ansible_ssh_private_key_file": endpoint.private_key,
            "ansible_ssh_args": endpoint.ssh_args,
            "ansible_ssh_common_args": endpoint.ssh_common_args,
            "ansible_control_path_dir": endpoint.control_path_dir,
            "ansible_python_interpreter": endpoint.python,
        }


def _keys(folder: Path, addresses: list[str], port: int) -> None:
    for name in ("host_key", "user_key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    key = (folder / "host_key.pub").read_text()
    lines = [f"[{address}]:{port} {key}" for address in addresses]
    (folder / "known_hosts").write_text("".join(lines))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("sshd does not listen")


@contextlib.contextmanager
def running_sshd() -> Iterator[Sshd]:
    """An sshd of its own on 127.0.0.1, .2 and .3: three hosts for whoever counts addresses."""
    if not Path(_SSHD).exists():
        pytest.skip("no sshd here: run scripts/need-test-hosts")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="outlast-sshd-"))
    folder.chmod(0o755)  # the users who log in must be able to read the authorized keys
    port = _free_port()
    addresses = [f"127.0.0.{number}" for number in (1, 2, 3)]
    _keys(folder, addresses, port)
    listen = "\n".join(f"ListenAddress {address}:{port}" for address in addresses)
    (folder / "config").write_text(_CONFIG.format(folder=folder, addresses=listen))
    server = Sshd(folder, port, [])
    try:
        server.start()
        yield server
    finally:
        for process in server.running:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    """One sshd for all tests of this process."""
    with running_sshd() as server:
        yield server


@dataclass(frozen=True)
class OtherUser:
    """Who may become root with his password, daemon without, and nobody not at all."""

    name: str
    password: str


def _run(*words: str, text: str = "") -> None:
    subprocess.run(words, input=text.encode(), check=True, capture_output=True)


@contextlib.contextmanager
def other_user() -> Iterator[OtherUser]:
    """A user made for the tests, with sudo rights."""
    if os.geteuid() != 0:
        pytest.skip("making another user needs root")
    for program in ("sudo", "su", "useradd"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: run scripts/need-test-hosts")
    user = OtherUser(f"outlast-{os.getpid()}", "it's $ecret")  # tests may run twice at a time
    rights = Path("/etc/sudoers.d") / user.name
    subprocess.run(["userdel", "-rf", user.name], capture_output=True, check=False)
    _run("useradd", "-m", "-s", "/bin/bash", user.name)
    try:
        _run("chpasswd", text=f"{user.name}:{user.password}\n")
        rights.write_text(f"{user.name} ALL=(root) ALL\n{user.name} ALL=(daemon) NOPASSWD: ALL\n")
        rights.chmod(0o440)
        yield user
    finally:
        rights.unlink(missing_ok=True)
        subprocess.run(["userdel", "-rf", user.name], capture_output=True, check=False)


@pytest.fixture(scope="session")
def user() -> Iterator[OtherUser]:
    """One other user for all tests of this process."""
    with other_user() as found:
        yield found
