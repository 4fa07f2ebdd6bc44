"""Playbooks with jobs, really played: each by a process of its own, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import NamedTuple

from job_host import end_process

from outlast_agent import spool


class Said(NamedTuple):
    """What a run has printed, and its code."""

    stdout: str
    stderr: str
    code: int


class Stage:
    """A folder with a playbook, a ledger and a spool; all runs see the same of it."""

    def __init__(self, folder, *, hosts=("here",)):
        self.folder = folder
        self.wrap = ()
        """What the program is started by."""
        self.spool = folder / "jobs"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
            "HOME": str(folder),
            "OUTLAST_STATE_DIR": str(folder / "state"),
            "NO_COLOR": "1",
        }
        common = {
            "ansible_connection": "local",
            "ansible_async_dir": str(self.spool),
            "ansible_python_interpreter": sys.executable,
        }
        inventory = {"all": {"hosts": dict.fromkeys(hosts, common)}}
        (folder / "hosts.yml").write_text(json.dumps(inventory))

    def begin(self, *words):
        """Start the program; gives its process."""
        return subprocess.Popen(
            [*self.wrap, sys.executable, "-m", "outlast", *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def play(self, tasks, *flags, name="site.yml"):
        """Begin to play *tasks*; gives the process."""
        play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
        (self.folder / name).write_text(json.dumps(play))
        return self.begin("playbook", "-i", "hosts.yml", *flags, name)

    def played(self, tasks, *flags, name="site.yml"):
        """Play *tasks* to their end."""
        return said(self.play(tasks, *flags, name=name))

    def run(self, *words):
        return said(self.begin(*words))

    def close(self):
        """End what is left of the jobs."""
        for path in self.spool.glob(".outlast/j*"):
            for pid in (int(path.name.rpartition(".")[2]), _child(path)):
                if spool.process_start(pid):
                    end_process(pid)


def _child(path):
    try:
        return int((path / "child").read_text().split()[0])
    except OSError:
        return 0


def said(process):
    stdout, stderr = process.communicate(timeout=60)
    return Said(stdout, stderr, process.returncode)
