"""An agent at the end of a pipe, whatever is said to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from outlast_agent import bootstrap, wire


class Piped:
    """A real agent, and a whole conversation at once: all is said, then all is heard."""

    def __init__(self, tmp_path):
        sources = {
            path.stem: path.read_text()
            for path in Path(wire.__file__).parent.glob("*.py")
            if path.name != "__init__.py"
        }
        self.bundle = bootstrap.pack(sources)
        self.temporary = tmp_path / "tmp"
        self.stub = bootstrap.stub("WORD", self.bundle, {"remote_tmp": str(self.temporary)})

    def say(self, *pieces):
        """Give the messages that come back before the agent ends, by id."""
        said = self.bundle + b"".join(b"".join(piece) for piece in pieces)
        done = subprocess.run(
            [sys.executable, "-c", self.stub], input=said, capture_output=True, check=True
        )
        assert done.stderr == b""
        word, _, frames = done.stdout.partition(b"\n")
        assert word == b"WORD ok "
        return {message.id: message for message in wire.Decoder().feed(frames)}


@pytest.fixture
def agent(tmp_path):
    return Piped(tmp_path)


def ask(number, op, **body):
    return wire.message(number, wire.REQUEST, {"op": op, **body})


def test_an_agent_introduces_itself_and_goes_when_nobody_asks(agent):
    hello = agent.say()[0].body
    assert hello["version"] == wire.VERSION
    assert hello["uid"] == os.getuid()
    assert hello["python_version"] == list(sys.version_info[:3])
    assert not agent.temporary.exists()


def test_an_unknown_op_is_refused_and_the_next_answered(agent):
    heard = agent.say(ask(1, "dance"), ask(2, "file.inspect", path="/"))
    assert heard[1].kind == wire.ERROR
    assert heard[1].body["message"] == "this agent knows no 'dance'"
    assert heard[2].body["state"]["kind"] == "directory"


@pytest.mark.parametrize(
    ("op", "body", "message"),
    [
        ("file.inspect", {}, "path must be text, not null"),
        ("file.read", {"path": "/etc/passwd", "limit": "x"}, 'limit must be a number, not "x"'),
        ("run", {"parcel": "x", "args": {}}, "the agent has no parcel 'x'"),
        ("run", {"parcel": "x", "args": []}, "arguments and files are mappings"),
        ("run", {"command": {}, "environment": []}, "an environment is a mapping"),
        ("run", {"command": []}, "a command is a mapping"),
        ("parcel", {"digests": ["x"]}, "a parcel's digests and blobs differ in number"),
        ("become", {"method": "magic"}, "unknown become method 'magic'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(agent, op, body, message):
    heard = agent.say(ask(1, op, **body))
    assert heard[1].body == {"kind": "failed", "message": message}


def test_a_bug_in_an_op_is_told_with_its_traceback(agent):
    heard = agent.say(ask(1, "parcel", digests=[], id="x"))
    assert heard[1].body["kind"] == "bug"
    assert "KeyError: 'name'" in heard[1].body["message"]


def test_bytes_that_are_no_frames_end_the_agent(agent):
    assert list(agent.say(ask(1, "file.inspect", path="/"), [b"GET / HTTP/1.1\r\n\r\n"])) == [0, 1]


def test_an_id_that_is_open_already_ends_the_agent_and_what_it_runs(agent):
    started = time.monotonic()
    slow = {"command": {"argv": ["sleep", "612"]}}
    heard = agent.say(ask(1, "run", **slow), ask(1, "run", **slow))
    assert heard[1].body["kind"] == "cancelled"
    assert time.monotonic() - started < 20


def test_the_end_of_the_pipe_ends_what_runs(agent, tmp_path):
    line = f"trap 'echo asked > {tmp_path}/asked; exit' TERM; sleep 613 & wait"
    heard = agent.say(ask(1, "run", command={"shell": line}))
    assert heard[1].body["kind"] == "cancelled"


def test_cancelling_what_is_answered_or_was_never_asked_does_no_harm(agent):
    heard = agent.say(
        ask(1, "file.inspect", path="/"),
        wire.frames(1, wire.CANCEL, b""),
        wire.frames(7, wire.CANCEL, b""),
        wire.frames(7, wire.STREAM, b"nobody"),
        ask(2, "file.inspect", path="/"),
    )
    assert sorted(heard) == [0, 1, 2]


def test_what_was_half_stored_is_gone(agent):
    heard = agent.say(
        ask(1, "file.store", key="a", name="half", size=10),
        wire.frames(1, wire.STREAM, b"12345"),
        wire.frames(1, wire.CANCEL, b""),
        ask(2, "run", command={"shell": f"find {agent.temporary} -name half | wc -l"}),
    )
    assert heard[1].body["kind"] == "cancelled"
    assert not agent.temporary.exists() or list(agent.temporary.iterdir()) == []


def test_who_has_no_home_stores_where_everybody_may(agent, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "fallback").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "fallback"))
    agent.stub = bootstrap.stub("WORD", agent.bundle, {"remote_tmp": f"{tmp_path}/file/tmp"})
    heard = agent.say(ask(1, "file.store", key="a", name="x", size=0))
    assert heard[1].body["path"].startswith(str(tmp_path / "fallback"))
    assert list((tmp_path / "fallback").iterdir()) == []
