"""Every situation background jobs are for, over SSH, beside stock Ansible on the same files.

Each playbook in `seed/` runs on three hosts under both programs; exit code, recap and every
registered value must be the same, but for what differs from run to run by nature: times, job
ids, temporary names and how often was asked.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

SEED = Path(__file__).parent / "seed"
PLAYBOOKS = sorted(path.stem for path in SEED.glob("*.yml"))
BIN = Path(sys.executable).parent
PROGRAMS = {
    "stock": [str(BIN / "ansible-playbook")],
    "outlast": [str(BIN / "outlast"), "playbook"],
}

JOB_ID = re.compile(r"j\d+\.\d+")
RECAP = re.compile(r"^(\S+) +: (ok=.*?) *$", re.MULTILINE)
BY_NATURE = {"start", "end", "delta", "elapsed", "attempts"}
"""Keys whose values are times, or depend on them."""
TEMPORARY = {"src"}
"""Keys whose values are temporary paths with random names."""


@dataclass(frozen=True)
class Ended:
    """What became of a run: what is compared."""

    rc: int
    recap: dict[str, str]
    results: dict[str, object]
    """`/host/variable/key` to a value."""


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_request(self, *args):
        """Say nothing: what is asked for is no news."""


@pytest.fixture
def three_hosts(sshd, tmp_path):
    """An inventory of three SSH hosts; connections kept for later are ended afterwards."""
    names = ("h1", "h2", "h3")
    hosts = {name: sshd.variables(f"127.0.0.{n}") for n, name in enumerate(names, start=1)}
    for variables in hosts.values():
        variables["ansible_ssh_args"] = "-F none -o ControlMaster=auto -o ControlPersist=60s"
    members = {"hosts": dict.fromkeys(names)}
    groups = {"build_servers": members, "app_servers": members}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "children": groups}}))
    yield inventory
    for control in (sshd.folder / "cp").glob("*"):
        leave = ["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={control}", "any"]
        subprocess.run(leave, capture_output=True, check=False)


@pytest.fixture
def source_url(tmp_path):
    """Serve a few files on a loopback address; gives the address."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name in ("one", "two", "three", "dataset"):
        (folder / name).write_text(f"this is {name}\n")
    handler = partial(QuietFiles, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(program: str, playbook: str, hosts: Path, folder: Path, **extra: str) -> Ended:
    (folder / "results").mkdir(parents=True)
    variables = {"work_root": f"{folder}/work", "results": f"{folder}/results", **extra}
    ended = subprocess.run(
        [
            *PROGRAMS[program],
            *("-i", str(hosts), "-e", json.dumps(variables)),
            str(SEED / f"{playbook}.yml"),
        ],
        env=environment(folder, own_jobs_folder=playbook != "privileged"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    written = sorted((folder / "results").iterdir())
    assert written, f"{program} wrote no results:\n{ended.stdout}\n{ended.stderr}"
    results = {path.stem: json.loads(path.read_text()) for path in written}
    facts = dict(leaves(normalised(results, folder)))
    return Ended(ended.returncode, dict(RECAP.findall(ended.stdout)), facts)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Give what stands where, one line for each value: a difference is one line then."""
    if isinstance(value, dict | list) and value:
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in members:
            yield from leaves(member, f"{path}/{key}")
    else:
        yield path, value


def environment(folder: Path, *, own_jobs_folder: bool) -> dict[str, str]:
    settings = folder / "ansible.cfg"
    settings.touch()  # an empty one: the user's own must not speak
    mine = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    if own_jobs_folder:  # leave nothing in the home; another user's jobs go to theirs
        mine["ANSIBLE_ASYNC_DIR"] = str(folder / "jobs")
    return mine | {
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_PIPELINING": "True",
    }


def normalised(value: object, folder: Path) -> object:
    """Replace what differs from run to run by nature."""
    if isinstance(value, dict):
        return {
            key: "(varies)" if key in BY_NATURE | TEMPORARY else normalised(member, folder)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [normalised(member, folder) for member in value]
    if isinstance(value, str):
        return JOB_ID.sub("JID", value.replace(str(folder), "FOLDER"))
    return value


@pytest.mark.ssh
@pytest.mark.timeout(240)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_with_jobs_comes_to_the_same_end_as_under_stock(
    playbook, three_hosts, user, source_url, tmp_path
):
    extra = {"source_url": source_url, "failing": "h2", "privileged_user": user.name}
    stock = run("stock", playbook, three_hosts, tmp_path / "stock", **extra)
    ours = run("outlast", playbook, three_hosts, tmp_path / "outlast", **extra)
    assert stock.rc == 0
    assert {path.split("/")[1] for path in stock.results} == {"h1", "h2", "h3"}
    assert ours.recap == stock.recap
    assert ours.results == stock.results
    assert ours.rc == stock.rc


@pytest.mark.ssh
@pytest.mark.timeout(240)
def test_a_forgotten_job_goes_on_after_the_run_and_leaves_its_work(three_hosts, tmp_path):
    run("outlast", "fire_and_forget", three_hosts, tmp_path)
    expected = {tmp_path / "work" / host / "rotated" for host in ("h1", "h2", "h3")}
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not all(path.exists() for path in expected):
        threading.Event().wait(0.1)
    assert all(path.read_text() == "rotated\n" for path in expected)
