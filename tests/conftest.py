"""After each test nothing is left; in each test nothing blocks the loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster

_PATIENCE = 5.0
"""Seconds a child that was told to go may take to be gone."""


def pytest_configure(config: pytest.Config) -> None:
    """Have no loop made that nobody closes, no run of ours among the user's own, and Ctrl-C."""
    # A shell that starts us in the background has us ignore it, and what we start inherits that.
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
    # Asked for the loop before any is set, Python 3.11 makes one, and pytest-asyncio asks:
    # the garbage collector would blame whichever test runs then.
    asyncio.set_event_loop(None)
    if sys.version_info < (3, 12):  # as the program does: no thread for each child process
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
    # No TemporaryDirectory: children that tests fork off would remove it when they exit.
    state = tempfile.mkdtemp(prefix="outlast-state-")
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))
    os.environ["OUTLAST_STATE_DIR"] = state


def _children() -> set[int]:
    """The processes this one has started and not yet buried."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found.update(map(int, (task / "children").read_text().split()))
        except FileNotFoundError:
            continue  # a thread that has ended meanwhile
    return found


def _descriptors() -> dict[int, str]:
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except OSError:
            continue  # the listing's own descriptor
    return found


def _wait_for_the_end(pid: int) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], _PATIENCE)[0])
    finally:
        os.close(pidfd)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No child, descriptor or thread outlives the test that made it."""
    children, descriptors, threads = _children(), _descriptors(), threading.active_count()
    yield
    left = [pid for pid in _children() - children if not _wait_for_the_end(pid)]
    assert not left, f"processes left running: {left}"
    assert not (_children() - children), "a child was not waited for"
    opened = {fd: to for fd, to in _descriptors().items() if descriptors.get(fd) != to}
    opened = {fd: to for fd, to in opened.items() if not to.startswith("anon_inode:")}
    assert not opened, f"descriptors left open: {opened}"
    assert threading.active_count() <= threads, "threads left running"


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """A call that blocks while a loop runs is an error of the code under test."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    guard = BlockBuster(excluded_modules=["pytest", "_pytest", "linecache", "tokenize", "inspect"])
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()
