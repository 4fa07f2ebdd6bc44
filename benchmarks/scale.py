"""What size costs, beside stock Ansible on this machine: `benchmarks/scale.py [case...]`.

Many tasks to parse, many hosts to keep, variables of all hosts in one template. What is counted
is processor time, of the program and all it started: it does not depend on who else is at work
here. Memory is the peak of the program's own process. Stock is given fewer tasks where it would
take a quarter of an hour; what is compared then is a host-task's share.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playbooks import crowd, hostvars, inventory, role

BIN = Path(sys.executable).parent
STOCK: Sequence[str] = [str(BIN / "ansible-playbook")]
OURS: Sequence[str] = [str(BIN / "outlast"), "playbook"]


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    cpu: float
    """Seconds, user and system, with all children."""
    peak: int
    """Kilobytes, of the largest process."""


@dataclass(frozen=True)
class Place:
    """A folder to run in."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file of the run."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def cost(self, *argv: str) -> Cost:
        """Run *argv* to its end, which must be a good one."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "LANG": "C.UTF-8",
        }
        with (self.folder / "output").open("wb") as output:
            child = subprocess.Popen(
                argv,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{' '.join(argv)} failed:\n{(self.folder / 'output').read_text()}")
        return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss)

    def hosts(self, count: int) -> str:
        """Write an inventory of *count* hosts; gives its path."""
        return str(self.write(f"inventory{count}", inventory(count)))


def parsing(place: Place) -> None:
    """parsing 10,000 tasks in 50 roles"""
    for number in range(50):
        place.write(f"roles/role{number}/tasks/main.yml", role(200))
    names = "".join(f"    - role{number}\n" for number in range(50))
    path = str(place.write("parse.yml", f"- hosts: localhost\n  roles:\n{names}"))
    for name, program in (("stock", STOCK), ("outlast", OURS)):
        cost = place.cost(*program, "-i", "localhost,", "--syntax-check", path)
        print(f"  {name:8} {cost.cpu:7.2f} s  {cost.peak / 1024:6.0f} MB", flush=True)


def hosts(place: Place) -> None:
    """set_fact and debug by turns on many hosts with the local connection"""
    path = {count: str(place.write(f"crowd{count}.yml", crowd(count))) for count in (10, 100)}
    theirs = place.cost(*STOCK, "-i", place.hosts(500), path[10]).cpu / 5000
    print(f"  stock    500 hosts,  10 tasks: {theirs * 1000:7.3f} ms a host-task", flush=True)
    peaks: dict[int, int] = {}
    for count in (100, 500, 1000):
        cost = place.cost(*OURS, "-i", place.hosts(count), path[100])
        peaks[count] = cost.peak
        share = cost.cpu / count / 100
        print(
            f"  outlast {count:4} hosts, 100 tasks: {share * 1000:7.3f} ms a host-task,"
            f" 1/{theirs / share:.0f} of stock's; {cost.peak / 1024:.0f} MB",
            flush=True,
        )
    for few, many in ((100, 500), (500, 1000)):
        each = (peaks[many] - peaks[few]) / (many - few)
        print(f"  outlast {few:4} to {many:4} hosts: {each:.0f} kB a host", flush=True)


def templates(place: Place) -> None:
    """one template that asks for a variable of every host, on one host and on all"""
    for where in ("one", "all"):
        path = str(place.write(f"hostvars_{where}.yml", hostvars(everywhere=where == "all")))
        for count in (250, 500, 1000):
            cost = place.cost(*OURS, "-i", place.hosts(count), path)
            pairs = count * (count if where == "all" else 1)
            print(
                f"  outlast on {where}, {count:4} hosts: {cost.cpu:7.2f} s,"
                f" {cost.cpu / pairs * 1e6:8.1f} us for each host asked for",
                flush=True,
            )


CASES: Mapping[str, Callable[[Place], None]] = {
    case.__name__: case for case in (parsing, hosts, templates)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}; none: all")
    options = parser.parse_args()
    unknown = set(options.case) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    for name in options.case or CASES:
        print(CASES[name].__doc__, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            CASES[name](Place(Path(folder)))


if __name__ == "__main__":
    main()
