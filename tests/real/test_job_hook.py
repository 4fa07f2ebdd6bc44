"""Each job's end is told to a command or a URL, at least once, whoever was killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from job_host import wait_until
from real.test_jobs_command import MORE, World, world
from real_loop import nothing_blocks_the_loop

from outlast.cli.jobs import hook_ways
from outlast.cli.jobs.hook_ways import NotTold, tell
from outlast_agent import spool

__all__ = ["nothing_blocks_the_loop", "world"]

POLLED = "    - {{name: Check, shell: exit {code}, async: 60, poll: 1, ignore_errors: true}}\n"
KEYS = {
    *("version", "event", "jid", "host", "run", "task", "state", "cause", "rc", "started"),
    *("ended", "seconds", "attempt"),
}


class Server(ThreadingHTTPServer):
    """Takes what is posted, and answers what it is told to."""

    def __init__(self):
        self.posted, self.status = [], 204

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.server.posted.append(
                    (
                        self.headers["Content-Type"],
                        json.loads(self.rfile.read(int(self.headers["Content-Length"]))),
                    )
                )
                self.send_response(self.server.status)
                self.end_headers()

            def log_message(self, *_args):
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/ends?token=s3cret"

    def close(self):
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


def configure(world: World, hook: str) -> None:
    (world.folder / "ansible.cfg").write_text(f"[outlast]\njob_hook = {hook}\n")


def note_to(world: World, before="") -> str:
    """Give a hook that appends what it is told to a file."""
    script = world.folder / "hook.sh"
    script.write_text(
        f"#!/bin/sh\n{before}\ncat >> {world.folder}/told; echo >> {world.folder}/told\n"
    )
    script.chmod(0o700)
    return str(script)


def stuck(world: World) -> str:
    """Give a hook that leaves its pid and hangs."""
    os.mkfifo(world.folder / "stuck")
    return note_to(world, f"echo $$ > {world.folder}/pid; read x < {world.folder}/stuck")


def told(world: World):
    file = world.folder / "told"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def not_late(world: World) -> None:
    """Let the time for another attempt have come."""
    with closing(sqlite3.connect(world.folder / "state/ledger.sqlite")) as connection:
        connection.execute("UPDATE deliveries SET due = 0")
        connection.commit()


def due(world: World):
    with closing(sqlite3.connect(world.folder / "state/ledger.sqlite")) as connection:
        return [row[0] for row in connection.execute("SELECT task FROM deliveries")]


def test_a_command_is_told_on_its_stdin_of_each_end(world):
    configure(world, note_to(world))
    began = time.time()
    world.start(more=POLLED.format(code=3))
    [one] = told(world)
    assert one.keys() == KEYS
    assert (one["version"], one["event"]) == (1, "job.ended")
    assert (one["host"], one["task"]) == ("here", "Check")
    assert (one["state"], one["cause"], one["rc"], one["attempt"]) == ("failed", "failed", 3, 1)
    assert began - 1 < one["started"] <= one["ended"] < time.time()
    assert one["seconds"] == pytest.approx(one["ended"] - one["started"], abs=0.01)
    assert one["run"] == json.loads(world.run("runs", "list", "--json").stdout)["runs"][0]["id"]
    assert due(world) == []


def test_it_is_told_while_the_run_goes_on(world):
    configure(world, note_to(world))
    os.mkfifo(world.folder / "on")
    more = POLLED.format(code=0) + f"    - {{name: Stay, shell: 'read x < {world.folder}/on'}}\n"
    (world.folder / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{more}")
    with world.open("playbook", "-i", "hosts.yml", "site.yml") as playing:
        wait_until(lambda: bool(told(world)))
        assert playing.poll() is None
        (world.folder / "on").write_text("go\n")
        playing.communicate()
    assert playing.returncode == 0
    assert [one["state"] for one in told(world)] == ["ended"]


def test_a_url_is_posted_to_by_whoever_learns_the_end(world, server):
    world.environment["OUTLAST_JOB_HOOK"] = os.environ["OUTLAST_JOB_HOOK"] = server.url
    try:
        world.start()
        jid = world.the_job()
        assert server.posted == []
        world.let_end(9)
        world.jobs("wait", jid, code=1)
    finally:
        del os.environ["OUTLAST_JOB_HOOK"]
    [(kind, one)] = server.posted
    assert kind == "application/json"
    assert (one["jid"], one["state"], one["rc"]) == (jid, "failed", 9)


def test_a_list_of_the_hosts_learns_ends_too(world):
    world.start(more=MORE)
    world.let_end(0)
    configure(world, note_to(world))
    wait_until(lambda: len(world.listed("--remote")) == 1)
    assert [(one["task"], one["state"]) for one in told(world)] == [("Back up", "ended")]
    world.jobs("cancel", "--name", "Index", "-y")
    assert [(one["task"], one["cause"]) for one in told(world)][1:] == [("Index", "cancelled")]


def test_a_controller_killed_before_it_told_is_made_up_for_by_the_next(world):
    """It had learnt the end and was in the hook when it was killed."""
    configure(world, stuck(world))
    (world.folder / "site.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  tasks:\n{POLLED.format(code=0)}"
    )
    with world.open("playbook", "-i", "hosts.yml", "site.yml") as playing:
        wait_until((world.folder / "pid").exists)
        playing.send_signal(signal.SIGKILL)
        playing.communicate()
    os.killpg(int((world.folder / "pid").read_text()), signal.SIGKILL)
    assert told(world) == []
    configure(world, note_to(world))
    world.jobs("list")
    assert told(world) == []  # whoever has claimed it may be at it
    not_late(world)
    world.jobs("list")
    [one] = told(world)
    assert (one["task"], one["state"], one["attempt"]) == ("Check", "ended", 2)
    world.jobs("list")
    assert len(told(world)) == 1


def test_a_hook_that_fails_fails_no_run_is_said_once_and_tried_again(world, server):
    configure(world, server.url)
    server.status = 500
    said = world.start(more=POLLED.format(code=0) * 2)
    assert said.stderr.count("The job hook was not told") == 1
    assert "the server answered 500" in said.stderr
    assert "s3cret" not in said.stderr
    assert len(due(world)) == 2
    quiet = world.jobs("list")
    assert "hook" not in quiet.stderr  # it is not time yet
    server.status = 200
    not_late(world)
    world.jobs("list")
    assert due(world) == []
    assert len(server.posted) == 4
    assert b"s3cret" not in (world.folder / "state/ledger.sqlite").read_bytes()


def test_who_does_not_listen_for_days_is_given_up_and_that_is_said(world):
    configure(world, "/bin/false")
    world.start(more=POLLED.format(code=0))
    with closing(sqlite3.connect(world.folder / "state/ledger.sqlite")) as connection:
        connection.execute("UPDATE deliveries SET due = 0, since = since - 400000, attempts = 17")
        connection.commit()
    said = world.jobs("list").stderr
    assert "never told" in said
    assert "attempt 18, and the last" in said
    assert due(world) == []


def test_who_interrupts_a_run_is_not_kept_by_its_hook(world):
    configure(world, stuck(world))
    more = POLLED.format(code=0) + "    - {name: Wait long, command: sleep 100}\n"
    (world.folder / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{more}")
    words = ("playbook", "-i", "hosts.yml", "site.yml")
    began = time.monotonic()
    with world.open(*words) as playing:
        wait_until((world.folder / "pid").exists)
        playing.send_signal(signal.SIGINT)
        said = b"".join(playing.communicate())
    assert playing.returncode == 99
    assert b"Traceback" not in said
    assert time.monotonic() - began < hook_ways.TIMEOUT
    assert due(world) == ["Check"]


# -- the ways ---------------------------------------------------------------------------------


async def test_a_command_that_takes_too_long_ends_with_all_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(hook_ways, "TIMEOUT", 1.0)
    line = f"sh -c 'sleep 900 & echo $! > {tmp_path}/pid; wait'"
    with pytest.raises(NotTold, match="more than 1 seconds"):
        await tell(line, b"{}")
    pid = int((tmp_path / "pid").read_text())
    await asyncio.to_thread(wait_until, lambda: not spool.process_start(pid))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("sh -c 'echo no room >&2; exit 7'", "it ended with code 7: no room"),
        ("/there/is/none", "No such file or directory"),
        ("sh -c 'kill -9 $$'", "it ended with code -9"),
    ],
)
async def test_why_a_command_failed_is_said(line, why):
    with pytest.raises(NotTold) as told_:
        await tell(line, b"{}")
    assert str(told_.value) == why


async def test_a_command_need_not_read_and_may_leave_something_behind(tmp_path):
    began = time.monotonic()
    await tell(f"sh -c 'exec 0<&-; (sleep 2; echo > {tmp_path}/later) & exit 0'", b"x" * 200_000)
    assert time.monotonic() - began < 2
    wait_until((tmp_path / "later").exists)


async def test_a_url_where_nobody_listens_is_said_without_it():
    with pytest.raises(NotTold) as told_:
        await tell("http://127.0.0.1:1/?token=s3cret", b"{}")
    assert str(told_.value) == "Connection refused"
