"""Records what stock says to each case: `python tests/differential/record.py [NAME...]`.

With `--ours` before the names it records what we say to those of them in which we mean to
differ: read what changed before you commit it. Stock waits where we do not, so this takes
minutes; the tests compare with the recording.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from differential.harness import EXPECTED, OURS, OURS_TOO, STOCK, Case, cases, record, run


def _record(case: Case) -> str:
    with tempfile.TemporaryDirectory() as folder:
        record(case, run(STOCK, case, Path(folder)))
    return case.name


def _record_ours(case: Case) -> str:
    with tempfile.TemporaryDirectory() as folder:
        record(case, run(OURS, case, Path(folder)), OURS_TOO)
    return case.name


def main(names: list[str]) -> None:
    """Record the cases named, or all."""
    EXPECTED.mkdir(exist_ok=True)
    ours = names[:1] == ["--ours"]
    names = names[ours:]
    wanted = [case for case in cases() if not names or case.name in names]
    with ThreadPoolExecutor(max_workers=3) as pool:
        if ours:
            done = pool.map(_record_ours, [case for case in wanted if case.differs])
        else:
            done = pool.map(_record, wanted)
        for name in done:
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
