"""Clearing away what ended jobs have left, so that a spool folder does not grow for ever.

Knows what a folder may keep, and that a start costs nothing for it: it is done after the start
was answered, a little at a time, once an hour. What runs, and what ended since the controller's
run began (its playbook may still ask for it), is never touched; neither is what stock Ansible
left. Leaves clearing away on demand to `listing`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

from outlast_agent import spool
from outlast_agent.jobs import status as job_status
from outlast_agent.loop import Loop

_AGAIN = 3600.0
"""Seconds until the same folder is looked through again."""
_SLICE = 0.01
"""Seconds spent at a time, and between two times."""
_DAY = 86400.0


class Sweeper:
    """Looks after the spool folders of one agent."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._swept: dict[str, float] = {}

    def consider(self, folder: str, keep: Mapping[str, float]) -> None:
        """Have *folder* swept soon, unless that was done within the hour.

        *keep* says `days`, `jobs` and `bytes`, and how long (`age`) the run has lasted.
        """
        now = time.monotonic()
        if now < self._swept.get(folder, now):
            return
        self._swept[folder] = now + _AGAIN
        steps = sweep(folder, keep)

        def go_on() -> None:
            until = time.monotonic() + _SLICE
            for _ in steps:
                if time.monotonic() > until:
                    self._loop.call_later(_SLICE, go_on)
                    return

        self._loop.call_later(0, go_on)


def sweep(folder: str, keep: Mapping[str, float]) -> Iterator[None]:
    """Remove what is beyond *keep*, the oldest; yields after each small step."""
    now = time.time()
    ended = []
    for jid in _names(os.path.join(folder, spool.PRIVATE)):
        when = _ended(spool.Entry(folder, jid))
        if when:
            ended.append((when, jid))
        yield
    ended.sort(reverse=True)
    oldest = now - keep["days"] * _DAY
    begun = now - keep["age"]
    taken = 0
    for place, (when, jid) in enumerate(ended):
        entry = spool.Entry(folder, jid)
        taken += _size(entry)
        beyond = place >= keep["jobs"] or when < oldest or taken > keep["bytes"]
        if beyond and when < begun and not job_status.supervisor_pid(entry):
            job_status.clear(entry)
        yield


def _ended(entry: spool.Entry) -> float:
    """Give when a job of ours ended or was found lost; 0: it has not, or it is none."""
    when = _time_of(entry.path("end.json"))
    if when:
        return when
    if os.path.exists(entry.path("job.json")):
        job_status.look(entry)  # records that it is lost, if it is
        return _time_of(entry.path("end.json"))
    # A start that was killed before it had recorded anything leaves an empty folder.
    is_job = entry.jid.rpartition(".")[2].isdigit() and not os.path.exists(entry.results_file)
    return _time_of(entry.private) if is_job else 0.0


def _time_of(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _size(entry: spool.Entry) -> int:
    """Give the bytes on disk that a job's files take."""
    size = _blocks(entry.results_file) + _blocks(entry.private)
    for parent, folders, files in os.walk(entry.private):
        size += sum(_blocks(os.path.join(parent, name)) for name in (*folders, *files))
    return size


def _blocks(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:
        return 0


def _names(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:
        return []
