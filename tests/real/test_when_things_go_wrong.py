"""What a person sees when something goes wrong on one of two hosts: the other goes on."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from real.wrong_world import HEAD, Ended, World, alive, descendants, number_in, wait_for
from small_disk import disk_of

pytestmark = pytest.mark.ssh

PING = "    - ping:\n"


@pytest.fixture
def hosts(sshd):
    """Two hosts; a test spoils `bad`."""
    return {"bad": sshd.variables("127.0.0.2"), "good": sshd.variables("127.0.0.1")}


@pytest.fixture
def world(hosts, tmp_path):
    return World(tmp_path, hosts)


def line_of(ended: Ended, start: str) -> str:
    return next((line for line in ended.out.splitlines() if line.startswith(start)), ended.out)


def result_of(ended: Ended, kind: str) -> dict[str, object]:
    found = json.loads(line_of(ended, f"fatal: [bad]: {kind}! => ").partition(" => ")[2])
    assert isinstance(found, dict)
    return found


def only_bad_is_unreachable(ended: Ended) -> str:
    assert ended.code == 4, ended
    assert "ok: [good]" in ended.out
    assert ended.recap == {"bad": "unreachable=1", "good": "ok=1"}
    result = result_of(ended, "UNREACHABLE")
    assert result["unreachable"] is True
    return str(result["msg"])


def only_bad_failed(ended: Ended) -> dict[str, object]:
    assert ended.code == 2, ended
    assert "ok: [good]" in ended.out
    assert ended.recap == {"bad": "failed=1", "good": "ok=1"}
    return result_of(ended, "FAILED")


# -- hosts that cannot be reached ----------------------------------------------------------------


def test_a_host_where_nobody_listens(world, hosts):
    hosts["bad"]["ansible_port"] = 1
    assert only_bad_is_unreachable(world.run(PING)) == (
        "Task failed: Failed to connect to the host via ssh: "
        "ssh: connect to host 127.0.0.2 port 1: Connection refused"
    )


def test_a_name_that_does_not_resolve(world, hosts):
    hosts["bad"]["ansible_host"] = "no-such-host.invalid"
    said = only_bad_is_unreachable(world.run(PING))
    assert said.startswith(
        "Task failed: Failed to connect to the host via ssh: "
        "ssh: Could not resolve hostname no-such-host.invalid: "
    )


def test_a_key_that_is_refused(world, hosts, sshd):
    hosts["bad"]["ansible_ssh_private_key_file"] = str(sshd.folder / "host_key")
    said = only_bad_is_unreachable(world.run(PING))
    assert said.startswith("Task failed: Failed to connect to the host via ssh: ")
    assert "Permission denied (publickey" in said


def test_a_host_nobody_knows(world, hosts, tmp_path):
    hosts["bad"]["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={tmp_path}/none"
    world.settings["ANSIBLE_HOST_KEY_CHECKING"] = "True"
    said = only_bad_is_unreachable(world.run(PING))
    assert said.endswith("Host key verification failed.")


def test_a_host_that_shows_another_key_than_it_had(world, hosts, sshd, tmp_path):
    other = (sshd.folder / "user_key.pub").read_text()
    (tmp_path / "known").write_text(f"[127.0.0.2]:{sshd.port} {other}")
    hosts["bad"]["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={tmp_path}/known"
    said = only_bad_is_unreachable(world.run(PING))
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED!" in said
    assert said.endswith("Host key verification failed.")


# -- becoming ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "password", "said"),
    [
        ("sudo", "wrong", "Incorrect sudo password"),
        ("sudo", None, "Missing sudo password"),
        ("su", "wrong", "Incorrect su password"),
        ("su", None, "Missing su password"),
    ],
)
def test_a_become_password_that_will_not_do(world, hosts, user, method, password, said):
    hosts["bad"] |= {"ansible_user": user.name, "ansible_become_method": method}
    if password:
        hosts["bad"]["ansible_become_password"] = password
    ended = world.run("    - ping:\n      become: true\n")
    assert only_bad_failed(ended)["msg"] == f"Task failed: {said}"


# -- hosts without a Python that will do ---------------------------------------------------------


def test_a_python_that_is_not_there(world, hosts):
    hosts["bad"]["ansible_python_interpreter"] = "/nonexistent"
    ended = world.run(PING)
    result = only_bad_failed(ended)
    assert result["msg"] == "The module interpreter '/nonexistent' was not found."
    assert result["rc"] == 127
    assert "/nonexistent: not found" in str(result["module_stderr"])
    assert "Consider overriding the configured interpreter path for this host." in ended.out


def test_a_host_on_which_no_python_is_found(world, hosts):
    hosts["bad"]["ansible_python_interpreter"] = "auto"
    hosts["bad"]["ansible_interpreter_python_fallback"] = ["/no/python3.9", "no-python"]
    said = str(only_bad_failed(world.run(PING))["msg"])
    assert said == (
        "Task failed: No python interpreters found on the host (tried /no/python3.9, no-python)."
    )


def test_a_python_that_is_too_old(world, hosts, tmp_path):
    old = tmp_path / "python3.5"
    code = "import sys; sys.version_info = (3, 5, 2); sys.argv = sys.argv[1:]; exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec /usr/bin/python3 -c "{code}" "$@"\n')
    old.chmod(0o755)
    hosts["bad"]["ansible_python_interpreter"] = str(old)
    said = str(only_bad_failed(world.run(PING))["msg"])
    assert said.endswith(
        "ansible-core requires a minimum of Python version 3.8. Current version: 3.5.2"
    )


def test_a_python_that_ends_at_once(world, hosts, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'cannot open shared object file' >&2\nexit 1\n")
    broken.chmod(0o755)
    hosts["bad"]["ansible_python_interpreter"] = str(broken)
    said = only_bad_is_unreachable(world.run(PING))
    assert "no agent could be started on the host (rc 1): cannot open shared object file" in said


# -- modules that misbehave ----------------------------------------------------------------------

MARK = "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule"
MODULES = {
    "crashes": "raise RuntimeError('oh no')",
    "junk": "print('what is this')",
    "mute": "",
    "exits": "import sys; sys.stderr.write('gone\\n'); sys.exit(7)",
    "shot": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "half": "print('{\"changed\": true')",
    "loud": "print('hello'); print('{\"changed\": false}'); print('bye')",
    "nolist": "print('[1, 2]')",
}


@pytest.fixture
def library(tmp_path):
    (tmp_path / "library").mkdir()
    for name, code in MODULES.items():
        (tmp_path / "library" / f"{name}.py").write_text(f"{MARK}\n{code}\n")


def ended_by(world: World, module: str) -> Ended:
    return world.run(f"    - {module}:\n      when: inventory_hostname == 'bad'\n{PING}")


SAID = {
    "crashes": "Task failed: Module failed: oh no",
    "junk": "Task failed: Module failed: New-style module did not handle its own exit.",
    "mute": "Task failed: Module failed: New-style module did not handle its own exit.",
    "exits": "Module result deserialization failed: No start of json char found",
    "shot": "Module result deserialization failed: No start of json char found",
    "half": "Module result deserialization failed: "
    "Expecting ',' delimiter: line 2 column 1 (char 17)",
    "loud": "Module result deserialization failed: Extra data: line 2 column 1 (char 19)",
    "nolist": "Task failed: Module failed: New-style module did not handle its own exit.",
}
"""What stock says of each."""


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_does_not_answer_fails_its_host_alone(world, module):
    ended = world.run(f"    - {module}:\n      when: inventory_hostname == 'bad'\n{PING}")
    assert ended.code == 2, ended
    assert ended.recap == {"bad": "failed=1", "good": "ok=1 skipped=1"}
    result = result_of(ended, "FAILED")
    assert (result["changed"], result["msg"]) == (False, SAID[module])
    if "deserialization" in SAID[module]:
        assert result["rc"] == {"exits": 7, "shot": 137}.get(module, 1)
        assert result["module_stderr"] == ("gone\n" if module == "exits" else "")


def test_a_command_that_is_killed_is_told_with_its_signal(world):
    ended = world.run("    - shell: '[ {{ inventory_hostname }} = good ] || kill -9 $$'\n" + PING)
    assert ended.recap == {"bad": "failed=1", "good": "changed=1 ok=2"}
    assert result_of(ended, "FAILED")["rc"] == -9


# -- connections that break ----------------------------------------------------------------------


def job(here: Path, *, seconds: float, poll: int, host: str) -> str:
    """A job that tells its number, and leaves a file when it comes to its end."""
    line = f"echo $$ > {here}/job; sleep {seconds}; echo made > {here}/done; cat {here}/done"
    return f"""
    - name: long work
      shell: {line}
      async: 60
      poll: {poll}
      register: work
      when: inventory_hostname == '{host}'
