"""Whether the process of a run is still there.

Knows that a pid alone proves nothing: it is given again, and to every machine's and every
boot's processes. Reads Linux's /proc; where there is none, a pid is all there is.
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct


class Process(Struct, frozen=True, kw_only=True):
    """One process, for all time."""

    machine: str
    boot: str
    pid: int
    started: int
    """In ticks since the boot; 0: not known."""


def this_process() -> Process:
    """Give the process that asks."""
    pid = os.getpid()
    return Process(machine=os.uname().nodename, boot=_boot(), pid=pid, started=_started(pid))


def lives(process: Process) -> bool | None:
    """Tell whether *process* is still there; None: it is another machine's, so who knows."""
    if process.machine != os.uname().nodename:
        return None
    if process.boot != _boot():
        return False
    if process.started:
        return _started(process.pid) == process.started
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _boot() -> str:
    return _text("/proc/sys/kernel/random/boot_id").strip()


def _started(pid: int) -> int:
    # The name before it may hold blanks and parentheses: fields count from the last one.
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0  # noqa: PLR2004  # proc(5): the 22nd field


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
