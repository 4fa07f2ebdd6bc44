"""What a job came to that restarts its host, read after its supervisor has gone.

Knows that it ends well when its program has, or still ran, and the host has another boot id
since; and that a host that goes down takes its time, but no more than the job's limit. Leaves
what happens before to `supervision.restart`, and finding out whether a supervisor lives to
`status`.
"""

from __future__ import annotations

import json
import os
import time

from outlast_agent import spool
from outlast_agent.supervision import restart
from outlast_agent.supervision.printed import output_so_far


def is_awaited(entry: spool.Entry, job: dict[str, object]) -> bool:
    """Tell whether a job without supervisor and end waits for its host, or has it back."""
    if not job.get("reboots"):
        return False
    return _restarted(job) or os.path.exists(entry.path(restart.LEAVING))


def _restarted(job: dict[str, object]) -> bool:
    now = spool.boot_id()
    return bool(now) and now != job.get("boot_id")


def result(entry: spool.Entry, job: dict[str, object]) -> dict[str, object] | None:
    """Give what such a job came to, from now on by the spool's word; None: nothing yet."""
    now = time.time()
    if _restarted(job):
        kept = _kept(entry)
        data = _came_back(entry, job, kept, now)
        end = {"version": 2, "cause": "exited", "rc": kept.get("rc"), "rebooted": True}
    elif now >= _number(job, "started") + _number(job, "limit"):
        data = {"msg": "Timeout exceeded", "failed": True, "child_pid": _child(entry)}
        end = {"version": 2, "cause": "limit", "rc": None}
    else:
        return None
    try:
        spool.put(entry.results_file, json.dumps(data))  # stock's async_status must see it as well
        spool.put(entry.path("end.json"), json.dumps({**end, "ended": now}))
    except OSError:
        pass  # the next look comes to the same answer
    return data


def _came_back(
    entry: spool.Entry, job: dict[str, object], kept: dict[str, object], now: float
) -> dict[str, object]:
    said = kept.get("result")
    return {
        **(said if isinstance(said, dict) else _so_far(entry, job)),
        "rebooted": True,
        "outlast_boot_ids": [job.get("boot_id"), spool.boot_id()],
        "elapsed": round(now - _number(job, "started"), 1),
    }


def _so_far(entry: spool.Entry, job: dict[str, object]) -> dict[str, object]:
    """Give what a program has said that the host took down with it; it had no end of its own."""
    if job.get("answers"):
        return {"changed": True}  # half a result is none
    said = {name: "".join(stream.texts()) for name, stream in output_so_far(entry).items()}
    return {"changed": True, "stdout": "", "stderr": "", **said}


def _kept(entry: spool.Entry) -> dict[str, object]:
    try:
        with open(entry.path(restart.PROGRAM), encoding="utf-8") as file:
            kept = json.load(file)
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _child(entry: spool.Entry) -> int:
    pid = spool.first_line(entry.path("child")).partition(" ")[0]
    return int(pid) if pid.isdigit() else 0


def _number(job: dict[str, object], name: str) -> float:
    value = job.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
