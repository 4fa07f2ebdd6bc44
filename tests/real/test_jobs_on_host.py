"""Real supervisors run real programs: output, limits, trees, endings, and what they weigh."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path

import pytest
from job_host import JobHost, end_process, host, wait_until

from outlast.transport.bootstrap import sources
from outlast_agent import spool
from outlast_agent.jobs import status as job_status

__all__ = ["host"]


@pytest.fixture
def gate(tmp_path):
    """A pipe on which a job waits until the test writes to it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def command(line):
    return {"module": "ansible.legacy.command", "command": json.dumps({"shell": line})}


def text(entry, name):
    return Path(entry.path(name)).read_text()


def pids(entry, name="pids"):
    return [int(pid) for pid in Path(entry.folder, name).read_text().split()]


def gone(pid):
    return not spool.process_start(pid)


# -- output and results -----------------------------------------------------------------------


def test_output_can_be_read_while_the_job_runs(host, gate):
    entry = host.shell(f"echo first; echo oops >&2; read x < {gate}; echo second")
    wait_until(lambda: text(entry, "stdout") == "first\n")
    wait_until(lambda: text(entry, "stderr") == "oops\n")
    assert job_status.status(entry)["finished"] is False
    gate.write_text("go\n")
    host.wait(entry)
    assert text(entry, "stdout") == "first\nsecond\n"


def test_a_module_leaves_its_own_json(host):
    entry = host.shell("""echo '{"changed": true, "answer": 42}'""")
    status = host.wait(entry)
    assert json.loads(Path(entry.results_file).read_text()) == {"changed": True, "answer": 42}
    assert status["answer"] == 42
    assert (status["started"], status["finished"]) == (True, True)
    assert host.end(entry)["cause"] == "exited"


def test_a_modules_own_started_does_not_make_its_job_endless(host):
    entry = host.shell("""echo '{"started": "2026-01-01", "finished": null}'""")
    status = host.wait(entry)
    assert (status["started"], status["finished"]) == (True, True)


def test_junk_around_the_json_is_told_as_stock_tells_it(host):
    entry = host.shell("""echo motd; echo '{"warnings": ["w"]}'; echo 'junk after'; echo e >&2""")
    status = host.wait(entry)
    assert status["warnings"] == [
        "w",
        "Module invocation had junk after the JSON data: junk after",
    ]
    assert status["stderr"] == "e\n"


def test_a_module_without_json_fails_with_stocks_keys(host):
    entry = host.shell("echo hello, no json here; echo why >&2", finish={"module": "nojson"})
    status = host.wait(entry)
    assert status["failed"] is True
    assert status["data"] == "hello, no json here\n"
    assert status["stderr"] == "why\n"
    assert status["cmd"] == "nojson"
    assert "No start of json char found" in status["msg"]


def test_a_module_that_is_killed_says_so(host):
    entry = host.shell("kill -9 $$")
    status = host.wait(entry)
    assert status["failed"] is True
    assert "killed by signal 9" in status["msg"]
    assert host.end(entry)["cause"] == "signalled"
    assert host.end(entry)["signal"] == 9


def test_a_command_leaves_what_the_command_module_says(host):
    line = "echo out; echo err >&2; exit 3"
    status = host.wait(host.shell(line, finish=command(line)))
    assert (status["rc"], status["stdout"], status["stderr"]) == (3, "out", "err")
    assert (status["failed"], status["msg"]) == (True, "non-zero return code")
    assert status["cmd"] == line
    assert status["start"] <= status["end"]


def test_a_program_that_is_not_there_is_a_result(host):
    finish = {"module": "c", "command": json.dumps({"argv": ["/no/such/program"]})}
    status = host.wait(host.start("/no/such/program", finish=finish))
    assert (status["rc"], status["msg"]) == (2, "Error executing command.")
    assert "No such file or directory" in json.dumps(status["exception"])


def test_a_command_whose_output_is_huge_keeps_its_beginning_and_says_so(host):
    line = "head -c 9000000 /dev/zero | tr '\\0' x"
    entry = host.shell(line, finish=command(line))
    status = host.wait(entry)
    assert len(status["stdout"]) < 8_400_000
    assert status["stdout"].endswith("[outlast left out 611392 more bytes of output]")
    assert Path(entry.path("stdout")).stat().st_size == 9_000_000


