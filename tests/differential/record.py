"""Records what stock says to each case: `python tests/differential/record.py [NAME...]`.

Stock waits where we do not, so this takes minutes; the tests compare with the recording.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from differential.harness import EXPECTED, STOCK, Case, cases, record, run


def _record(case: Case) -> str:
    with tempfile.TemporaryDirectory() as folder:
        record(case, run(STOCK, case, Path(folder)))
    return case.name


def main(names: list[str]) -> None:
    """Record the cases named, or all."""
    EXPECTED.mkdir(exist_ok=True)
    wanted = [case for case in cases() if not names or case.name in names]
    with ThreadPoolExecutor(max_workers=3) as pool:
        for name in pool.map(_record, wanted):
            sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
