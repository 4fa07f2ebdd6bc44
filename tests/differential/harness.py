"""Runs a case under stock and under us.

A case is a first line of a playbook in `cases/`: `# run: arguments`, or, for more than one,
`# run(name): arguments`. Words `NAME=value` before the arguments are environment. After the
name may stand notes: `hosts in any order`, `lines in any order`, `every retry counts`, `after
the introduction`, and last `differs: why` where we mean to differ: what we say then is recorded
beside what stock says (`expected/NAME.ours.txt`). Every run has a copy of the folder to itself,
but for those with the note `after NAME`: in it the other case has run before. A line
`# typed: ["one", "two"]` after that of a run is what is written to its input.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from differential.normalise import as_a_set, in_any_order, normalised

HERE = Path(__file__).parent
CASES = HERE / "cases"
EXPECTED = HERE / "expected"
PROGRAMS = Path(sys.executable).parent
STOCK = [str(PROGRAMS / "ansible-playbook")]
OURS = [sys.executable, "-m", "outlast", "playbook"]
_TYPED = "# typed: "
_RUN = re.compile(r"# run(?:\((?P<name>[^):,]*)(?P<notes>[^)]*)\))?: (?P<words>.*)")


@dataclass(frozen=True)
class Case:
    """One run: what to start, and how strictly to compare."""

    name: str
    environment: dict[str, str]
    arguments: list[str]
    notes: str
    typed: tuple[str, ...] = ()
    """The lines of its input."""

    def comparable(self, text: str) -> str:
        """Give *text* in the order in which it may be compared."""
        if "after the introduction" in self.notes:
            text = text[max(text.find("\nPLAYBOOK: "), 0) :]
        if "lines in any order" in self.notes:
            return as_a_set(text)
        return in_any_order(text) if "hosts in any order" in self.notes else text

    @property
    def before(self) -> str | None:
        """Give the name of the case that is to run in the same folder before."""
        found = re.search(r", after (\w+)(?=,|$)", self.notes)
        return found[1] if found else None

    @property
    def differs(self) -> str | None:
        """Tell why we mean to differ from stock here."""
        return self.notes.partition("differs: ")[2] or None


@dataclass(frozen=True)
class Seen:
    """What a run gave, normalised."""

    code: int
    out: str
    err: str


def cases() -> list[Case]:
    """Give all cases, by name."""
    found = []
    for file in sorted(CASES.glob("*.yml")):
        for line in file.read_text().splitlines():
            if line.startswith(_TYPED):
                typed = tuple(json.loads(line.removeprefix(_TYPED)))
                found[-1] = replace(found[-1], typed=typed)
                continue
            if not (match := _RUN.match(line)):
                break
            words = shlex.split(match["words"])
            count = next(n for n, word in enumerate(words) if not re.match(r"[A-Z_]+=", word))
            environment = dict(word.split("=", 1) for word in words[:count])
            name = match["name"] or file.stem
            found.append(Case(name, environment, words[count:], match["notes"] or ""))
    return sorted(found, key=lambda case: case.name)


def run(program: list[str], case: Case, folder: Path) -> Seen:
    """Run *case* under *program* in a copy of the cases below *folder*."""
    place = folder / "cases"
    if case.before is None:
        shutil.copytree(CASES, place)
    else:
        run(program, next(one for one in cases() if one.name == case.before), folder)
    kept = ("PATH", "HOME", "USER", "PYTHONPATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    done = subprocess.run(
        [*program, *case.arguments],
        cwd=place,
        env=environment | {"LANG": "C.UTF-8", "XDG_STATE_HOME": str(folder)} | case.environment,
        input="".join(f"{line}\n" for line in case.typed),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    counts = "every retry counts" in case.notes
    out, err = (
        normalised(text, str(place), retries_count=counts) for text in (done.stdout, done.stderr)
    )
    return Seen(done.returncode, out, err)


OURS_TOO = ".ours"
"""Stands in the name of a recording of what we say where we mean to differ."""


def recorded(case: Case, whose: str = "") -> Seen:
    """Give what stock said when it was last recorded, or (`OURS_TOO`) what we are to say."""
    text = (EXPECTED / f"{case.name}{whose}.txt").read_text()
    head, _, rest = text.partition("\n")
    out, _, err = rest.partition("---- stderr\n")
    return Seen(int(head.removeprefix("exit code ")), out, err)


def record(case: Case, seen: Seen, whose: str = "") -> None:
    """Keep what stock said, or we."""
    text = f"exit code {seen.code}\n{seen.out}---- stderr\n{seen.err}"
    (EXPECTED / f"{case.name}{whose}.txt").write_text(text)