def test_a_job_that_never_stops_talking_does_not_fill_the_disk(tmp_path):
    """The disk's reserve is made larger than any disk: it is seen at the first look."""
    text = sources()["supervision.output"]
    reserve = "min(RESERVE, disk.f_blocks * disk.f_frsize // _SHARE)"
    assert reserve in text
    host = JobHost(
        tmp_path / "spool", changed={"supervision.output": text.replace(reserve, "1 << 80")}
    )
    entry = host.shell("head -c 9000000 /dev/zero; echo err >&2; exit 5")
    host.wait(entry)
    host.close()
    assert 4_000_000 < Path(entry.path("stdout")).stat().st_size < 4 << 20
    assert host.end(entry)["output_lost"] is True
    assert host.end(entry)["rc"] == 5


def test_a_job_that_was_not_to_run_has_its_result_already(host):
    entry = host.start(finish={"module": "command", "result": '{"rc": 0, "msg": "not run"}'})
    assert host.wait(entry)["msg"] == "not run"


# -- surroundings -----------------------------------------------------------------------------


def test_a_job_has_its_own_session_and_sane_surroundings(host):
    entry = host.shell(
        "umask; ls -l /proc/$$/fd | wc -l; readlink /proc/$$/fd/0;"
        " cut -d' ' -f1,6 /proc/$$/stat; trap",
        environment={"OUTLAST_TEST": "yes"},
    )
    host.wait(entry)
    umask, _, stdin, ids = text(entry, "stdout").splitlines()
    assert umask == "0022"
    assert stdin == "/dev/null"
    assert ids.split()[0] == ids.split()[1], "it leads its session"


def test_a_job_inherits_no_descriptor(host):
    entry = host.start("/bin/ls", "/proc/self/fd")
    host.wait(entry)
    assert text(entry, "stdout").split() == ["0", "1", "2", "3"], "3 is the folder it lists"


def test_a_job_has_the_environment_it_was_given(host):
    entry = host.shell("echo $OUTLAST_TEST", environment={"OUTLAST_TEST": "yes"})
    host.wait(entry)
    assert text(entry, "stdout") == "yes\n"


def test_what_a_job_reads_comes_through_a_pipe(host):
    content = os.urandom(1_000_000)
    entry = host.shell("cksum; readlink /proc/$$/fd/0", payload=content)
    host.wait(entry)
    assert " 1000000\n" in text(entry, "stdout")
    assert "pipe:" in text(entry, "stdout")


def test_a_job_need_not_read_what_it_is_given(host):
    entry = host.shell("exec 0<&-; echo fine", payload=b"x" * 1_000_000)
    host.wait(entry)
    assert text(entry, "stdout") == "fine\n"


def test_all_that_is_recorded_is_private(host):
    entry = host.shell("echo x")
    host.wait(entry)
    modes = {
        path.name: stat.S_IMODE(path.lstat().st_mode)
        for path in [Path(entry.results_file), *Path(entry.private).iterdir()]
    }
    assert modes == dict.fromkeys(
        [entry.jid, "job.json", "child", "stdout", "stderr", "end.json"], 0o600
    )


def test_a_job_is_described_for_whoever_finds_it(host):
    entry = host.shell("echo x")
    job = json.loads(text(entry, "job.json"))
    assert job["name"] == "a test"
    assert job["jid"] == entry.jid
    assert job["supervisor"]["pid"] == host.supervisor(entry)
    assert job["boot_id"] == spool.boot_id()
    host.wait(entry)


# -- time -------------------------------------------------------------------------------------


def test_the_limit_is_kept_and_told_in_stocks_words(host):
    begun = time.monotonic()
    entry = host.shell("echo partial; exec sleep 60", limit=0.5)
    status = host.wait(entry)
    assert 0.5 <= time.monotonic() - begun < 2.4
    assert status["failed"] is True
    assert status["msg"] == "Timeout exceeded"
    assert status["child_pid"] == int(text(entry, "child").split()[0])
    assert gone(status["child_pid"])
    assert text(entry, "stdout") == "partial\n", "what it said is kept"
    assert status["stdout"] == "partial"
    assert host.end(entry)["cause"] == "limit"


def test_a_job_may_tidy_up_when_its_time_is_over(host):
    entry = host.shell("trap 'echo tidied; exit' TERM; while :; do sleep 0.05; done", limit=0.3)
    host.wait(entry)
    assert text(entry, "stdout") == "tidied\n"


