"""The power fails at any moment of a job's records: the old state is found, or the new one.

What the spool does to its files is written down while it does it, and played again on a disk
that forgets: a file keeps what was synced and any part of what was not, a folder keeps any
beginning of what was done to its names since it was synced.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_host import order_fields

from outlast_agent import spool
from outlast_agent.jobs import status as job_status
from outlast_agent.jobs import summary as job_summary
from outlast_agent.supervision import result as job_result
from outlast_agent.supervision.order import Ending, Order

FACTS = '{"version": 1, "name": "it", "supervisor": {"pid": 7, "start": 1}, "boot_id": "before"}'
RESULT = {"rc": 3, "stdout": "out"}


class Tape:
    """What is done to the files below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[tuple[str, ...] | tuple[str, str, bytes]] = []
        self._files: dict[int, str] = {}

    def record(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("mkdir", "unlink", "rename", "open", "write", "fsync"):
            patch.setattr(os, name, self._noting(getattr(self, f"note_{name}"), getattr(os, name)))

    def _noting(self, note, call):
        def step(*words, **named):
            given_back = call(*words, **named)
            note(given_back, *words)
            return given_back

        return step

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.folder)

    def note_mkdir(self, _, path, *_mode):
        self.steps.append(("mkdir", self._name(path)))

    def note_unlink(self, _, path):
        self.steps.append(("unlink", self._name(path)))

    def note_rename(self, _, old, new):
        self.steps.append(("rename", self._name(old), self._name(new)))

    def note_open(self, fd, path, flags, *_mode):
        self._files[fd] = self._name(path)
        if flags & os.O_CREAT:
            self.steps.append(("create", self._name(path)))

    def note_write(self, size, fd, data):
        if fd in self._files:
            self.steps.append(("write", self._files[fd], bytes(data[:size])))

    def note_fsync(self, _, fd):
        self.steps.append(("sync", self._files[fd]))


class File:
    """What a file holds: surely, and perhaps."""

    def __init__(self) -> None:
        self.synced, self.rest = b"", b""


class Folder:
    """Names: as synced, as they are, and what happened in between."""

    def __init__(self) -> None:
        self.now: dict[str, object] = {}
        self.past: list[dict[str, object]] = [{}]
        """The states since the last sync, that one first."""

    def changed(self) -> None:
        self.past.append(dict(self.now))

    def sync(self) -> None:
        self.past = [dict(self.now)]


class Disk:
    """A disk on which the steps of a tape are done, until its power fails."""

    def __init__(self, steps) -> None:
        self.root = Folder()
        for kind, name, *more in steps:
            folder, leaf = self._find(str(Path(name).parent)), Path(name).name
            if kind == "sync":
                found = self._find(name)
                if isinstance(found, Folder):
                    found.sync()
                else:
                    found.synced, found.rest = found.synced + found.rest, b""
            elif kind == "write":
                self._find(name).rest += more[0]
            else:
                self._rename(kind, folder, leaf, *more)
                folder.changed()

    def _rename(self, kind, folder, leaf, *more) -> None:
        if kind in ("mkdir", "create"):
            folder.now[leaf] = Folder() if kind == "mkdir" else File()
        elif kind == "rename":
            folder.now[Path(more[0]).name] = folder.now.pop(leaf)
        else:
            del folder.now[leaf]

    def _find(self, name: str):
        found: object = self.root
        for part in name.split("/") if name not in ("", ".") else ():
            found = found.now[part]
        return found

    def restore(self, place: Path, draw) -> None:
        """Write to *place* what is found when the power is back; *draw* gives a number up to."""

        def restore(folder: Folder, place: Path) -> None:
            for name, found in folder.past[draw(len(folder.past) - 1)].items():
                if isinstance(found, Folder):
                    place.joinpath(name).mkdir()
                    restore(found, place / name)
                else:
                    kept = found.synced + found.rest[: draw(len(found.rest))]
                    place.joinpath(name).write_bytes(kept)

        restore(self.root, place)


@pytest.fixture(scope="module")
def story():
    """All steps of one job's records; after how many it is acknowledged, and recorded as ended."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        tape = Tape(Path(folder))
        tape.record(patch)
        entry = spool.Entry(str(Path(folder, "spool")), "j1.7")
        spool.open_folder(entry.folder)
        spool.record_start(entry, FACTS)
        acknowledged = len(tape.steps)
        spool.put(entry.path("child"), "8 1\n")
        fd = spool.open_output(entry, "stdout")
        tape.note_open(fd, entry.path("stdout"), 0)
        os.write(fd, b"out\n")
        os.close(fd)
        ending = Ending()
        ending.cause, ending.rc, ending.began, ending.ended = "exited", 3, 1.0, 2.0
        job_result.record(order(), entry, ending)
        return tape.steps, acknowledged


def order() -> Order:
    return Order(order_fields(finish={"result": json.dumps(RESULT)}))


def told_after(steps, draw) -> str:
    """Give how the job is told when the power is back; asserts that it is told once and for all."""
    with tempfile.TemporaryDirectory() as folder:
        Disk(steps).restore(Path(folder), draw)
        entry = spool.Entry(str(Path(folder, "spool")), "j1.7")
        status, seen = job_status.status(entry), job_summary.summary(entry)
        assert status["finished"] is True
        assert job_status.status(entry) == status
        if status.get("msg") == "could not find job":
            assert seen is None or (seen["state"], seen["cause"]) == ("ended", "lost")
            return "unknown"
        assert seen is not None
        assert seen["state"] == "ended"
        if "rc" in status:
            assert {key: status[key] for key in RESULT} == RESULT
            assert seen["cause"] == "failed"
            return "result"
        assert status["outlast_cause"] == "lost"
        assert "the host was restarted while it ran" in str(status["msg"])
        return "lost"


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_old_state_or_the_new_one(story, data):
    steps, acknowledged = story
    done = data.draw(st.integers(0, len(steps)))
    told = told_after(steps[:done], lambda most: data.draw(st.integers(0, most)))
    if done >= acknowledged:
        assert told in ("lost", "result"), "what was acknowledged is known"
    if done == len(steps):
        assert told == "result", "and so is its end"


def test_the_most_that_can_be_forgotten_at_each_step(story):
    steps, acknowledged = story
    told = [told_after(steps[:done], lambda _most: 0) for done in range(len(steps) + 1)]
    assert told[:acknowledged].count("unknown") == acknowledged
    assert [state for state, _ in itertools.groupby(told[acknowledged:])] == ["lost", "result"]


def test_without_the_syncs_it_would_not_hold(story):
    """Or the disk of these tests forgets nothing."""
    steps, _ = story
    forgetful = [step for step in steps if step[0] != "sync"]
    assert told_after(forgetful, lambda _most: 0) == "unknown"
