"""From a job's last act to the line that its task is over: `benchmarks/waking.py [rounds]`.

Over SSH to this machine, through `outlast playbook`, for each way to wait: `poll`, `async_status`
with `until`, and `outlast.jobs.wait`. `poll` and `delay` are ten seconds, so whatever is shown
came from being woken. In the time are the end of the job's shell, the record of its end, synced
to the disk, its way to the controller, and the printing. It asserts nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from loopback import LoopbackHosts

PROGRAM = [str(Path(sys.executable).parent / "outlast"), "playbook"]
WORK = "sleep 0.7; date +%s.%N > {over}"
START = """\
    - name: start {n}
      shell: {work}
      async: 60
      poll: {poll}
      register: job
"""
ASK = """\
    - name: ask {n}
      async_status: {{jid: "{{{{ job.ansible_job_id }}}}"}}
      until: job is finished
      register: job
      retries: 9
      delay: 10
"""
WAIT = """\
    - name: wait {n}
      outlast.jobs.wait: {{jobs: "{{{{ job }}}}"}}
"""
WAYS = {
    "poll: 10": (10, "start", ""),
    "async_status, until, delay: 10": (0, "ask", ASK),
    "outlast.jobs.wait": (0, "wait", WAIT),
}


def playbook(way: str, folder: Path, rounds: int) -> str:
    """Give a play that starts a job and waits for it, so many times."""
    poll, _, more = WAYS[way]
    text = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    for n in range(rounds):
        work = WORK.format(over=folder / f"over{n}")
        text += START.format(n=n, work=work, poll=poll) + more.format(n=n)
    return text


def ends(hosts: LoopbackHosts, way: str, rounds: int) -> Iterator[float]:
    """Run the play; yield when the line of each task that waits was read."""
    path = hosts.folder / "waking.yml"
    path.write_text(playbook(way, hosts.folder, rounds))
    argv = [*PROGRAM, "-i", str(hosts.inventory), str(path)]
    waits, task = WAYS[way][1], ""
    environment = hosts.environment | {"OUTLAST_STATE_DIR": str(hosts.folder / "state")}
    with subprocess.Popen(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as playing:
        assert playing.stdout is not None  # it is a pipe
        for line in playing.stdout:
            now = time.time()
            if line.startswith("TASK ["):
                task = line.removeprefix("TASK [")
            elif line.startswith(("ok:", "changed:")) and task.startswith(waits):
                yield now
    if playing.returncode:
        raise SystemExit(f"{way}: the playbook failed")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{'ways to wait, ' + str(rounds) + ' jobs each':34} {'median':>9} {'worst':>9}")
    with LoopbackHosts("bench") as hosts:
        for way in WAYS:
            told = list(ends(hosts, way, rounds))
            overs = [float((hosts.folder / f"over{n}").read_text()) for n in range(rounds)]
            late = [(end - over) * 1e3 for end, over in zip(told, overs, strict=True)]
            print(f"{way:34} {statistics.median(late):6.0f} ms {max(late):6.0f} ms", flush=True)


if __name__ == "__main__":
    main()