def test_a_job_that_does_not_want_to_end_is_ended(host):
    begun = time.monotonic()
    entry = host.shell("trap '' TERM; while :; do sleep 0.05; done", limit=0.3)
    status = host.wait(entry)
    assert 2.3 <= time.monotonic() - begun < 5
    assert status["msg"] == "Timeout exceeded"
    assert gone(status["child_pid"])


def test_the_whole_tree_ends_also_what_left_the_session(host):
    Path(host.folder).mkdir()
    Path(host.folder, "pids").write_text("")
    entry = host.shell(
        "(setsid sh -c 'echo $$; exec sleep 61' &) >> pids;"
        "(sh -c 'echo $$; exec sleep 62' &) >> pids; exec sleep 63",
        limit=1.0,
        cwd=host.folder,
    )
    wait_until(lambda: len(pids(entry)) == 2)
    host.wait(entry)
    assert [gone(pid) for pid in pids(entry)] == [True, True]
    assert host.end(entry)["survivors"] == 0


def test_what_left_the_session_and_is_deaf_is_ended_all_the_same(host):
    """One is a child still, the other an orphan; neither hears that it is asked to end."""
    Path(host.folder).mkdir()
    Path(host.folder, "pids").write_text("")
    deaf = "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done'"
    entry = host.shell(f"({deaf} &) >> pids; {deaf} >> pids", limit=1.0, cwd=host.folder)
    wait_until(lambda: len(pids(entry)) == 2)
    assert host.wait(entry)["msg"] == "Timeout exceeded"
    assert [gone(pid) for pid in pids(entry)] == [True, True]
    assert (host.end(entry)["cause"], host.end(entry)["survivors"]) == ("limit", 0)


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_is_no_limit(host, gate, limit):
    entry = host.shell(f"read x < {gate}", limit=limit)
    wait_until(lambda: Path(entry.path("child")).exists())
    assert job_status.status(entry)["finished"] is False
    gate.write_text("go\n")
    host.wait(entry)
    assert host.end(entry)["cause"] == "failed", "by itself: it left no JSON"


def test_a_supervisor_that_is_asked_to_end_ends_its_job(host):
    entry = host.shell("echo before; exec sleep 60")
    wait_until(lambda: text(entry, "stdout") == "before\n")
    os.kill(host.supervisor(entry), signal.SIGTERM)
    status = host.wait(entry)
    assert status["failed"] is True
    assert "cancelled" in status["msg"]
    assert host.end(entry)["cause"] == "cancelled"
    assert gone(status["child_pid"])


# -- what a job leaves behind -----------------------------------------------------------------


def test_a_daemon_that_a_job_starts_lives_on_and_holds_nothing_up(host):
    begun = time.monotonic()
    entry = host.shell("sleep 60 & echo $!")
    host.wait(entry)
    daemon = int(text(entry, "stdout"))
    try:
        assert time.monotonic() - begun < 5
        assert not gone(daemon)
        assert host.end(entry)["cause"] == "failed", "by itself: it left no JSON"
    finally:
        end_process(daemon)


def test_output_of_what_the_job_left_is_waited_for_a_moment(host):
    """As stock's run_command does: `> >(tee log)` says its last word after the shell's end."""
    entry = host.shell("(sleep 0.3; echo late) & echo early")
    host.wait(entry)
    assert text(entry, "stdout") == "early\nlate\n"


def test_what_chatters_on_after_the_job_is_listened_to_until_the_limit(host):
    entry = host.shell("while :; do echo x; sleep 0.02; done & exit 4", limit=1.5)
    host.wait(entry)
    assert (host.end(entry)["cause"], host.end(entry)["rc"]) == ("failed", 4)


def test_orphans_do_not_pile_up(host, gate):
    entry = host.shell(f"for i in 1 2 3 4; do (true &); done; read x < {gate}")
    wait_until(lambda: Path(entry.path("child")).exists())
    supervisor = host.supervisor(entry)

    def zombies():
        stats = (spool.process_fields(int(n.name)) for n in Path("/proc").glob("[0-9]*"))
        return [s for s in stats if len(s) > 1 and s[0] == "Z" and s[1] == str(supervisor)]

    wait_until(lambda: not zombies())
    gate.write_text("go\n")
    host.wait(entry)


