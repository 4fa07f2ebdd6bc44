"""Children, what they say, and the end of their trees."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from outlast_agent import processes
from outlast_agent.loop import Loop, exit_code
from outlast_agent.processes import Gathering, descendants, fork, start_time


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def gathered(loop, child, patience=0.0):
    """Run the loop until the child is done; gives code and output."""
    seen = []

    def finished(status, out, err):
        seen.extend([exit_code(status), out, err])
        loop.stop()

    Gathering(loop, child, patience, finished)
    loop.run()
    return seen


def shell(line):
    def work():
        os.execv("/bin/sh", ["/bin/sh", "-c", line])

    return work


def test_a_childs_output_and_code_are_gathered(loop):
    def work():
        sys.stdout.write("out\n")
        sys.stderr.write("err\n")
        sys.stdout.flush()
        return 4

    assert gathered(loop, fork(work, {})) == [4, b"out\n", b"err\n"]


def test_a_child_has_its_environment_and_nothing_to_read(loop):
    child = fork(shell("cat; echo $GREETING"), {"GREETING": "hi"})
    assert gathered(loop, child) == [0, b"hi\n", b""]
    assert "GREETING" not in os.environ


def test_a_child_holds_no_descriptor_of_ours(loop):
    # The listing's own descriptor is the fourth.
    assert gathered(loop, fork(shell("ls /proc/self/fd"), {}))[1].split() == [
        b"0",
        b"1",
        b"2",
        b"3",
    ]


def test_a_child_that_raises_ends_with_one(loop):
    def work():
        raise SystemExit(9)

    assert gathered(loop, fork(work, {}))[0] == 1


def test_too_much_output_is_cut_and_says_so(loop, monkeypatch):
    monkeypatch.setattr(processes, "OUTPUT_LIMIT", 1000)
    code, out, _ = gathered(loop, fork(shell("yes | head -c 300000"), {}))
    assert code == 0
    assert out == b"y\n" * 500 + b"\n[outlast kept 1000 of 300000 bytes of output]\n"


def test_who_holds_the_pipe_is_waited_for_as_long_as_patience_lasts(loop):
    started = time.monotonic()
    line = "sleep 607 & echo $! >&2; echo out"
    _, out, err = gathered(loop, fork(shell(line), {}), patience=0.2)
    assert out == b"out\n"
    assert 0.2 <= time.monotonic() - started < 5
    os.kill(int(err), 9)


def test_what_comes_late_but_in_time_is_kept(loop):
    line = "(sleep 0.05; echo late) & echo early"
    assert gathered(loop, fork(shell(line), {}), patience=5.0)[1] == b"early\nlate\n"


def test_ending_a_tree_asks_first(loop, tmp_path):
    asked = f"trap 'echo asked > {tmp_path}/asked; exit' TERM"
    line = f"{asked}; echo > {tmp_path}/up; sleep 611 & wait"
    ended_with(loop, line, tmp_path)
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_ending_a_tree_insists(loop, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE", 0.2)
    far = f"echo $$ > {tmp_path}/far; mv {tmp_path}/far {tmp_path}/up; sleep 608"
    line = f"trap '' TERM; setsid sh -c '{far}' & wait; sleep 608"
    ended_with(loop, line, tmp_path)
    assert not start_time(int((tmp_path / "up").read_text()))


def ended_with(loop, line, tmp_path):
    """Start *line*, wait until it says it is up, end it."""
    gathering = Gathering(loop, fork(shell(line), {}), 0.0, lambda *_: loop.stop())

    def look():
        if (tmp_path / "up").exists():
            gathering.end_with(loop.stop)
        else:
            loop.call_later(0.01, look)

    look()
    loop.run()


def test_descendants_are_found_at_any_depth():
    line = "sh -c 'sleep 609 & echo $!; wait' & wait"
    with subprocess.Popen(["/bin/sh", "-c", line], stdout=subprocess.PIPE) as process:
        deepest = int(process.stdout.readline())
        found = descendants(process.pid)
        assert deepest in found
        assert process.pid not in found
        for pid in [process.pid, *found]:
            os.kill(pid, 9)


def test_a_process_is_told_from_a_later_one_by_its_start():
    with subprocess.Popen(["sleep", "610"]) as process:
        assert start_time(process.pid)
        process.kill()
        process.wait()
        assert start_time(process.pid) == ""