"""


def test_an_agent_killed_in_the_middle_of_a_task_takes_its_host_alone_and_no_job(world):
    here = world.folder
    started = job(here, seconds=1.5, poll=0, host="bad")
    killing = "    - shell: '[ {{ inventory_hostname }} = good ] || kill -9 $PPID; sleep 0.2'\n"
    ended = world.run(f"{started}{killing}{PING}")
    assert ended.code == 4, ended
    assert ended.recap == {
        "bad": "changed=1 ok=1 unreachable=1",
        "good": "changed=1 ok=2 skipped=1",
    }
    said = str(result_of(ended, "UNREACHABLE")["msg"])
    assert said == "Task failed: the connection to the host was lost: its agent ended"
    wait_for((here / "done").exists)


def connection_to(run: subprocess.Popen[str], host: object) -> int:
    """Give the ssh that *run* talks through."""
    for pid in descendants(run.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[0] == b"ssh" and str(host).encode() in words:
            return pid
    raise AssertionError("no connection")


def test_a_job_is_waited_for_across_a_lost_connection(world, hosts):
    here = world.folder
    polled = job(here, seconds=2, poll=1, host="bad")
    shown = "    - debug: var=work.stdout\n      when: work.stdout is defined\n"
    with world.start(f"{polled}{shown}") as run:
        wait_for(lambda: number_in(here / "job"))
        os.kill(connection_to(run, hosts["bad"]["ansible_host"]), signal.SIGKILL)
        out, err = run.communicate(timeout=40)
    ended = Ended(run.returncode, out, err)
    assert ended.code == 0, ended
    assert ended.recap == {"bad": "changed=1 ok=2", "good": "skipped=2"}
    assert '"work.stdout": "made"' in out
    assert (out + err).count("The connection to bad was lost while job") == 1, ended
    assert "Traceback" not in out + err


# -- runs that are ended from outside ------------------------------------------------------------


@pytest.fixture
def busy(world) -> Iterator[subprocess.Popen[str]]:
    """A run with a command on one host and a job followed on the other; both have begun."""
    here = world.folder
    command = f"""
    - shell: echo $$ > {here}/command; exec sleep 600
      when: inventory_hostname == 'bad'