def test_cleaning_up_after_a_running_job_does_not_stop_it(host, gate):
    entry = host.shell(f"read x < {gate}; echo '{{\"answer\": 42}}'")
    assert job_status.cleanup(entry)["erased"] == entry.results_file
    assert job_status.status(entry)["msg"] == "could not find job"
    gate.write_text("go\n")
    host.wait(entry)
    assert job_status.status(entry)["answer"] == 42


# -- refusals ---------------------------------------------------------------------------------


def test_a_refused_job_runs_nothing(host, tmp_path):
    tmp_path.joinpath("file").write_text("")
    host.folder = str(tmp_path / "file" / "spool")
    refusal, jid, _ = host.try_to_start("/bin/sh", "-c", f"touch {tmp_path}/ran")
    assert refusal.startswith("could not create directory: ")
    assert jid == ""
    host.let_spawner_go()
    assert not tmp_path.joinpath("ran").exists()


# -- weight -----------------------------------------------------------------------------------


def weight(pid):
    """Give (private, resident) kilobytes of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines}
    return sizes["Private_Dirty:"] + sizes["Private_Clean:"], sizes["Rss:"]


def test_a_waiting_supervisor_is_small(host, gate):
    entries = [host.shell(f"read x < {gate}", jid=f"j{n}") for n in range(5)]
    for entry in entries:
        wait_until(Path(entry.path("child")).exists)
    host.let_spawner_go()
    for entry in entries:
        private, resident = weight(host.supervisor(entry))
        assert private < 2000, "jobs share what they have in common"
        assert resident < 10_000


def test_what_a_job_was_given_does_not_stay_in_memory(host, gate):
    entry = host.shell(f"cksum; read x < {gate}", payload=b"x" * 30_000_000)
    wait_until(lambda: text(entry, "stdout"))
    assert weight(host.supervisor(entry))[1] < 12_000
    gate.write_text("go\n")
    host.wait(entry)


def test_a_flood_of_output_does_not_make_a_supervisor_grow(host, gate):
    entry = host.shell(f"head -c 200000000 /dev/zero; read x < {gate}")
    wait_until(lambda: Path(entry.path("stdout")).stat().st_size == 200_000_000)
    assert weight(host.supervisor(entry))[1] < 10_000
    Path(entry.path("stdout")).write_bytes(b"")
    gate.write_text("go\n")
    host.wait(entry)


LAST_WORD = """    spool.sync_folder(entry.folder)
"""
TELL_WEIGHT = (
    LAST_WORD
    + """    with open("/proc/self/status") as status, open(entry.folder + "/weight", "w") as file:
        file.write(status.read())
"""
)


@pytest.fixture
def telling(tmp_path):
    """A host whose supervisors say at their end how large they have ever been."""
    text = sources()["supervision.result"]
    assert text.count(LAST_WORD) == 1
    changed = {"supervision.result": text.replace(LAST_WORD, TELL_WEIGHT)}
    host = JobHost(tmp_path / "spool", changed=changed)
    yield host
    host.close()


BINARY = "head -c 12000000 /dev/zero | tr '\\0' '\\377'"
SMALL_DICTS = """printf '{"list": ['; yes '{},' | head -c 12000000; printf '{}]}'"""
MANY = """printf '{"list": ['; yes '[],' | tr -d '\\n' | head -c 1048500; printf '[]]}'"""
STRING = """printf '{"text": "'; head -c 100000000 /dev/zero | tr '\\0' x; printf '"}'"""


@pytest.mark.parametrize(
    ("line", "finish"),
    [
        (f"{BINARY}; {BINARY} >&2", command("x")),
        (f"{BINARY}; {BINARY} >&2", {"module": "m"}),
        (SMALL_DICTS, {"module": "m"}),
        (MANY, {"module": "m"}),
        (STRING, {"module": "m"}),
        ("head -c 300000000 /dev/zero", command("x")),
    ],
    ids=["binary", "no JSON", "large JSON", "JSON that is read", "too large JSON", "flood"],
)
def test_whatever_was_printed_a_supervisor_stays_small_at_the_end(telling, line, finish):
    entry = telling.shell(line, finish=finish)
    telling.wait(entry)
    status = Path(entry.folder, "weight").read_text()
    most = int(status.partition("VmHWM:")[2].split()[0])
    assert most < 40_000, "kilobytes"
    Path(entry.path("stdout")).write_bytes(b"")
