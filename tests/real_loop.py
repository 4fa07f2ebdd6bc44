"""What may not block a loop while real hosts are talked to."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """What we call must not block; a test that looks at the host's files itself may."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    guard = BlockBuster(scanned_modules=["outlast"])
    for name in ("os.path.abspath", "os.getcwd", "os.stat", "os.lstat", "os.readlink"):
        if name in guard.functions:  # a folder's links, resolved once per connection
            guard.functions[name].can_block_in("transport/openssh.py", "_control_path")
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()
