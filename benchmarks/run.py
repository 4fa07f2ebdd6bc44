"""How long things take, beside stock Ansible on this machine: `benchmarks/run.py [case...]`.

Every case runs under both programs, by turns, so that both see the same machine; what is shown
are medians and the ratio between them. Stock is given what makes it fast: pipelining, and the
SSH connection kept alive within a run. Both begin each run without a connection.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopback import LoopbackHosts
from playbooks import CHEAP_TASKS, EMPTY_PLAY, JOB

BIN = Path(sys.executable).parent
PROGRAMS: Mapping[str, Sequence[str]] = {
    "stock": [str(BIN / "ansible-playbook")],
    "outlast": [str(BIN / "outlast"), "playbook"],
}


@dataclass(frozen=True)
class Bench:
    """What a case is given: hosts, and a folder for its files."""

    hosts: LoopbackHosts

    def timed(self, argv: Sequence[str]) -> float:
        """Run *argv* to its end, which must be a good one; gives the seconds it took."""
        self.hosts.forget_connections()
        began = time.monotonic()
        ended = subprocess.run(
            argv,
            env=self.hosts.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
        if ended.returncode:
            raise SystemExit(f"{' '.join(argv)} failed:\n{ended.stdout}\n{ended.stderr}")
        return seconds

    def playbook(self, program: str, text: str) -> float:
        """Run a playbook of this *text* on the loopback host; gives the seconds it took."""
        path = self.hosts.folder / "playbook.yml"
        path.write_text(text)
        argv = [*PROGRAMS[program], "-i", str(self.hosts.inventory), str(path)]
        return self.timed(argv)


def version(bench: Bench, program: str) -> float:
    """--version"""
    return bench.timed([PROGRAMS[program][0], "--version"])


def empty(bench: Bench, program: str) -> float:
    """an empty play on localhost"""
    return bench.playbook(program, EMPTY_PLAY)


def cheap(bench: Bench, program: str) -> float:
    """100 cheap tasks, one after another, on one SSH host"""
    return bench.playbook(program, CHEAP_TASKS.replace("FOLDER", str(bench.hosts.folder)))


def job(bench: Bench, program: str) -> float:
    """a job of 3.3 s with poll: 5; from the job's end to the end of the run"""
    over = bench.hosts.folder / "over"
    bench.playbook(program, JOB.replace("OVER", str(over)))
    return time.time() - float(over.read_text())


CASES: Mapping[str, Callable[[Bench, str], float]] = {
    case.__name__: case for case in (version, empty, cheap, job)
}


def measure(bench: Bench, case: Callable[[Bench, str], float], rounds: int) -> None:
    """Run *case* under both programs by turns and print what came of it."""
    taken: dict[str, list[float]] = {program: [] for program in PROGRAMS}
    for _ in range(rounds):
        for program, seconds in taken.items():
            seconds.append(case(bench, program))
    stock, ours = (statistics.median(taken[program]) for program in ("stock", "outlast"))
    ratio = statistics.median(
        mine / theirs for mine, theirs in zip(taken["outlast"], taken["stock"], strict=True)
    )
    print(f"{case.__name__:8} {stock:9.2f} {ours:9.2f} {ratio:7.3f}   {case.__doc__}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}; none: all")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    unknown = set(options.case) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    print(f"{'case':8} {'stock s':>9} {'outlast s':>9} {'ratio':>7}   medians of {options.rounds}")
    with LoopbackHosts("bench") as hosts:
        for name in options.case or CASES:
            measure(Bench(hosts), CASES[name], options.rounds)


if __name__ == "__main__":
    main()
