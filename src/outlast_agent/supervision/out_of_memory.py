"""Whether the kernel killed a job because there was no memory left.

Knows that a control group of the job's own counts such ends, and the kernel's own log, which
names the process it has killed: nothing else is a proof, as anybody may send SIGKILL. Where the
log cannot be read (it is often root's alone) or counts processes otherwise than we do (in a
container), nothing is claimed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from outlast_agent.supervision.order import Ending

KERNEL_LOG = "/dev/kmsg"
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # a constant of the kernel
_MOST = 8 * 1024 * 1024
_KILLED = re.compile(rb"^\d+,\d+,(\d+),[^;]*;.*\b[Oo]ut of memory.*: Killed process (\d+) ")
_EARLIER = 1.0
"""Seconds by which the log's clock may be behind ours: it does not count a host's sleep."""


def was_reason(ending: Ending) -> bool:
    """Tell whether the kernel says so of any of the job's processes that are known."""
    if ending.memory_kills:
        return True
    try:
        if os.readlink("/proc/self/ns/pid") != _FIRST_PID_NAMESPACE:
            return False
        log = _read(KERNEL_LOG)
    except OSError:
        return False
    return names(log, ending.pids, ending.since - _EARLIER)


def names(log: bytes, pids: Collection[int], since: float) -> bool:
    """Tell whether *log* says that one of *pids* was killed for memory after *since*.

    That is in seconds from the boot, which no clock that is set can change.
    """
    for line in log.splitlines():
        found = _KILLED.match(line)
        if found and int(found.group(2)) in pids and int(found.group(1)) / 1e6 >= since:
            return True
    return False


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    records = []
    size = 0
    try:
        while size < _MOST:
            try:
                record = os.read(fd, 8192)
            except BrokenPipeError:
                continue  # the oldest record was overwritten just now; the next read goes on
            except BlockingIOError:
                break
            if not record:
                break
            records.append(record)
            size += len(record)
    finally:
        os.close(fd)
    return b"".join(records)
