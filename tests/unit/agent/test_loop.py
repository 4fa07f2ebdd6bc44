"""One thread, told by descriptors, clocks and children."""

from __future__ import annotations

import os
import signal

import pytest

from outlast_agent.loop import Loop, exit_code


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def child(code):
    pid = os.fork()
    if pid == 0:
        if code < 0:
            os.kill(os.getpid(), -code)
        os._exit(code)
    return pid


@pytest.mark.parametrize("code", [0, 3, -signal.SIGKILL])
def test_a_childs_end_is_told_with_its_code(loop, code):
    seen = []

    def ended(status):
        seen.append(exit_code(status))
        loop.stop()

    loop.when_exited(child(code), ended)
    loop.run()
    assert seen == [code]


def test_a_child_that_ended_before_anybody_asked_is_told_too(loop):
    pid = child(5)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = []
    loop.when_exited(pid, lambda status: (seen.append(exit_code(status)), loop.stop()))
    loop.run()
    assert seen == [5]


def test_many_children_are_each_told_once(loop):
    seen = []

    def ended(status):
        seen.append(exit_code(status))
        if len(seen) == 20:
            loop.stop()

    for number in range(20):
        loop.when_exited(child(number), ended)
    loop.run()
    assert sorted(seen) == list(range(20))


def test_timers_fire_in_the_order_they_are_due_and_not_when_cancelled(loop):
    seen = []
    loop.call_later(0.02, lambda: (seen.append("late"), loop.stop()))
    loop.call_later(0.01, lambda: seen.append("cancelled")).cancel()
    loop.call_later(0.0, lambda: seen.append("first"))
    loop.call_later(0.0, lambda: seen.append("second"))
    loop.run()
    assert seen == ["first", "second", "late"]


def test_a_descriptor_is_told_until_it_is_unwatched(loop):
    reader, writer = os.pipe()
    seen = []

    def read():
        seen.append(os.read(reader, 1))
        if len(seen) == 2:
            loop.unwatch(reader)
            loop.call_later(0.0, loop.stop)

    os.write(writer, b"abc")
    loop.watch(reader, read)
    loop.run()
    assert seen == [b"a", b"b"]
    loop.unwatch(reader)  # once more does no harm
    os.close(reader)
    os.close(writer)


def test_reading_and_writing_of_one_descriptor_are_told_apart(loop):
    reader, writer = os.pipe()
    seen = []
    loop.watch_writable(writer, lambda: (seen.append("writable"), loop.unwatch_writable(writer)))
    loop.watch(reader, lambda: (seen.append(os.read(reader, 9)), loop.stop()))
    loop.call_later(0.01, lambda: os.write(writer, b"x"))
    loop.run()
    assert seen == ["writable", b"x"]
    os.close(reader)
    os.close(writer)