"""
    tasks = job(here, seconds=4, poll=1, host="good") + command
    with world.start(tasks, head=HEAD.replace("tasks:", "strategy: free\n  tasks:")) as run:
        try:
            wait_for(lambda: number_in(here / "job") and number_in(here / "command"))
            yield run
        finally:
            run.kill()


def stopped(run: subprocess.Popen[str], here: Path, *signals: int) -> Ended:
    """Send *signals* to all who sit at the terminal; the command ends, and the job does not."""
    assert not (here / "done").exists(), "too late: the job has ended"
    for number in signals:
        os.killpg(run.pid, number)
    out, err = run.communicate(timeout=20)
    assert "PLAY RECAP" not in out
    assert "Traceback" not in out + err
    wait_for(lambda: not alive(number_in(here / "command")))
    wait_for((here / "done").exists)
    return Ended(run.returncode, out, err)


def test_an_interrupt_ends_what_runs_but_no_job(busy, world):
    ended = stopped(busy, world.folder, signal.SIGINT)
    assert ended.code == 99, ended
    assert ended.err.endswith("[ERROR]: User interrupted execution\n")


def test_a_second_interrupt_breaks_nothing(busy, world):
    ended = stopped(busy, world.folder, signal.SIGINT, signal.SIGINT)
    assert ended.code == 99, ended
    assert ended.err.endswith("[ERROR]: User interrupted execution\n")


def test_a_run_told_to_terminate_ends_what_runs_but_no_job(busy, world):
    ended = stopped(busy, world.folder, signal.SIGTERM)
    assert ended.code == -signal.SIGTERM, ended


def test_a_run_that_is_killed_ends_what_runs_but_no_job(busy, world):
    os.kill(busy.pid, signal.SIGKILL)
    ended = stopped(busy, world.folder)
    assert ended.code == -signal.SIGKILL


def test_a_reader_who_has_seen_enough_gets_no_traceback(world):
    world.run(PING)
    line = f"{sys.executable} -m outlast playbook -i hosts.json p.yml | head -1"
    seen = subprocess.run(
        ["/bin/sh", "-c", line], cwd=world.folder, capture_output=True, text=True, check=True
    )
    assert seen.stdout == "\n"
    assert "Traceback" not in seen.stderr


# -- places for jobs that will not do ------------------------------------------------------------

SPOILED = """
    - shell: touch {here}/started
      async: 20
      poll: 0
      when: inventory_hostname == 'bad'
      vars: {{ansible_async_dir: {folder}}}
