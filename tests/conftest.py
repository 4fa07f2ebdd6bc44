"""What every test needs of pytest itself."""

from __future__ import annotations

import asyncio


def pytest_configure():
    # Asked for the loop before any is set, Python 3.11 makes one, and pytest-asyncio asks:
    # nobody would close it, and the garbage collector would blame whichever test runs then.
    asyncio.set_event_loop(None)
