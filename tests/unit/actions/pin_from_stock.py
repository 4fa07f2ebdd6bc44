"""Runs cases.yml under stock and writes what it registers to pinned.json; run as a program."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).parent
VARS = {
    "number": 5,
    "name_of": "number",
    "nested": {"a": {"b": [1, 2]}},
    "conditions": ["number == 5"],
}


def steps(case: dict) -> dict:
    """Give a case in its long form."""
    return case if "tasks" in case else {"tasks": [case]}


def name_of(group: str, case: dict) -> str:
    """Give the key a case is pinned under: all that makes it up."""
    return f"{group} {json.dumps(case)}"


def main() -> None:
    groups = yaml.safe_load((HERE / "cases.yml").read_text())
    only = set(sys.argv[1:])
    path = HERE / "pinned.json"
    pinned = json.loads(path.read_text()) if path.exists() else {}
    for group, cases in groups.items():
        if not only or group in only:
            pinned = {key: pinned[key] for key in pinned if key.split(" ", 1)[0] != group}
            for case in cases:
                pinned[name_of(group, case)] = run(group, steps(case))
    path.write_text(json.dumps(pinned, indent=1) + "\n")


def run(group: str, case: dict) -> dict:
    """Run one case in a folder of its own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pin"))
    try:
        return run_in(folder, case)
    finally:
        shutil.rmtree(folder)


def run_in(folder: pathlib.Path, case: dict) -> dict:
    for name, text in case.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    tasks = json.loads(json.dumps(case["tasks"]).replace("DIR", str(folder)))
    tasks = [task | {"ignore_errors": True, "register": "seen"} for task in tasks]
    for task in tasks:
        task |= {"check_mode": case.get("check", False), "diff": case.get("diff", False)}
    content = "{{ seen | to_json }}"
    copy = {"content": content, "dest": str(folder / ".seen")}
    tasks.append({"name": "write down", "copy": copy, "check_mode": False, "diff": False})
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": VARS}
    (folder / "play.yml").write_text(yaml.safe_dump([play | {"tasks": tasks}], sort_keys=False))
    stock = pathlib.Path(sys.executable).with_name("ansible-playbook")
    told = subprocess.run(
        [stock, "play.yml"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if not (folder / ".seen").exists():
        return {"refused": (told.stdout + told.stderr).replace(str(folder), "DIR")}
    seen = json.loads((folder / ".seen").read_text().replace(str(folder), "DIR"))
    first = [line for line in told.stdout.splitlines() if line.startswith("[ERROR]: ")]
    error = first[0].removeprefix("[ERROR]: ").replace(str(folder), "DIR") if first else None
    return {"registered": seen, "error": error, "tree": tree(folder)}


def tree(folder: pathlib.Path) -> dict:
    """Give the files a case left: mode and content."""
    return {
        str(path.relative_to(folder)): f"{path.stat().st_mode & 0o7777:o} {path.read_text()!r}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".seen", "play.yml")
    }


if __name__ == "__main__":
    main()
