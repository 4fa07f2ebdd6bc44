"""Pins what stock registers for the outputs in answers.json; run as a program to pin anew.

A module of ours prints each output letter by letter under `ansible-playbook`, and what was
registered is written back beside it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).parent
MODULE = """#!/usr/bin/python
import os
import sys
from ansible.module_utils.basic import AnsibleModule
kind = {"type": "str", "default": ""}
m = AnsibleModule({"out": kind, "err": kind, "rc": {"type": "int", "default": 0}})
os.write(1, m.params["out"].encode())
os.write(2, m.params["err"].encode())
os._exit(m.params["rc"])
"""


class Unsafe(str):
    """Text that is not a template."""


yaml.SafeDumper.add_representer(Unsafe, lambda d, v: d.represent_scalar("!unsafe", str(v)))


def main() -> None:
    path = HERE / "answers.json"
    cases = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "library").mkdir()
        (home / "library" / "says.py").write_text(MODULE)
        tasks = []
        for number, case in enumerate(cases):
            args = {key: Unsafe(case[key]) for key in ("out", "err") if key in case}
            args["rc"] = case.get("rc", 0)
            tasks.append(
                {"says": args, "register": f"r{number}", "ignore_errors": True}
                | {"ignore_unreachable": True}
            )
        known = ", ".join(f"r{number}" for number in range(len(cases)))
        copy = {"content": f"{{{{ [{known}] | to_json }}}}", "dest": str(home / "registered.json")}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False}
        play["tasks"] = [*tasks, {"copy": copy}]
        (home / "play.yml").write_text(yaml.safe_dump([play]))
        stock = pathlib.Path(sys.executable).with_name("ansible-playbook")
        subprocess.run([stock, "play.yml"], cwd=home, check=True, stdout=subprocess.DEVNULL)
        registered = json.loads((home / "registered.json").read_text())
    for case, seen in zip(cases, registered, strict=True):
        case["registered"] = seen
    path.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
