"""Stock Ansible reads our jobs, and we read stock's: one folder, one file, one meaning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from job_agent import AgentOnPipe
from job_host import wait_until

from outlast_agent import spool
from outlast_agent.jobs import status as job_status

ANSIBLE = Path(sys.executable).parent / "ansible"


def ansible(home, *words):
    """Run stock's ad-hoc command on this machine; gives the JSON it shows."""
    done = subprocess.run(
        [ANSIBLE, "localhost", "-i", "localhost,", "-c", "local", *words],
        env={
            **os.environ,
            "HOME": str(home),
            "ANSIBLE_ASYNC_DIR": str(home / ".ansible_async"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "{" in done.stdout, done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])


def test_stock_sees_our_job_run_and_end(home, gate):
    agent = AgentOnPipe(home)
    job = agent.start(f"read x < {gate}; echo from us")
    jid = job["ansible_job_id"]
    running = ansible(home, "-m", "async_status", "-a", f"jid={jid}")
    assert (running["started"], running["finished"]) == (True, False)
    gate.write_text("go\n")
    ours = agent.wait(job)
    theirs = ansible(home, "-m", "async_status", "-a", f"jid={jid}")
    assert theirs["finished"] is True
    assert theirs["stdout"] == "from us"
    same = ("ansible_job_id", "results_file", "started", "finished", "rc", "cmd", "stdout", "delta")
    assert {key: theirs[key] for key in same} == {key: ours[key] for key in same}
    agent.close()


def test_we_see_stocks_job_run_and_end(home, gate):
    job = ansible(home, "-B", "60", "-P", "0", "-m", "shell", "-a", f"read x < {gate}; echo them")
    entry = spool.Entry(str(home / ".ansible_async"), job["ansible_job_id"])
    assert job_status.status(entry)["finished"] is False
    gate.write_text("go\n")
    wait_until(lambda: job_status.status(entry)["finished"])
    assert job_status.status(entry)["stdout"] == "them"
    agent = AgentOnPipe(home)
    assert agent.wait(job)["rc"] == 0, "the host tells of its end as well"
    agent.close()
    assert job_status.cleanup(entry)["erased"] == entry.results_file
