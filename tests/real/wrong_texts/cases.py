"""Runs the cases of `cases.yml`; as a program, records what stock says to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from differential.normalise import in_any_order, normalised

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "cases.yml").read_text())
STOCK = HERE / "stock.json"
_HOSTS = """\
a ansible_connection=local
b ansible_connection=local only_b=1
[all:vars]
ansible_python_interpreter=/usr/bin/python3
"""


def seen(program: list[str], name: str, folder: Path) -> list[object]:
    """Give exit code, output and errors of a case under *program*, hosts in any order."""
    case = CASES[name]
    (folder / "hosts").write_text(_HOSTS)
    (folder / "ansible.cfg").touch()
    for path, text in case["files"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    arguments = case.get("arguments", [])
    inventory = [] if "-i" in arguments else ["-i", "hosts"]
    done = subprocess.run(
        [*program, *inventory, *arguments, "p.yml"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": f"{folder}/ansible.cfg",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    out, err = (normalised(text, str(folder)) for text in (done.stdout, done.stderr))
    return [done.returncode, in_any_order(out).splitlines(), err.splitlines()]


def main() -> None:
    """Record all."""
    recorded = {}
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            stock = [str(Path(sys.executable).parent / "ansible-playbook")]
            recorded[name] = seen(stock, name, Path(folder).resolve())
    STOCK.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
