"""Every module that comes with ansible-core, through our agent and through stock's own way.

Each is asked with an argument it does not know, and, where that is harmless, with right ones;
what is registered must be the same, but for what differs from run to run by nature.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from pathlib import Path

import ansible.modules
import pytest
import yaml
from real_hosts import Sshd

RIGHT = Path(__file__).parent / "modules_of_core" / "right.yml"
FOLDER = Path(ansible.modules.__path__[0])
BIN = Path(sys.executable).parent
PROGRAMS = {  # names of one length: a link is as long as the path in it
    "stock": [str(BIN / "ansible-playbook")],
    "heirs": [str(BIN / "outlast"), "playbook"],
}
_BY_NATURE = {
    *("atime", "ctime", "mtime", "inode", "dev", "start", "end", "delta", "elapsed", "version"),
    *("date", "exception"),
}
_RANDOM = [
    (re.compile(r"ansible\.[\w]{8}(?=$|\"|/)"), "ansible.RANDOM"),
    (re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~"), ".BACKUP~"),
    (re.compile(r"/\.ansible/tmp/.*?/(tmp\w{8}|\.source)"), "/.ansible/tmp/TMP"),
]


def modules() -> list[str]:
    """Give the names of the modules that are code: some only document an action."""
    code = {path.stem: path.read_text() for path in sorted(FOLDER.glob("[!_]*.py"))}
    return [n for n, text in code.items() if "def main" in text and n != "async_wrapper"]


@dataclass(frozen=True)
class Place:
    """Where tasks are run: the host, the web server, the folder of both programs."""

    sshd: Sshd
    served: str
    folder: Path


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_request(self, *args):
        """Say nothing: what is asked for is no news."""

    def log_error(self, *args):
        """The same."""


@pytest.fixture
def served(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "one").write_text("this is one\n")
    handler = partial(QuietFiles, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def playbook(tasks: list[dict[str, object]], folder: Path) -> str:
    """Give a play that registers each of *tasks* under its number and writes all down."""
    numbered = [
        {**task, "register": f"r{number}", "ignore_errors": True}
        for number, task in enumerate(tasks)
    ]
    names = ", ".join(f"r{number}" for number in range(len(tasks)))
    writing = {"content": f"{{{{ [{names}] | to_json }}}}", "dest": f"{folder}/results.json"}
    numbered.append({"copy": writing, "delegate_to": "localhost"})
    play = {"hosts": "h", "gather_facts": False, "tasks": numbered}
    return yaml.safe_dump([play], sort_keys=False)


def furnish(work: Path) -> None:
    (work / "parts").mkdir(parents=True)
    (work / "lines").write_text("one\ntwo\nthree\n")
    for part in ("1", "2"):
        (work / "parts" / part).write_text(f"part {part}\n")
    for path in (work / "lines", work / "parts" / "1", work / "parts" / "2"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    if shutil.which("git"):
        author = ["-c", "user.name=x", "-c", "user.email=x@x"]
        made = {f"GIT_{who}_DATE": "2020-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
        for words in (
            ["init", "-q", "-b", "main", "origin.git"],
            ["-C", "origin.git", *author, "commit", "-q", "--allow-empty", "-m", "first"],
        ):
            subprocess.run(["git", *words], cwd=work, env=os.environ | made, check=True)


def run(program: str, tasks: list[dict[str, object]], place: Place) -> list[object]:
    folder = place.folder / program
    furnish(folder / "work")
    (folder / "p.yml").write_text(playbook(tasks, folder))
    (folder / "ansible.cfg").touch()
    host = place.sshd.variables() | {"work": f"{folder}/work", "served": place.served}
    host["ansible_ssh_args"] = "-F none -o ControlMaster=auto -o ControlPersist=30s"
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": {"h": host}}}))
    mine = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    ended = subprocess.run(
        [*PROGRAMS[program], "-i", "hosts.json", "p.yml"],
        cwd=folder,
        env=mine
        | {
            "ANSIBLE_CONFIG": f"{folder}/ansible.cfg",
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_ASYNC_DIR": f"{folder}/jobs",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    results = json.loads((folder / "results.json").read_text())
    assert len(results) == len(tasks)
    return [comparable(result, str(folder)) for result in results]


def comparable(value: object, folder: str) -> object:
    if isinstance(value, dict):
        return {
            key: "(varies)" if key in _BY_NATURE else comparable(member, folder)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return in_order([comparable(member, folder) for member in value])
    if isinstance(value, str):
        value = value.replace(folder, "FOLDER")
        for pattern, name in _RANDOM:
            value = pattern.sub(name, value)
    return value


def in_order(members: list[object]) -> list[object]:
    """Sort what `find` found: a folder gives its files in an order of its own."""
    if all(isinstance(member, dict) and "path" in member for member in members):
        return sorted(members, key=lambda member: member["path"])
    return members


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict | list) and value:
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in members:
            yield from leaves(member, f"{path}/{key}")
    else:
        yield path, value


def difference(task: dict[str, object], stock: object, ours: object) -> str:
    """Say what differs, one line for each value."""
    theirs, mine = dict(leaves(stock)), dict(leaves(ours))
    lines = [
        f"  {key}: stock {theirs.get(key, 'nothing')!r}, here {mine.get(key, 'nothing')!r}"
        for key in dict.fromkeys([*theirs, *mine])
        if theirs.get(key, leaves) != mine.get(key, leaves)
    ]
    return "\n".join([str(task), *lines]) if lines else ""


@pytest.fixture
def compared(sshd, served, tmp_path):
    """Runs tasks under both programs; gives what differs, and what we registered."""
    place = Place(sshd, served, tmp_path)

    def compare(tasks):
        stock, ours = (run(program, tasks, place) for program in PROGRAMS)
        triples = zip(tasks, stock, ours, strict=True)
        return "\n".join(filter(None, starmap(difference, triples))), ours

    yield compare
    for control in (sshd.folder / "cp").glob("*"):
        leave = ["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={control}", "any"]
        subprocess.run(leave, capture_output=True, check=False)


@pytest.mark.ssh
@pytest.mark.timeout(300)
def test_each_module_refuses_an_unknown_argument_as_under_stock(compared):
    tasks = [{name: {"no_such_argument": 1}} for name in modules()]
    assert len(tasks) > 40
    differing, ours = compared(tasks)
    assert differing == ""
    assert all(result["failed"] for result in ours)


@pytest.mark.ssh
@pytest.mark.timeout(300)
def test_each_module_answers_as_under_stock(compared):
    differing, ours = compared(yaml.safe_load(RIGHT.read_text()))
    assert differing == ""
    assert sum(not result["failed"] for result in ours) > 40
