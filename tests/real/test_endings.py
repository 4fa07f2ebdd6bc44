"""How a run ends when somebody outside ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = """
- hosts: localhost
  gather_facts: false
  tasks:
    - command: sleep 61.5
"""
MANY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - debug: {msg: "{{ 'x' * 100000 }}"}
    - file: {path: "{{ playbook_dir }}/reached", state: touch}
"""


def _start(playbook: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "outlast", "playbook", playbook.name],
        cwd=playbook.parent,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _runs(command: bytes) -> bool:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes() == command:
                return True
        except OSError:
            continue  # it has ended meanwhile
    return False


@pytest.fixture
def playbook(tmp_path):
    return tmp_path / "p.yml"


def test_an_interrupt_ends_the_run_with_99_and_takes_the_command_along(playbook):
    playbook.write_text(SLOW)
    run = _start(playbook)
    with run:
        assert run.stdout is not None
        while not run.stdout.readline().startswith("TASK [command]"):
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
    assert run.returncode == 99
    assert err.endswith("[ERROR]: User interrupted execution\n")
    assert "PLAY RECAP" not in out
    assert not _runs(b"sleep\x0061.5\x00")


def test_a_reader_who_leaves_does_not_stop_the_work(playbook):
    playbook.write_text(MANY)
    run = _start(playbook)
    with run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        err = run.stderr.read()
        run.wait(timeout=20)
    assert run.returncode == 0
    assert "Traceback" not in err
    assert (playbook.parent / "reached").exists()
