"""What a person is asked at a terminal, by stock and by us: words, echo, and what comes of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass

import pytest

from differential.harness import OURS, STOCK

PLAYBOOK = """\
- hosts: localhost
  connection: local
  gather_facts: false
  vars_prompt:
    - {name: seen, private: false, encrypt: sha256_crypt, salt: abcd}
    - {name: hidden, prompt: Which, encrypt: md5_crypt, salt: abcd, confirm: true}
    - {name: empty, encrypt: md5_crypt, salt: abcd, default: by default}
  tasks:
    - debug: {msg: "{{ seen }} {{ hidden }} {{ empty }}"}
"""
TYPED = [
    ("seen: ", "secret"),
    ("Which: ", "one"),
    ("confirm Which: ", "two"),
    ("Which: ", "one"),
    ("confirm Which: ", "one"),
    ("empty [by default]: ", ""),
]
AT_ITS_TERMINAL = [
    *(sys.executable, "-c"),
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])",
]
"""Starts a program whose own terminal its input is: it stands in the foreground there."""


@dataclass
class Terminal:
    """The person's end of a terminal."""

    descriptor: int
    said: str = ""

    def read_until(self, mark: str | None) -> None:
        """Read up to *mark*, or to the end."""
        begin = len(self.said)
        while mark is None or not self.said[begin:].endswith(mark):
            try:
                self.said += os.read(self.descriptor, 4096).decode()
            except OSError:  # how a terminal says that nobody writes any more
                return


def conversation(program, folder):
    controller, theirs = pty.openpty()
    terminal = Terminal(controller)
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {"LANG": "C.UTF-8", "TERM": "dumb", "XDG_STATE_HOME": str(folder)}
    command = [*AT_ITS_TERMINAL, *program, "-i", "localhost,", "play.yml"]
    started = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **ends)
    with started as process:
        os.close(theirs)
        for question, answer in TYPED:
            terminal.read_until(question)
            os.write(controller, f"{answer}\n".encode())
        terminal.read_until(None)
        assert process.wait() == 0, terminal.said
    os.close(controller)
    return terminal.said


@pytest.mark.timeout(150)
def test_a_password_is_asked_for_hashed_and_never_seen(tmp_path):
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    ours, stocks = (conversation(program, tmp_path) for program in (OURS, STOCK))
    assert ours == stocks
    assert "$5$rounds=535000$abcd$bR" not in ours
    assert ours.count("secret") == 1  # the echo of what was not private
    assert "one" not in ours.split("PLAY")[0]
    assert "DO NOT MATCH" in ours
