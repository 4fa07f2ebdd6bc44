"""`outlast jobs` and `outlast runs` over real jobs: started by one process, tended by others."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from job_host import wait_until

from outlast.cli.entry import main
from outlast_agent import spool

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Back up
      shell: 'echo one; read x < {folder}/gate; echo "two $x"; echo oh >&2; exit ${{x:-9}}'
      async: 999
      poll: 0
{more}
"""
MORE = """\
    - {name: Index, command: sleep 900, async: 999, poll: 0}
"""
JOB_KEYS = {
    *("jid", "host", "run", "task", "state", "cause", "rc", "user", "started", "ended", "limit"),
    *("async_dir", "last_line", "output_bytes", "asked", "label"),
}
RUN_KEYS = {
    *("id", "state", "started", "ended", "code", "command", "folder", "user", "playbooks"),
    *("machine", "pid", "version"),
}
RESULT_KEYS = {
    *("run", "host", "delegate", "play", "task", "action", "place", "handler", "item", "kind"),
    *("changed", "ignored", "ended", "seconds", "why", "payload", "identity", "batch", "turn"),
    *("position", "attempt", "censored", "follows"),
}


class Said(NamedTuple):
    """What a command has printed."""

    stdout: str
    stderr: str


class World:
    """A user's folder, his ledger, and hosts with jobs in a spool of their own."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder, self.capsys = folder, capsys
        self.spool = folder / "jobs"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
            "HOME": str(folder),
            "OUTLAST_STATE_DIR": str(folder / "state"),
            "NO_COLOR": "1",
        }
        os.mkfifo(folder / "gate")
        self.hosts({"here": {"ansible_connection": "local"}})

    def hosts(self, hosts):
        common = {
            "ansible_async_dir": str(self.spool),
            "ansible_python_interpreter": sys.executable,
        }
        named = {host: {**common, **variables} for host, variables in hosts.items()}
        (self.folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": named}}))

    def run(self, *words, code=0):
        """Run a command here: what it finds in this process is of no use to it."""
        self.capsys.readouterr()
        ended = main(words)
        done = Said(*self.capsys.readouterr())
        assert ended == code, done
        return done

    def jobs(self, *words, code=0):
        return self.run("jobs", *words, code=code)

    def open(self, *words):
        return subprocess.Popen(
            [sys.executable, "-m", "outlast", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def start(self, *flags, more="", code=0):
        """Run a playbook that leaves its job waiting at the gate; gives what it said."""
        text = PLAYBOOK.format(folder=self.folder, more=more)
        (self.folder / "site.yml").write_text(text)
        with self.open("playbook", "-i", "hosts.yml", *flags, "site.yml") as playing:
            said = Said(*(stream.decode() for stream in playing.communicate()))
        assert playing.returncode == code, said
        return said

    def listed(self, *words):
        return json.loads(self.jobs("list", "--json", *words).stdout)["jobs"]

    def the_job(self, task="Back up"):
        [job] = [job for job in self.listed() if job["task"] == task]
        return job["jid"]

    def let_end(self, code):
        (self.folder / "gate").write_text(f"{code}\n")

    def forget(self):
        shutil.rmtree(self.folder / "state")

    def close(self):
        pids = [int(path.name.rpartition(".")[2]) for path in self.spool.glob(".outlast/j*")]
        for pid in pids:
            if spool.process_start(pid):
                os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not any(map(spool.process_start, pids)))


@pytest.fixture
def world(tmp_path, capsys, monkeypatch):
    made = World(tmp_path, capsys)
    monkeypatch.chdir(tmp_path)
    for name in os.environ.keys() - made.environment.keys():
        monkeypatch.delenv(name)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


def test_what_one_process_started_another_sees(world):
    assert "jobs" not in world.start().stdout
    [row] = world.jobs("list").stdout.splitlines()[1:]
    jid, host, state, *_, run, last, name = row.split()
    assert (host, state, f"{last} {name}") == ("here", "running", "Back up")
    assert jid.startswith("j")
    assert run == json.loads(world.run("runs", "list", "--json").stdout)["runs"][0]["id"]


def test_output_is_followed_line_by_line_to_the_end(world):
    world.start()
    with world.open("jobs", "logs", "-f", world.the_job()[:8]) as following:
        assert following.stdout.readline() == b"one\n"
        world.let_end(3)
        assert following.stdout.read() == b"two 3\noh\n"
        assert b"failed (rc 3)" in following.stderr.read()
        assert following.wait() == 0
    assert world.listed() == []
    [job] = world.listed("--all")
    assert (job["state"], job["cause"], job["asked"]) == ("failed", "failed", False)


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_broken_connection_neither_loses_nor_repeats_a_line(world):
    world.start()
    with world.open("jobs", "logs", "-f", world.the_job()) as following:
        assert following.stdout.readline() == b"one\n"
        [agent] = children(following.pid)
        os.kill(agent, signal.SIGKILL)
        assert b"trying again" in following.stderr.readline()
        world.let_end(3)
        assert following.stdout.read() == b"two 3\noh\n"
        assert b"failed (rc 3)" in following.stderr.read()


def test_streams_are_told_apart(world):
    world.start()
    jid = world.the_job()
    world.let_end(0)
    world.jobs("wait", jid)
    assert world.jobs("logs", "--stdout", jid).stdout == "one\ntwo 0\n"
    assert world.jobs("logs", "--stderr", jid).stdout == "oh\n"


def test_waiting_tells_how_it_ended_and_by_its_code(world):
    world.start()
    jid = world.the_job()
    late = world.jobs("wait", "--timeout", "0.5s", jid, code=1)
    assert "they go on" in late.stderr
    with world.open("jobs", "wait", jid) as waiting:
        world.let_end(0)
        assert waiting.stdout.read().decode().split() == [jid, "here", "done"]
        assert waiting.wait() == 0
    world.start()
    with world.open("jobs", "wait", "--json", world.the_job()) as waiting:
        world.let_end(5)
        said = json.loads(waiting.stdout.read())
        assert waiting.wait() == 1
    assert (said["version"], said["in_time"], said["jobs"][0]["rc"]) == (1, True, 5)
    assert said["jobs"][0].keys() == JOB_KEYS


def test_a_job_is_cancelled_from_elsewhere_and_its_output_kept(world):
    world.start()
    jid = world.the_job()
    wait_until(lambda: world.jobs("logs", jid).stdout == "one\n")
    assert world.jobs("cancel", jid[:9]).stdout.split() == [jid, "here", "cancelled"]
    assert not spool.process_start(int(jid.rpartition(".")[2]))
    assert world.jobs("logs", jid).stdout == "one\n"
    assert world.jobs("cancel", jid).stdout.split() == [jid, "here", "had", "ended"]
    [job] = world.listed("--all")
    assert (job["state"], job["cause"]) == ("failed", "cancelled")


def test_without_the_ledger_hosts_are_asked(world):
    world.start()
    jid = world.the_job()
    world.forget()
    assert world.listed() == []
    [job] = world.listed("--remote", "-i", "hosts.yml")
    assert (job["jid"], job["host"], job["run"], job["asked"]) == (jid, "here", None, True)
    assert (job["task"], job["state"]) == ("Back up", "running")
    shown = world.jobs("show", "-i", "hosts.yml", jid[:7]).stdout
    assert "running" in shown
    assert "not started from here" in shown
    lost = world.jobs("show", jid, code=1)
    assert "There is no job" in lost.stderr
    nowhere = world.jobs("show", "-i", "hosts.yml", "jx", code=1)
    assert "nor on here" in nowhere.stderr


def test_remote_asks_the_hosts_that_the_ledger_knows(world):
    world.start()
    jid = world.the_job()
    world.let_end(3)
    wait_until(lambda: not spool.process_start(int(jid.rpartition(".")[2])))
    assert world.listed()[0]["asked"] is False
    assert world.listed("--remote") == []
    [job] = world.listed("--all")
    assert (job["state"], job["cause"]) == ("failed", "failed")  # what was said is remembered


def test_the_host_of_a_job_is_named_to_who_names_another(world):
    world.start()
    jid = world.the_job()
    wrong = world.jobs("logs", "--host", "there", jid, code=1)
    assert f"Job {jid} is on here, not on there." in wrong.stderr
    assert "hint: Leave --host out, or say --host here." in wrong.stderr
    world.forget()
    away = {"ansible_connection": "local", "ansible_async_dir": str(world.folder / "none")}
    world.hosts({"here": {"ansible_connection": "local"}, "there": away})
    unknown = world.jobs("logs", "-i", "hosts.yml", "--host", "there", jid[:8], code=1)
    assert f"Job {jid} is on here." in unknown.stderr


def test_a_prefix_of_several_jobs_is_refused_with_their_ids(world):
    world.start(more=MORE)
    ids = [job["jid"] for job in world.listed()]
    refused = world.jobs("show", "j", code=1).stderr
    assert "2 jobs" in refused
    assert all(jid in refused for jid in ids)


def test_what_is_chosen_by_name_is_cancelled_and_nothing_else(world):
    world.start(more=MORE)
    unsure = world.jobs("cancel", "--name", "Ind*", code=2)
    assert "-y" in unsure.stderr
    ended = json.loads(world.jobs("cancel", "--name", "Ind*", "-y", "--json").stdout)
    assert [job["state"] for job in ended["jobs"]] == ["cancelled"]
    assert [job["task"] for job in world.listed()] == ["Back up"]
    assert "no such job runs" in world.jobs("cancel", "--name", "Ind*", "-y").stderr


def test_all_jobs_of_a_run_are_cancelled_and_none_of_another(world):
    world.start()
    [mine] = world.listed()
    world.start(more=MORE)
    ended = json.loads(world.jobs("cancel", "--run", mine["run"], "-y", "--json").stdout)
    assert [(job["jid"], job["state"]) for job in ended["jobs"]] == [(mine["jid"], "cancelled")]
    others = world.listed()
    assert {job["task"] for job in others} == {"Back up", "Index"}
    assert mine["run"] not in {job["run"] for job in others}


def test_output_is_given_to_programs_line_by_line_with_how_the_job_stands(world):
    world.start()
    jid = world.the_job()
    wait_until(lambda: world.jobs("logs", jid).stdout == "one\n")
    line, job = map(json.loads, world.jobs("logs", "--json", jid).stdout.splitlines())
    assert line == {"text": "one"}
    assert (job["version"], job["job"]["jid"], job["job"]["state"]) == (1, jid, "running")
    with world.open("jobs", "logs", "-f", "--json", jid) as following:
        assert json.loads(following.stdout.readline()) == {"text": "one"}
        world.let_end(3)
        *lines, end = map(json.loads, following.stdout.read().splitlines())
    assert sorted(one["text"] for one in lines) == ["oh", "two 3"]
    assert (end["job"]["state"], end["job"]["rc"]) == ("failed", 3)


def test_which_jobs_are_meant_must_be_said(world):
    assert "Say which" in world.jobs("cancel", code=2).stderr
    assert "no length of time" in world.jobs("wait", "--timeout", "soon", "j1", code=2).stderr


def answered(world, mark, answer, *words):
    """Run a command on a terminal of its own, and when it has said *mark*, type *answer*.

    A signal is sent instead. Gives the exit code and all that was said.
    """
    controller, terminal = pty.openpty()
    ends = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    command = [sys.executable, "-m", "outlast", *words]
    with subprocess.Popen(command, cwd=world.folder, env=world.environment, **ends) as process:
        os.close(terminal)
        said = read_until(controller, mark)
        if isinstance(answer, signal.Signals):
            process.send_signal(answer)
        else:
            os.write(controller, answer)
        said += read_until(controller, None)
        code = process.wait()
    os.close(controller)
    return code, said.decode()


def read_until(descriptor, mark):
    said = b""
    while mark is None or mark not in said:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # how a terminal says that nobody writes any more
            return said
        said += piece
    return said


def test_a_person_is_asked_before_several_jobs_end(world):
    world.start(more=MORE)
    words = ("jobs", "cancel", "--host", "here")
    code, said = answered(world, b"[y/N]", b"n\n", *words)
    assert code == 130
    assert "Cancel these 2 jobs?" in said
    assert len(world.listed("--remote")) == 2
    code, said = answered(world, b"[y/N]", b"y\n", *words)
    assert code == 0
    assert world.listed("--remote") == []


def test_who_breaks_a_run_off_is_told_what_goes_on(world):
    more = "    - {name: Wait long, command: sleep 100}\n"
    (world.folder / "site.yml").write_text(PLAYBOOK.format(folder=world.folder, more=more))
    words = ("playbook", "-i", "hosts.yml", "site.yml")
    code, said = answered(world, b"[Wait long]", signal.SIGINT, *words)
    assert code == 99
    jid = world.the_job()
    assert f"{jid} on here (Back up)" in said
    assert f"outlast jobs logs -f {jid}" in said


def test_what_ended_jobs_left_is_cleared_away_and_what_runs_is_not(world):
    world.start(more=MORE)
    jid = world.the_job()
    world.let_end(0)
    world.jobs("wait", jid)
    assert "Nothing to remove" in world.jobs("prune").stderr
    cleared = json.loads(world.jobs("prune", "--older-than", "0", "--json").stdout)
    assert cleared == {"version": 1, "removed": [{"jid": jid, "host": "here"}], "unreachable": {}}
    assert not (world.spool / jid).exists()
    assert [job["task"] for job in world.listed("--remote")] == ["Index"]


def test_the_json_of_every_listing_is_a_promise(world):
    world.start()
    jid = world.the_job()
    listed = json.loads(world.jobs("list", "--json").stdout)
    assert listed.keys() == {"version", "jobs", "unreachable"}
    assert listed["jobs"][0].keys() == JOB_KEYS
    shown = json.loads(world.jobs("show", "--json", jid).stdout)
    assert shown.keys() == {"version", "job", "result", "unreachable"}
    assert shown["job"].keys() == JOB_KEYS
    assert shown["result"]["ansible_job_id"] == jid
    runs = json.loads(world.run("runs", "list", "--json").stdout)
    assert runs.keys() == {"version", "runs"}
    assert runs["runs"][0].keys() == RUN_KEYS
    run = json.loads(world.run("runs", "show", "--json", runs["runs"][0]["id"]).stdout)
    assert run.keys() == {"version", "run", "results", "jobs", "unfinished"}
    assert run["results"][0].keys() == RESULT_KEYS
    assert run["jobs"][0].keys() == JOB_KEYS


def test_a_run_is_shown_with_what_failed_and_its_jobs(world):
    more = "    - {name: Break, command: /bin/false}\n"
    world.start(more=more, code=2)
    run = json.loads(world.run("runs", "list", "--json").stdout)["runs"][0]["id"]
    shown = world.run("runs", "show", run[:-1]).stdout
    assert "failed (code 2)" in shown
    assert "here: failed in [Break]" in shown
    assert "non-zero return code" in shown
    assert world.the_job() in shown
    tasks = world.run("runs", "show", run, "--host", "here").stdout
    assert "changed" in tasks
    assert "Break" in tasks
    assert "Nothing is known of there" in world.run("runs", "show", run, "--host", "there").stderr
    assert "There is no run 'zzz'" in world.run("runs", "show", "zzz", code=1).stderr


def test_an_inventory_without_hosts_is_not_taken_for_one_without_jobs(world):
    assert "no hosts in none.yml" in world.jobs("list", "-i", "none.yml", code=1).stderr
    wrong = world.jobs("list", "-i", "hosts.yml", "--host", "there", code=1).stderr
    assert "no host of hosts.yml matches 'there'" in wrong
    assert "hint: It has: here." in wrong


def test_a_host_that_is_away_is_said_to_be(world):
    world.start()
    jid = world.the_job()
    away = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_args": "-F none"}
    world.hosts({"here": away})
    listed = json.loads(world.jobs("list", "-i", "hosts.yml", "--json").stdout)
    assert "refused" in listed["unreachable"]["here"]
    assert [job["jid"] for job in listed["jobs"]] == [jid]
    shown = world.jobs("show", "-i", "hosts.yml", jid)
    assert "could not be asked" in shown.stderr
    unread = world.jobs("logs", "-i", "hosts.yml", jid, code=1).stderr
    assert unread.startswith("error: here cannot be reached")
    assert "hint: " in unread


def test_an_inventory_is_read_as_a_run_reads_it(world):
    """With group_vars, vault, templates; and a host that cannot be had spoils no other."""
    world.start()
    jid = world.the_job()
    world.forget()
    hosts = {"here": {"where": "{{ kind }}"}, "odd": {"ansible_connection": "winrm"}}
    (world.folder / "plain.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    (world.folder / "group_vars").mkdir()
    variables = {"kind": "local", "ansible_async_dir": "{{ inventory_dir }}/jobs"}
    secret = {**variables, "ansible_connection": "{{ where | default('local') }}"}
    (world.folder / "group_vars/all.yml").write_text(json.dumps(secret))
    (world.folder / "password").write_text("sesame\n")
    vault = [Path(sys.executable).parent / "ansible-vault", "encrypt", "group_vars/all.yml"]
    sealing = [*vault, "--vault-password-file", "password"]
    subprocess.run(sealing, cwd=world.folder, check=True, capture_output=True)
    words = ("list", "-i", "plain.yml", "--vault-password-file", "password", "--json")
    said = world.jobs(*words)
    assert [job["jid"] for job in json.loads(said.stdout)["jobs"]] == [jid]
    assert "odd is left out: the connection 'winrm' is not supported yet" in said.stderr


# -- the account at the end of a run -----------------------------------------------------------


def test_a_run_that_leaves_jobs_says_nothing_to_a_pipe(world):
    left = world.start()
    assert "outlast jobs" not in left.stdout + left.stderr
    said = world.start("--jobs", "leave")
    assert said.stdout == left.stdout  # stock's, to the letter
    assert "that no task waited for" in said.stderr
    assert "outlast jobs logs -f j" in said.stderr


def test_a_job_that_was_lost_is_on_the_account_and_counts(world):
    more = """\
    - {name: Doomed, command: sleep 0.1, async: 99, poll: 0, register: doomed}
    - shell: "kill -9 {{ doomed.ansible_job_id.split('.')[1] }}; while kill -0 {{
        doomed.ansible_job_id.split('.')[1] }} 2>/dev/null; do sleep 0.01; done"
