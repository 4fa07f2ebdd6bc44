"""Telling whose a process is, wherever it went: a mark that its descendants inherit.

Knows one place that every process hands on to what it starts, across `setsid`, `exec` and the
loss of its parent, that anybody may read, and that means nothing to anybody else: the limit of
the time that a real-time process may run without a pause. The mark is one of 146 000 years,
another one for every run. An environment variable would be seen by who prints his environment,
and is lost where a program makes a new one. Leaves signalling to `processes`.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator

_PLACE = getattr(resource, "RLIMIT_RTTIME", None)  # Linux alone has it
_SMALLEST = 1 << 62
_LINE = b"Max realtime timeout"


@contextlib.contextmanager
def marked() -> Iterator[str]:
    """Have what is started meanwhile carry a new mark, which is given; empty: that cannot be."""
    mark = _SMALLEST + int.from_bytes(os.urandom(7), "big")
    before = _set(mark)
    try:
        yield str(mark) if before else ""
    finally:
        if before and _PLACE is not None:
            resource.setrlimit(_PLACE, before)


def _set(mark: int) -> tuple[int, int] | None:
    """Give what was there before; None when there is no room for a mark."""
    if _PLACE is None:
        return None
    before = resource.getrlimit(_PLACE)
    try:
        resource.setrlimit(_PLACE, (mark, before[1]))
    except (ValueError, OSError):
        return None  # somebody has a limit of that kind
    return before


def carriers(mark: str) -> list[int]:
    """Give every process that has *mark*; none for an empty one."""
    if not mark:
        return []
    wanted = mark.encode()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _mark(name) == wanted]


def _mark(pid: str) -> bytes:
    try:
        fd = os.open("/proc/%s/limits" % pid, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        said = os.read(fd, 4096).partition(_LINE)[2].split(None, 1)
    except OSError:
        return b""  # it has ended between the two
    finally:
        os.close(fd)
    return said[0] if said else b""
