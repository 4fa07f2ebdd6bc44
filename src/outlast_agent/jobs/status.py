"""What the spool says about a job, in the words of stock's async_status.

Knows our records and stock's single file: for a job that stock's wrapper started, stock's
rule holds (a result has no `started`); for ours it does not need to guess. Finds out that a
job is lost: its supervisor is gone and has left no end. Leaves being asked to `one`.
"""

from __future__ import annotations

import json
import os
import shutil
import time

from outlast_agent import spool
from outlast_agent.jobs import restarted as job_restart
from outlast_agent.supervision.printed import output_so_far

_SO_FAR = 64 * 1024
"""Bytes of each stream of a running job that its status tells: the last ones."""


class Unfinished:
    """It runs, as far as can be known."""


class Finished:
    """It has ended; `data` is what the module said, or what we say in its place."""

    def __init__(self, data: dict[str, object]) -> None:
        self.data = data


class Unknown:
    """There is no such job in this folder."""


def status(entry: spool.Entry) -> dict[str, object]:
    """Answer as `async_status` does, `results_file` included."""
    state = look(entry)
    if isinstance(state, Unknown):
        return {**_could_not_find(entry), "results_file": entry.results_file}
    answer = state.data.copy() if isinstance(state, Finished) else _said_so_far(entry)
    # After the module's own keys: what it calls `started` is its business, not the job's.
    answer.update(
        ansible_job_id=entry.jid,
        results_file=entry.results_file,
        started=True,
        finished=isinstance(state, Finished),
    )
    return answer


def _said_so_far(entry: spool.Entry) -> dict[str, object]:
    """Give what a job of ours has said last; nothing of one that nobody is to hear (no_log)."""
    if not (record(entry, "job.json") or {}).get("name"):
        return {}
    ends = {"outlast_" + name: _end_of(entry.path(name)) for name in ("stdout", "stderr")}
    return {key: text for key, text in ends.items() if text}


def _end_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _SO_FAR))
            return file.read(_SO_FAR).decode("utf-8", "replace")
    except OSError:
        return ""


def cleanup(entry: spool.Entry) -> dict[str, object]:
    """Remove what is known of a job; one that still runs is not stopped, and will tell its end."""
    if isinstance(look(entry), Unknown):
        return {**_could_not_find(entry), "erased": entry.results_file}
    if supervisor_pid(entry):
        os.unlink(entry.results_file)
    else:
        clear(entry)
    return {
        "ansible_job_id": entry.jid,
        "erased": entry.results_file,
        "started": False,
        "finished": False,
    }


def clear(entry: spool.Entry) -> bool:
    """Remove whatever there is of a job that is over; tells whether nothing is left."""
    spool.forget(entry)
    shutil.rmtree(entry.private, ignore_errors=True)  # a lost module's files are folders
    return not os.path.lexists(entry.results_file) and not os.path.lexists(entry.private)


def _could_not_find(entry: spool.Entry) -> dict[str, object]:
    return {
        "failed": True,
        "msg": "could not find job",
        "ansible_job_id": entry.jid,
        "started": True,
        "finished": True,
    }


def look(entry: spool.Entry) -> Unfinished | Finished | Unknown:
    """Find out what is known about a job; records it when the job turns out to be lost."""
    if "/" in entry.jid or not entry.jid or not os.path.exists(entry.results_file):
        return Unknown()
    job = record(entry, "job.json")
    if job is None and not os.path.isdir(entry.private):
        return _by_stocks_rule(entry)
    return _ours(entry, job or {})


def _by_stocks_rule(entry: spool.Entry) -> Unfinished | Finished:
    data = _parsed(_text(entry.results_file))
    if data is None or "started" in data:
        finished = bool(data and data.get("finished"))
        return Finished(data) if data and finished else Unfinished()
    return Finished(data)


def _ours(entry: spool.Entry, job: dict[str, object]) -> Unfinished | Finished:
    # Alive first: a supervisor that ends between two looks has written its end by the second.
    alive = supervisor_pid(entry)
    text = _text(entry.results_file)
    ended = os.path.exists(entry.path("end.json"))
    if text != entry.running_text():
        data = _parsed(text)
        if data is not None:
            return Finished(data)
        if not ended and alive:
            return Unfinished()  # the file was spoilt; the end will replace it
        return Finished(_spoilt(entry, text))
    if alive and not ended:
        return Unfinished()
    if job_restart.is_awaited(entry, job):
        data = job_restart.result(entry, job)
        return Unfinished() if data is None else Finished(data)
    return Finished(_lost(entry, job))


def supervisor_pid(entry: spool.Entry) -> int:
    """Give the pid of the job's supervisor while it lives, else 0."""
    job = record(entry, "job.json")
    if job is None:
        return _by_its_id(entry)
    who = job.get("supervisor")
    pid, start = (who.get("pid"), who.get("start")) if isinstance(who, dict) else (None, None)
    if not isinstance(pid, int) or not isinstance(start, int):
        return 0
    if job.get("boot_id") != spool.boot_id():
        return 0
    if start == 0:  # no /proc when the job began: the pid is all we have
        return pid if _exists(pid) else 0
    return pid if spool.process_start(pid) == start else 0


def _by_its_id(entry: spool.Entry) -> int:
    """Give the pid of the supervisor of a job whose description is gone or spoilt."""
    pid = entry.jid.rpartition(".")[2]
    if not (pid.isdigit() and os.path.isdir(entry.private) and spool.process_start(int(pid))):
        return 0
    return int(pid) if spool.first_line("/proc/%s/comm" % pid) == spool.TITLE else 0


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _lost(entry: spool.Entry, job: dict[str, object]) -> dict[str, object]:
    """Say that nobody knows how the job ended, and why; from now on the spool says it, too."""
    rebooted = job.get("boot_id", spool.boot_id()) != spool.boot_id()
    data: dict[str, object] = {
        "failed": True,
        "msg": "The job was lost: %s" % (_REBOOTED if rebooted else _killed(entry)),
        "outlast_cause": "lost",
    }
    data.update((name, "".join(stream.texts())) for name, stream in output_so_far(entry).items())
    end = {"version": 2, "cause": "lost", "rebooted": rebooted, "noticed": time.time()}
    try:
        spool.put(entry.results_file, json.dumps(data))  # stock's async_status must see it as well
        spool.put(entry.path("end.json"), json.dumps(end))
    except OSError:
        pass  # the next look comes to the same answer
    return data


_REBOOTED = "the host was restarted while it ran."


def _killed(entry: spool.Entry) -> str:
    said = "the process that watched over it was killed, so how it ended is not known"
    pid, _, start = _text(entry.path("child")).partition(" ")
    known = pid.isdigit() and start.strip().isdigit() and int(start) > 0
    if known and spool.process_start(int(pid)) == int(start):
        return "%s; what it started still runs as process %s." % (said, pid)
    return said + "."


def _spoilt(entry: spool.Entry, text: str) -> dict[str, object]:
    return {"failed": True, "msg": "Could not parse job output: %s" % text[:1000]}


def record(entry: spool.Entry, name: str) -> dict[str, object] | None:
    """Give one of a job's own records; None when it is not there or is spoilt."""
    return _parsed(_text(entry.path(name)))


def _parsed(text: str) -> dict[str, object] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
