"""Whatever is killed, cut off or filled up: the ledger tells a true beginning of the story."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.ledger.run_told import Told, label, one_run, read

from outlast.attempt import Attempt
from outlast.events import ActionBegins
from outlast.ledger.ledger import Ledger
from outlast.outcome import Ok

TESTS = Path(__file__).parents[1]

WRITER = """
import asyncio, sys
from pathlib import Path
from unit.ledger.run_told import Told, intent, label
from outlast.outcome import Ok

path, name, jobs, ends = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "ends"

async def main():
    run.play()
    for number in range(jobs):
        run.task(Ok({"n": number, "text": "x" * 300}), task=label(number), host=name)
        await run.recording.intend(intent(f"j{name}{number}", host=name))
        print(number, flush=True)

run = Told(path)
asyncio.run(main())
if ends:
    run.end()
    sys.exit(len(run.recording.problems))
sys.stdin.read()
"""


def a_writer(path, name="a", jobs=5, *, ends=True, **options):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(jobs), "ends" if ends else "waits"],
        env=environ,
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def reads(path) -> tuple[set[str], list[list[int]], list[str]]:
    """Give the jobs, the numbers of each run's results, and what was complained of."""
    said: list[str] = []
    with Ledger.open(path, said.append) as ledger:
        jobs = {job.jid for job in ledger.jobs(limit=1000)}
        results = [[one.payload["n"] for one in ledger.results(run.id)] for run in ledger.runs()]
    return jobs, results, said


def is_a_beginning(numbers) -> bool:
    return list(numbers) == list(range(len(numbers)))


# -- killed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 3, 20])
def test_what_was_acknowledged_before_the_writer_was_killed_is_there(tmp_path, after):
    path = tmp_path / "ledger.sqlite"
    with a_writer(path, jobs=10_000) as writer:
        for _ in range(after):
            writer.stdout.readline()
        writer.kill()
        acknowledged = after + len(writer.stdout.read().splitlines())
    jobs, (results,), said = reads(path)
    assert said == []
    # The one after the last that was told may have been written, but not told any more.
    assert jobs >= {f"ja{number}" for number in range(acknowledged)}
    assert is_a_beginning(results)
    assert len(results) >= acknowledged
    with read(path) as ledger:
        assert [run.state for run in ledger.runs()] == ["died"]


# -- cut off ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A killed writer's folder: the file as it was last, and the log beside it."""
    folder = tmp_path_factory.mktemp("left")
    for _ in range(2):  # the second finds a file that is not empty
        with a_writer(folder / "ledger.sqlite", jobs=8, ends=False) as writer:
            for _ in range(8):
                writer.stdout.readline()
            writer.kill()
    assert (folder / "ledger.sqlite-wal").stat().st_size > 10_000
    return folder


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(part=st.floats(0, 1), which=st.sampled_from(["ledger.sqlite-wal", "ledger.sqlite"]))
def test_cut_off_anywhere_it_opens_with_a_beginning_or_is_set_aside_and_told(
    left, tmp_path, part, which
):
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(left, folder, ignore=shutil.ignore_patterns("*-shm"))
    cut = folder / which
    os.truncate(cut, int(cut.stat().st_size * part))
    jobs, results, said = reads(folder / "ledger.sqlite")
    if said:
        assert (jobs, results) == (set(), [])
        assert "was damaged" in said[0]
        assert list(folder.glob("*.damaged-*"))
    else:
        assert jobs == {f"ja{number}" for number in range(len(jobs))}
        assert all(map(is_a_beginning, results))
    one_run(folder / "ledger.sqlite")  # in any case it goes on


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """A ledger in use, and how long its log was when each intent was acknowledged."""
    folder = tmp_path_factory.mktemp("steps")
    path = folder / "use" / "ledger.sqlite"
    run, ends = Told(path), []
    run.play()
    for number in range(20):
        task = label(number, identity=f"site.yml#0/tasks/{number}")
        run.task(Ok({"n": number, "text": os.urandom(400).hex()}), task=task)
        asyncio.run(begun(run, task))
        ends.append(Path(f"{path}-wal").stat().st_size)
    shutil.copytree(path.parent, folder / "left", ignore=shutil.ignore_patterns("*-shm"))
    run.end()
    assert len(set(ends)) == len(ends)
    return folder / "left", ends


