"""What a background job costs on its host: memory, the time to its start, the time to its notice.

Run as `benchmarks/jobs.py [number of jobs]`. Uses a real agent on this machine under its system
Python, without SSH: what is shown is the host's part alone.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from job_agent import AgentOnPipe  # noqa: E402  # found only now

from outlast_agent import wire  # noqa: E402
from outlast_agent.spool import process_fields  # noqa: E402

PYTHON = "/usr/bin/python3"
FOLDER = "~/.ansible_async"
RUN = {"command": {"argv": ["sleep", "600"]}, "environment": {}}


def memory(pid: int) -> tuple[int, int]:
    """Give a process' own memory, and its share of all it uses, in kilobytes.

    Its own is what is written and nobody else's: the interpreter's file is not counted, which the
    kernel may drop at any time, and which every Python of the host shares.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines}
    return sizes["Private_Dirty:"], sizes["Pss:"]


def supervisor(job: dict[str, object]) -> int:
    return int(str(job["ansible_job_id"]).rpartition(".")[2])


def milliseconds(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"median {statistics.median(ordered) * 1e3:.1f} ms, worst {ordered[-1] * 1e3:.1f} ms"


def start_and_notice(agent: AgentOnPipe, rounds: int) -> None:
    starts, notices = [], []
    for number in range(rounds):
        began = time.monotonic()
        job = agent.start("date +%s.%N", jid=f"j{number}")
        starts.append(time.monotonic() - began)
        told = agent.about("job.ended", job)
        agent.answer(told)
        noticed = time.time()
        notices.append(noticed - float(agent.status(job)["stdout"]))
    print(f"start to its answer, recorded and synced: {milliseconds(starts)}")
    print(f"a job's last word to its notice:          {milliseconds(notices)}")


def weight(agent: AgentOnPipe, number: int) -> None:
    """Launch that many jobs side by side; tell what became of them, and what each costs."""
    began = time.monotonic()
    asked = [
        agent.ask("job.start", jid=f"j{n}", limit=600, async_dir=FOLDER, name="", terms={}, run=RUN)
        for n in range(number)
    ]
    answers = [agent.answer(one, seconds=120) for one in asked]
    seconds = time.monotonic() - began
    jobs = [job for kind, job in answers if kind == wire.REPLY]
    agent.close()
    figures = [memory(supervisor(job)) for job in jobs]
    private = statistics.mean(figure[0] for figure in figures)
    proportional = statistics.mean(figure[1] for figure in figures)
    helpers = sum(helpers_of(supervisor(job)) for job in jobs)
    unburied = zombies(set(map(supervisor, jobs)))
    print(
        f"{number} jobs in {seconds:.1f} s, {number - len(jobs)} failed, {unburied} zombies, "
        f"{helpers / len(jobs):.2f} helper processes each"
    )
    print(
        f"{number} jobs, agent gone, each supervisor: "
        f"{private:.0f} KB of its own, {proportional:.0f} KB with its share"
    )


def helpers_of(pid: int) -> int:
    """Count a job's processes that are not the job's own: its supervisor, and what it needs."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return 1 + sum(Path(f"/proc/{child}/comm").read_text() != "sleep\n" for child in children)


def zombies(parents: set[int]) -> int:
    """Count the processes that have ended and that none of *parents* has buried."""
    states = (process_fields(int(process.name)) for process in Path("/proc").glob("[0-9]*"))
    return sum(state[:1] == ["Z"] and int(state[1]) in parents for state in states)


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        agent = AgentOnPipe(home, python=PYTHON)
        start_and_notice(agent, 30)
        agent.close()
        for count in (1, number):
            weight(AgentOnPipe(home, python=PYTHON), count)
            end_all(home)


def end_all(home: Path) -> None:
    """End the supervisors, and with them their jobs, by what the spool says."""
    for record in (home / ".ansible_async" / ".outlast").glob("*/job.json"):
        if not record.with_name("end.json").exists():
            pid = json.loads(record.read_text())["supervisor"]["pid"]
            os.kill(pid, signal.SIGTERM)
            while not record.with_name("end.json").exists():
                time.sleep(0.01)


if __name__ == "__main__":
    main()