"""


def refused_start(world: World, folder: Path) -> str:
    """A job for `bad` alone, with *folder* to be kept in: it must not start."""
    ended = world.run(SPOILED.format(here=world.folder, folder=folder) + PING)
    assert ended.code == 2, ended
    assert ended.recap == {"bad": "failed=1", "good": "ok=1 skipped=1"}
    assert not (world.folder / "started").exists()
    return str(result_of(ended, "FAILED")["msg"])


def test_a_job_is_not_started_where_the_disk_is_full(world, full_disk):
    assert "No space left on device" in refused_start(world, full_disk / "jobs")


def test_a_job_is_not_started_where_nobody_may_write(world, hosts, user):
    hosts["bad"] |= {"ansible_user": user.name, "ansible_remote_tmp": "~/.ansible/tmp"}
    with tempfile.TemporaryDirectory() as closed:
        Path(closed).chmod(0o755)
        assert "Permission denied" in refused_start(world, Path(closed) / "jobs")


def test_a_job_is_not_started_in_a_folder_that_somebody_planted(world, user, tmp_path):
    (tmp_path / "mine").mkdir(mode=0o755)
    (tmp_path / "planted").symlink_to(tmp_path / "mine")
    os.chown(tmp_path / "planted", pwd.getpwnam(user.name).pw_uid, -1, follow_symlinks=False)
    said = refused_start(world, tmp_path / "planted")
    assert "a symbolic link that belongs to another user" in said
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_job_is_not_started_in_a_file(world, tmp_path):
    (tmp_path / "file").write_text("mine")
    refused_start(world, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.fixture
def full_disk(tmp_path):
    """A file system of its own with nothing left of it."""
    with disk_of("16k", tmp_path / "disk") as place:
        (place / "jobs").mkdir(mode=0o700)
        with contextlib.suppress(OSError), (place / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(b"x" * 4096):
                pass
        yield place