async def begun(run, task) -> None:
    attempt = Attempt(task=task.identity, turn=1)
    await run.sink.begins(ActionBegins(task=task, host="web1", delegate=None, attempt=attempt))()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(part=st.floats(0, 1), torn=st.binary(max_size=9000))
def test_at_any_point_of_a_crash_the_old_state_is_there_or_the_new(steps, tmp_path, part, torn):
    """What was written of a step that did not end may be there in part, or be nonsense."""
    left, ends = steps
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(left, folder)
    log = folder / "ledger.sqlite-wal"
    cut = int(log.stat().st_size * part)
    os.truncate(log, cut)
    with log.open("ab") as stream:
        stream.write(torn)
    acknowledged = sum(end <= cut for end in ends)
    with read(folder / "ledger.sqlite") as ledger:
        runs = ledger.runs()
        results = [one.payload["n"] for run in runs for one in ledger.results(run.id)]
        intents = [one.identity for run in runs for one in ledger.unfinished(run.id)]
    assert results == list(range(acknowledged))
    assert intents == [f"site.yml#0/tasks/{number}" for number in range(acknowledged)]
    one_run(folder / "ledger.sqlite")  # and it goes on


# -- together -----------------------------------------------------------------------------------


def test_runs_at_once_share_it(tmp_path):
    path = tmp_path / "ledger.sqlite"
    names = ["a", "b", "c"]
    writers = [a_writer(path, name, 40) for name in names]
    for writer in writers:
        with writer:
            writer.communicate()
        assert writer.returncode == 0
    jobs, results, said = reads(path)
    assert said == []
    assert jobs == {f"j{name}{number}" for name in names for number in range(40)}
    assert results == [list(range(40))] * 3
    with read(path) as ledger:
        assert [run.state for run in ledger.runs()] == ["ended"] * 3


# -- full ---------------------------------------------------------------------------------------


def test_a_file_that_may_not_grow_ends_the_record_and_not_the_run(tmp_path):
    path = tmp_path / "ledger.sqlite"
    words = ["bash", "-c", 'ulimit -f 128; exec "$@"', "bash", sys.executable, "-c", WRITER]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run(
        [*words, str(path), "a", "300", "ends"],
        env=environ,
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stderr, ran.returncode) == ("", 1)  # the one problem there was
    assert ran.stdout.splitlines()[-1] == "299"  # nobody was kept waiting
    jobs, (results,), said = reads(path)
    assert said == []
    assert is_a_beginning(results)
    assert 0 < len(jobs) < 300


def test_a_full_disk_ends_the_record_and_not_the_run(small_disk):
    path = small_disk / "ledger.sqlite"
    with a_writer(path, jobs=300) as writer:
        said, _ = writer.communicate()
    assert said.splitlines()[-1] == "299"
    assert writer.returncode == 1
    jobs, (results,), complaints = reads(path)
    assert complaints == []
    assert is_a_beginning(results)
    assert jobs == {f"ja{number}" for number in range(len(jobs))}
    assert len(jobs) < 300


# -- interrupted --------------------------------------------------------------------------------


def test_a_run_that_is_told_to_stop_has_an_end(tmp_path):
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
        "    - debug: msg=hello\n    - pause: seconds=60\n"
    )
    environ = {**os.environ, "OUTLAST_STATE_DIR": str(tmp_path / "state")}
    words = ["playbook", "-i", "localhost,", "-c", "local", str(playbook)]
    with subprocess.Popen(
        [sys.executable, "-m", "outlast", *words],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        for line in run.stdout:
            if "TASK [pause]" in line:
                break
        run.send_signal(signal.SIGINT)
        run.stdout.read()
    with read(tmp_path / "state" / "ledger.sqlite") as ledger:
        (record,) = ledger.runs()
        assert (record.state, record.code) == ("ended", 99)
        assert [one.task for one in ledger.results(record.id)] == ["debug"]


def test_no_log_file_is_left_by_a_run_that_ended(tmp_path):
    path = tmp_path / "ledger.sqlite"
    one_run(path)
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.sqlite"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
