"""Runs of the whole program on two or three real hosts, for the tests of what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"
_PATIENCE = 40


@dataclass(frozen=True)
class Ended:
    """What is left of a run."""

    code: int
    out: str
    err: str

    @property
    def recap(self) -> dict[str, str]:
        """The counts of each host that are not zero."""
        lines = self.out.partition("PLAY RECAP")[2].splitlines()[1:]
        counts = (line.split(" : ") for line in lines if " : " in line)
        return {
            host.strip(): " ".join(w for w in sorted(words.split()) if not w.endswith("=0"))
            for host, words in counts
        }


@dataclass(frozen=True)
class World:
    """A folder with an inventory, a playbook, and what they are run with."""

    folder: Path
    hosts: Mapping[str, Mapping[str, object]]
    settings: dict[str, str] = field(default_factory=dict)

    def start(self, tasks: str, *arguments: str, head: str = HEAD) -> subprocess.Popen[str]:
        """Start a run of *tasks*, indented by four."""
        (self.folder / "p.yml").write_text(head + tasks)
        (self.folder / "hosts.json").write_text(json.dumps({"all": {"hosts": self.hosts}}))
        (self.folder / "ansible.cfg").touch()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / "jobs"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "outlast", "playbook", "-i", "hosts.json", *arguments, "p.yml"],
            cwd=self.folder,
            env=environment | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt goes to a whole group, as a terminal sends it
        )

    def run(self, tasks: str, *arguments: str, head: str = HEAD) -> Ended:
        """Run *tasks* to the end."""
        with self.start(tasks, *arguments, head=head) as run:
            out, err = run.communicate(timeout=_PATIENCE)
        assert "\nTraceback" not in f"\n{out}\n{err}"
        return Ended(run.returncode, out, err)


def wait_for(happened: Callable[[], object]) -> object:
    """Give what *happened* says once it says something."""
    deadline = time.monotonic() + _PATIENCE
    while not (said := happened()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)  # files of other processes tell nobody when they are written
    return said


def alive(pid: int) -> bool:
    """Tell whether a process runs: one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def number_in(file: Path) -> int:
    """Give the number that somebody writes into *file*; 0 until he has."""
    text = file.read_text() if file.exists() else ""
    return int(text) if text.endswith("\n") else 0


def descendants(pid: int) -> Iterator[int]:
    """Give the processes below *pid*, nearest first."""
    below = [pid]
    for parent in below:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            children = [int(word) for word in task.read_text().split()]
            below += children
            yield from children
