"""A host with systemd, logind and sshd, booted in namespaces: `scripts/systemd-host`.

Knows how to boot it, unplug it, and do something there as root. The image takes a minute to
make, so it is made once (`make systemd-host`); without it the tests that need it are skipped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlast_agent import spool

ROOT = Path(__file__).parents[1]
_SCRIPT = ROOT / "scripts" / "systemd-host"
_IMAGE = Path(os.environ.get("OUTLAST_SYSTEMD_HOST", ROOT / ".systemd-host"))
_ADDRESS = "127.0.77.1"
_PATIENCE = 40
"""Seconds it may take to shut down."""


class SystemdHost:
    """One such host; it can be rebooted."""

    def __init__(self, state: Path) -> None:
        self._state = state
        with socket.socket() as probe:
            probe.bind((_ADDRESS, 0))
            self._port = int(probe.getsockname()[1])

    def boot(self) -> None:
        subprocess.run(
            [_SCRIPT, "up", _IMAGE, self._state, _ADDRESS, str(self._port)], check=True, timeout=60
        )

    def unplug(self) -> None:
        """End all of it at once, as the loss of its power would."""
        subprocess.run([_SCRIPT, "down", self._state], check=True, timeout=60)

    def shut_down(self) -> None:
        """Have systemd end everything in its order, and be gone."""
        pid = int(self._state.joinpath("pid").read_text())
        self.ask("systemd-run --quiet --on-active=0.2 systemctl --no-block poweroff")
        self._wait_for_its_end(pid)
        self.unplug()

    def _wait_for_its_end(self, pid: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while spool.process_start(pid):
            assert time.monotonic() < deadline, self._state.joinpath("log").read_text()
            time.sleep(0.05)

    def variables(self, user: str) -> dict[str, object]:
        """Inventory variables of a login as *user*."""
        return {
            "ansible_host": _ADDRESS,
            "ansible_port": self._port,
            "ansible_user": user,
            "ansible_ssh_private_key_file": str(_IMAGE / "key"),
            "ansible_ssh_args": "-F none -o ControlMaster=no",
            "ansible_ssh_common_args": " ".join(_TRUST),
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def ask(self, line: str) -> str:
        """Give what a command says to root there, whatever its code."""
        words = ["ssh", "-F", "none", "-i", _IMAGE / "key", "-p", str(self._port), *_TRUST]
        done = subprocess.run(
            [*words, f"root@{_ADDRESS}", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode != 255, done.stderr
        return done.stdout.strip()


_TRUST = (
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
)


@contextlib.contextmanager
def running_systemd_host() -> Iterator[SystemdHost]:
    """A freshly booted host, which leaves nothing."""
    if not _IMAGE.joinpath("built").exists():
        pytest.skip("no host with systemd here: make one with `make systemd-host` (needs root)")
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("booting a host with systemd needs root and unshare")
    state = Path(tempfile.mkdtemp(prefix="outlast-systemd-"))
    host = SystemdHost(state)
    try:
        try:
            host.boot()
        except subprocess.CalledProcessError:
            pytest.skip(f"no host with systemd here: {state.joinpath('log').read_text()[-500:]}")
        yield host
    finally:
        host.unplug()
        shutil.rmtree(state)
