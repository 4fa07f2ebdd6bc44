"""The real hosts that implementations are held against."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from real_hosts import sshd, user

__all__ = ["sshd", "user"]


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """What we call must not block; a test that looks at the host's files itself may."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    guard = BlockBuster(scanned_modules=["outlast"])
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()


@pytest.fixture(scope="session")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """Watch children as the program does: without a thread for each."""
    policy = asyncio.DefaultEventLoopPolicy()
    if sys.version_info < (3, 12):
        policy.set_child_watcher(asyncio.PidfdChildWatcher())
    return policy
