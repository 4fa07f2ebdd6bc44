"""What can be said of a job at a glance, without reading all that it has left.

Knows how much of each file is enough, what older versions called the ways to end, and what of
a job's output may be shown on a terminal. Leaves which jobs there are to `listing`.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import time

from outlast_agent import spool
from outlast_agent.jobs import status as job_status

_LONGEST_LINE = 200
_TAIL = 4096
"""Bytes of a stream in which its last line is looked for."""
_LARGEST_RESULT = 64 * 1024
"""Bytes of a result that is read for a glance; a running job's file is far smaller."""
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_BEFORE_2 = {"exit": "exited", "signal": "signalled", "not started": "failed", "broken": "failed"}


def summary(entry: spool.Entry) -> dict[str, object] | None:
    """Give what is known of a job; None when it is none, or has gone meanwhile."""
    job = job_status.record(entry, "job.json")
    if job is None and not os.path.isdir(entry.private):
        return _stocks(entry)
    if job is None and not os.path.exists(entry.results_file):
        return None  # it is just being recorded
    return _ours(entry, job or _without_description(entry))


def _without_description(entry: spool.Entry) -> dict[str, object]:
    """Give what can be said of a job whose job.json is gone or spoilt."""
    try:
        found = os.stat(entry.private)
    except OSError:
        return {"started": 0.0, "limit": 0.0, "user": ""}
    return {"started": found.st_mtime, "limit": 0.0, "user": _user(found.st_uid)}


def _ours(entry: spool.Entry, job: dict[str, object]) -> dict[str, object]:
    running = bool(job_status.supervisor_pid(entry))  # before its end is looked for: see job_status
    end = job_status.record(entry, "end.json")
    if end is None and not running:
        # Records that it is lost, if it is; what runs without a supervisor restarts its host.
        running = isinstance(job_status.look(entry), job_status.Unfinished)
        end = job_status.record(entry, "end.json")
    result = None if running and end is None else _small_result(entry)
    started = job.get("started")
    name = str(job.get("name", ""))
    sizes = {stream: _size(entry.path(stream)) for stream in ("stdout", "stderr")}
    return {
        "jid": entry.jid,
        "name": name,
        "label": str(job.get("label", "")),
        "started": started,
        "limit": job.get("limit"),
        "user": job.get("user"),
        "state": "running" if running and end is None else "ended",
        # The host's clock may have been set back since.
        "age": max(0.0, time.time() - started) if isinstance(started, (int, float)) else 0.0,
        "same_boot": job.get("boot_id") == spool.boot_id(),
        "stdout_bytes": sizes["stdout"],
        "stderr_bytes": sizes["stderr"],
        "output_bytes": sum(sizes.values()),
        # A task without a name is one whose words are nobody's business (no_log).
        "last_line": _last_words(entry, job, result) if name else "",
        **({} if running and end is None else _end(entry, end, result)),
    }


def _end(
    entry: spool.Entry, end: dict[str, object] | None, result: dict[str, object] | None
) -> dict[str, object]:
    if end is None:  # killed between its two last records, or cleaned up while it ran
        result = result or {"outlast_cause": "lost"}
        return {"cause": _cause_by(result), "rc": None, "ended": _time_of(entry.results_file)}
    cause = str(end.get("cause"))
    if end.get("version") == 1:
        cause = _BEFORE_2.get(cause, cause)
        if cause == "exited" and _failed(result or {"rc": end.get("rc")}):
            cause = "failed"
    return {"cause": cause, "rc": end.get("rc"), "ended": end.get("ended", end.get("noticed"))}


def _cause_by(result: dict[str, object]) -> object:
    """Give why a job ended of which only the result is left."""
    if result.get("msg") == "Timeout exceeded" and "child_pid" in result:
        return "limit"  # stock's words, so they say no more than stock does
    return result.get("outlast_cause", "failed" if _failed(result) else "exited")


def _failed(result: dict[str, object]) -> bool:
    return bool(result.get("failed", result.get("rc") not in (None, 0, "0")))


def _stocks(entry: spool.Entry) -> dict[str, object] | None:
    """Give what stock's single file says: little."""
    try:
        found = os.stat(entry.results_file)
    except OSError:
        return None
    result = _small_result(entry)
    large = found.st_size > _LARGEST_RESULT
    running = not large and (not result or ("started" in result and not result.get("finished")))
    seen: dict[str, object] = {
        "jid": entry.jid,
        "state": "running" if running else "ended",
        "user": _user(found.st_uid),
        "output_bytes": 0,
    }
    if running:
        return {**seen, "started": found.st_mtime, "age": time.time() - found.st_mtime}
    rc = result.get("rc") if result else None
    seen.update(ended=found.st_mtime, rc=rc if isinstance(rc, int) else None)
    return {**seen, "cause": "failed" if result and _failed(result) else "exited"}


def _small_result(entry: spool.Entry) -> dict[str, object] | None:
    try:
        with open(entry.results_file, "rb") as file:
            data = json.loads(file.read(_LARGEST_RESULT))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _last_words(
    entry: spool.Entry, job: dict[str, object], result: dict[str, object] | None
) -> str:
    """Give the last line of whichever stream spoke last; of a module that is over, its `msg`."""
    before_2 = job.get("prints_json")  # its answer stands where output should be
    if (before_2 or job.get("answers")) and result is not None and "msg" in result:
        return shown(str(result["msg"]).encode("utf-8", "replace"))
    if before_2:
        return shown(_tail(entry.path("stderr")))
    latest = sorted(("stdout", "stderr"), key=lambda name: _time_of(entry.path(name)) or 0.0)
    lines = (shown(_tail(entry.path(name))) for name in reversed(latest))
    return next((line for line in lines if line), "")


def shown(tail: bytes) -> str:
    """Give the last line in *tail* that says anything, fit for a terminal."""
    text = _ESCAPE.sub("", tail.decode("utf-8", "replace"))
    for line in reversed(re.split(r"[\r\n]+", text)):
        said = "".join(c if c.isprintable() else " " for c in line).strip()
        if said:
            return said[:_LONGEST_LINE]
    return ""


def _tail(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _time_of(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