"""
    said = world.start("--jobs=leave", "--strict-jobs", more=more, code=2).stderr
    [row] = [line for line in said.splitlines() if "Doomed" in line]
    jid, host, state = row.split()[:3]
    assert (host, state) == ("here", "lost")
    assert f"Output: outlast jobs logs {jid}" in said
    [lost] = [job for job in world.listed("--all") if job["task"] == "Doomed"]
    assert (lost["state"], lost["cause"]) == ("lost", "lost")


def test_a_run_can_wait_for_its_jobs_and_count_them(world):
    text = PLAYBOOK.format(folder=world.folder, more="")
    (world.folder / "site.yml").write_text(text)
    words = ("playbook", "-i", "hosts.yml", "--jobs=wait", "--strict-jobs", "site.yml")
    with world.open(*words) as running:
        world.let_end(4)
        stdout, stderr = running.communicate()
        assert running.returncode == 2
    assert b"failed=0" in stdout
    assert b"failed (rc 4)" in stderr
    [job] = world.listed("--all")
    assert (job["state"], job["cause"]) == ("failed", "failed")


def test_who_tires_of_waiting_is_told_of_what_goes_on_alone(world):
    more = "    - {name: Quick, command: 'true', async: 99, poll: 0}\n"
    (world.folder / "site.yml").write_text(PLAYBOOK.format(folder=world.folder, more=more))
    words = ("playbook", "-i", "hosts.yml", "--jobs=wait", "site.yml")
    code, said = answered(world, b"on here: done", signal.SIGINT, *words)
    assert code == 99
    told = said.partition("go on by themselves:")[2]
    assert "(Back up)" in told
    assert "Quick" not in told


def test_a_run_can_cancel_what_it_leaves(world):
    said = world.start("--jobs=cancel", "--strict-jobs")  # a wish that was granted is no failure
    assert "The job was cancelled" in said.stderr
    assert world.listed() == []
    assert world.listed("--remote") == []


def test_no_run_pays_for_the_commands_on_jobs(world):
    world.start()
    program = (
        "import sys; from outlast.cli.entry import main; main(sys.argv[1:]);"
        "print(sorted({'click', 'rich'} & sys.modules.keys()), file=sys.stderr)"
    )
    for words in (["--version"], ["playbook", "-i", "hosts.yml", "site.yml"]):
        command = [sys.executable, "-c", program, *words]
        done = subprocess.run(command, cwd=world.folder, capture_output=True, check=True)
        assert done.stderr.endswith(b"[]\n")


# -- over SSH, and as other users --------------------------------------------------------------


@pytest.mark.ssh
def test_jobs_on_another_host_are_found_followed_and_ended(world, sshd):
    world.hosts({"db1": sshd.variables("127.0.0.2")})
    world.start(more=MORE)
    jid = world.the_job()
    with world.open("jobs", "logs", "-f", jid) as following:
        assert following.stdout.readline() == b"one\n"
        world.let_end(0)
        assert following.stdout.read() == b"two 0\noh\n"
        following.communicate()
    index = world.the_job("Index")
    world.forget()
    [job] = world.listed("--remote", "-i", "hosts.yml")
    assert (job["jid"], job["host"]) == (index, "db1")
    cancelled = world.jobs("cancel", "-i", "hosts.yml", index[:9])
    assert cancelled.stdout.split() == [index, "db1", "cancelled"]


@pytest.mark.ssh
def test_a_job_is_reached_as_the_user_it_runs_as(world, sshd, user):
    world.hosts({"db1": {**sshd.variables(), "ansible_async_dir": "~/jobs"}})
    play = {
        "hosts": "db1",
        "gather_facts": False,
        "become": True,
        "become_user": user.name,
        "tasks": [{"name": "Who", "shell": "id -un; sleep 900", "async": 999, "poll": 0}],
    }
    (world.folder / "site.yml").write_text(json.dumps([play]))
    world.run("playbook", "-i", "hosts.yml", "site.yml")
    [job] = world.listed("--remote")
    assert (job["state"], job["user"]) == ("running", user.name)
    with world.open("jobs", "logs", "-f", job["jid"]) as following:
        assert following.stdout.readline().decode().strip() == user.name
        ended = world.jobs("cancel", job["jid"]).stdout.split()
        following.communicate()
    assert ended == [job["jid"], "db1", "cancelled"]
    world.forget()
    assert world.listed("-i", "hosts.yml", "--all") == []
    [found] = world.listed("-i", "hosts.yml", "--become-user", user.name, "--all")
    assert (found["jid"], found["cause"]) == (job["jid"], "cancelled")


@pytest.mark.ssh
def test_a_password_is_not_kept_but_asked_for(world, sshd, user):
    login = {"ansible_user": user.name, "ansible_become_password": user.password}
    world.hosts({"db1": {**sshd.variables(), **login, "ansible_async_dir": str(world.spool)}})
    play = {
        "hosts": "db1",
        "gather_facts": False,
        "become": True,
        "tasks": [{"name": "Who", "shell": "id -un; sleep 900", "async": 999, "poll": 0}],
    }
    (world.folder / "site.yml").write_text(json.dumps([play]))
    world.run("playbook", "-i", "hosts.yml", "site.yml")
    jid = world.the_job("Who")
    kept = b"".join(path.read_bytes() for path in (world.folder / "state").iterdir())
    assert user.password.encode() not in kept
    refused = world.jobs("logs", jid, code=1).stderr
    assert "password" in refused
    assert "-K asks for it" in refused
    assert "password" in world.jobs("list", "--remote").stderr
    typed = f"{user.password}\n".encode()
    code, said = answered(world, b"BECOME password: ", typed, "jobs", "cancel", "-K", jid)
    assert (code, said.split()[-1]) == (0, "cancelled")
    assert user.password not in said
    assert world.jobs("logs", "-i", "hosts.yml", jid).stdout == "root\n"  # the inventory has it


def test_settings_bound_what_ended_jobs_leave_and_spare_those_of_the_run(world):
    """The second playbook has not asked for its own jobs when the first one's go."""
    world.start()
    world.let_end(0)
    old = world.the_job()
    world.jobs("wait", old)
    (world.folder / "ansible.cfg").write_text("[outlast]\nspool_keep_jobs = 0\n")
    done = "    - {name: Quick, shell: 'exit 0', async: 9, poll: 0, register: quick}\n"
    jid = "{jid: '{{ quick.ansible_job_id }}'}"
    asks = f"    - {{async_status: {jid}, register: _, until: _.finished}}\n"
    world.start(more=done + done + asks)
    wait_until(lambda: not (world.spool / old).exists())
    assert "Quick" in {job["task"] for job in world.listed("--remote", "--all")}
