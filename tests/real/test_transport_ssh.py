"""What can happen between a controller and a real sshd."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from real_hosts import SYSTEM_PYTHON, running_sshd

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast.errors import ActionFailed, HostUnreachable
from outlast.settings import Settings
from outlast.transport import link, openssh
from outlast.transport.endpoint import Endpoint, Wishes, endpoint_for
from outlast.transport.sessions import Sessions
from outlast.work import CommandRun, ModuleRun

pytestmark = pytest.mark.ssh


@pytest.fixture
def sessions():
    return Sessions()


@pytest.fixture
def endpoint(sshd, tmp_path):
    return sshd.endpoint(remote_tmp=str(tmp_path / "remote"))


async def shell(session, line):
    return json.loads((await session.run(CommandRun(shell=line))).stdout)["stdout"]


async def refused(sessions, endpoint, kind=HostUnreachable):
    async with sessions:
        with pytest.raises(kind) as caught:
            await sessions.open(endpoint)
    return caught.value.message


async def test_nobody_listening_is_told_as_ssh_tells_it(sessions, endpoint):
    message = await refused(sessions, replace(endpoint, port=1))
    assert message == (
        "Failed to connect to the host via ssh: "
        "ssh: connect to host 127.0.0.1 port 1: Connection refused"
    )


async def test_an_unknown_host_key_is_refused_as_ssh_refuses_it(sessions, endpoint, tmp_path):
    known = f"-o UserKnownHostsFile={tmp_path}/none -o BatchMode=yes"
    message = await refused(sessions, replace(endpoint, ssh_common_args=known))
    assert message.startswith("Failed to connect to the host via ssh: ")
    assert message.endswith("Host key verification failed.")


async def test_a_host_key_is_not_checked_when_the_user_says_so(sessions, endpoint, tmp_path):
    args = f"-o UserKnownHostsFile={tmp_path}/none -o BatchMode=yes"
    careless = replace(endpoint, ssh_common_args=args, host_key_checking=False)
    async with sessions:
        assert await shell(await sessions.open(careless), "echo in") == "in"


async def test_a_wrong_key_is_told_as_ssh_tells_it(sessions, endpoint, sshd):
    message = await refused(sessions, replace(endpoint, private_key=str(sshd.folder / "host_key")))
    assert message.startswith("Failed to connect to the host via ssh: ")
    assert "Permission denied (publickey" in message


async def test_a_missing_ssh_is_told(sessions, endpoint):
    message = await refused(sessions, replace(endpoint, ssh_executable="/no/such/ssh"))
    assert "/no/such/ssh" in message


async def test_a_missing_interpreter_is_told_as_stock_tells_it(sessions, endpoint):
    message = await refused(sessions, replace(endpoint, python="/no/such/python"), ActionFailed)
    assert message == "The module interpreter '/no/such/python' was not found."


async def test_no_interpreter_at_all_is_told(sessions, endpoint):
    nowhere = replace(endpoint, python="auto", pythons=("python-of-nobody", "/no/python3"))
    message = await refused(sessions, nowhere, ActionFailed)
    assert "No python interpreters found" in message
    assert "python-of-nobody, /no/python3" in message


async def test_the_first_interpreter_that_is_there_is_taken(sessions, endpoint):
    looking = replace(endpoint, python="auto", pythons=("python-of-nobody", SYSTEM_PYTHON, "sh"))
    async with sessions:
        session = await sessions.open(looking)
        assert (session.python, session.discovered) == (SYSTEM_PYTHON, True)


async def test_what_only_looks_like_an_interpreter_is_passed_over(sessions, endpoint, tmp_path):
    stand_in = tmp_path / "python3.13"
    stand_in.write_text("#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    stand_in.chmod(0o755)
    looking = replace(endpoint, python="auto", pythons=(str(stand_in), SYSTEM_PYTHON))
    async with sessions:
        assert (await sessions.open(looking)).python == SYSTEM_PYTHON


async def test_an_interpreter_that_is_too_old_is_told(sessions, endpoint, tmp_path):
    # Only what the first lines look at: there may be no old Python here.
    old = tmp_path / "old-python"
    code = "import sys; sys.version_info = (3, 6, 9); sys.argv = sys.argv[1:]; exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec {SYSTEM_PYTHON} -c "{code}" "$@"\n')
    old.chmod(0o755)
    message = await refused(sessions, replace(endpoint, python=str(old)), ActionFailed)
    assert message.endswith("minimum of Python version 3.8. Current version: 3.6.9")


async def test_chatter_of_a_login_is_no_part_of_the_talk(sessions, endpoint, tmp_path):
    chatty = tmp_path / "chatty"
    chatty.write_text(
        f"#!/bin/sh\nseq 1 3000\nprintf 'OUTLAST- no line end'\nexec {SYSTEM_PYTHON} \"$@\"\n"
    )
    chatty.chmod(0o755)
    async with sessions:
        session = await sessions.open(replace(endpoint, python=str(chatty)))
        assert await shell(session, "echo clean") == "clean"


async def test_endless_chatter_is_given_up(sessions, endpoint, tmp_path):
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec yes\n")
    endless.chmod(0o755)
    message = await refused(sessions, replace(endpoint, python=str(endless)))
    assert "says more at login" in message


async def test_a_host_that_ends_at_once_is_told_with_its_words(sessions, endpoint, tmp_path):
    ends = tmp_path / "ends"
    ends.write_text("#!/bin/sh\necho This account is currently not available.\nexit 1\n")
    ends.chmod(0o755)
    message = await refused(sessions, replace(endpoint, python=str(ends)))
    assert "rc 1" in message
    assert "This account is currently not available." in message


async def test_many_who_ask_at_once_share_one_connection(sessions, endpoint):
    async with sessions, asyncio.TaskGroup() as group:
        opening = [group.create_task(sessions.open(endpoint)) for _ in range(10)]
        asked = await asyncio.gather(*opening)  # noqa: TID251  # they belong to the group
        assert len(set(map(id, asked))) == 1


async def test_hosts_are_reached_side_by_side(sessions, sshd, tmp_path):
    hosts = [f"127.0.0.{number}" for number in (1, 2, 3)]
    async with sessions, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(sessions.open(sshd.endpoint(host, remote_tmp=str(tmp_path))))
            for host in hosts
        ]
        opened = [await task for task in tasks]
        told = [await shell(session, "echo $SSH_CONNECTION") for session in opened]
    assert [line.split()[2] for line in told] == hosts


async def agent_of(session):
    """The agent's pid: the parent of what it runs."""
    return int(await shell(session, "echo $PPID"))


async def test_a_killed_agent_makes_the_host_unreachable_for_all_who_wait(sessions, endpoint):
    async with sessions:
        session = await sessions.open(endpoint)
        agent = await agent_of(session)
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(outcome(session, "sleep 600")) for _ in range(3)]
            await shell(session, "true")
            os.kill(agent, signal.SIGKILL)
        assert {task.result() for task in waiting} == {HostUnreachable}
        with pytest.raises(HostUnreachable):
            await session.run(CommandRun(argv=["true"]))
        kill_what_was_left(600)


async def outcome(session, line):
    try:
        await session.run(CommandRun(shell=line))
    except HostUnreachable as error:
        return type(error)


def kill_what_was_left(seconds):
    """A killed agent cannot end what it started: its `sleep`s are ours to end."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            words = (entry / "cmdline").read_bytes() if (entry / "cmdline").exists() else b""
            if words == f"sleep\0{seconds}\0".encode():
                os.kill(int(entry.name), signal.SIGKILL)


async def test_a_host_that_gives_no_sign_of_life_is_given_up(sessions, endpoint, monkeypatch):
    monkeypatch.setattr(link, "_SIGN", 0.1)
    monkeypatch.setattr(link, "_SILENCE", 0.5)
    async with sessions:
        session = await sessions.open(endpoint)
        agent = await agent_of(session)
        # Silent for longer than that, but there: its signs keep it.
        assert await shell(session, "sleep 1; echo there") == "there"
        os.kill(agent, signal.SIGSTOP)
        try:
            with pytest.raises(HostUnreachable, match="no sign of life"):
                await shell(session, "true")
        finally:
            os.kill(agent, signal.SIGCONT)


async def test_a_lost_host_is_reached_again_when_it_is_opened_again(sessions, endpoint):
    async with sessions:
        first = await sessions.open(endpoint)
        agent = await agent_of(first)
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(outcome(first, "sleep 601"))
            await shell(first, "true")
            os.kill(agent, signal.SIGKILL)
        assert ended.result() is HostUnreachable
        second = await sessions.open(endpoint)
        assert await shell(second, "echo back") == "back"
        assert await agent_of(second) != agent
    kill_what_was_left(601)


async def test_a_broken_connection_ends_what_ran_on_the_host(sessions, sshd, endpoint, tmp_path):
    line = f"echo $$ > {tmp_path}/pid; sleep 602"
    async with sessions:
        session = await sessions.open(endpoint)
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(outcome(session, line))
            await shell(session, f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done")
            os.kill(await connection_of(session), signal.SIGKILL)
        assert ended.result() is HostUnreachable
        again = await sessions.open(endpoint)
        pid = (tmp_path / "pid").read_text().strip()
        await shell(again, f"while [ -d /proc/{pid} ]; do sleep 0.01; done")


async def connection_of(session):
    """The sshd process behind the agent."""
    agent = await agent_of(session)
    parent = await shell(session, f"ps -o ppid= -p {agent}")
    if "sshd" not in await shell(session, f"ps -o comm= -p {parent}"):
        parent = await shell(session, f"ps -o ppid= -p {parent}")
    return int(parent)


async def test_retries_connect_in_the_end(sessions, endpoint, tmp_path):
    # The first try finds an ssh that cannot connect, the next one the real one.
    flaky = tmp_path / "ssh"
    flaky.write_text(
        f'#!/bin/sh\n[ -e {tmp_path}/tried ] && exec ssh "$@"\n: > {tmp_path}/tried\nexit 255\n'
    )
    flaky.chmod(0o755)
    unsteady = replace(endpoint, ssh_executable=str(flaky))
    async with sessions:
        with pytest.raises(HostUnreachable):
            await sessions.open(unsteady)
        (tmp_path / "tried").unlink()
        session = await sessions.open(replace(unsteady, retries=1))
        assert await shell(session, "echo in") == "in"


async def test_a_cancelled_opening_leaves_nothing(sessions, endpoint, tmp_path):
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexec sleep 603\n")
    mute.chmod(0o755)
    async with sessions:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await sessions.open(replace(endpoint, python=str(mute)))
    kill_what_was_left(603)  # it never reads, so that its pipe's end says nothing to it


async def test_the_master_that_ssh_keeps_is_shared_with_stock(sessions, endpoint, sshd, tmp_path):
    keeping = replace(
        endpoint,
        ssh_args="-F none -o ControlMaster=auto -o ControlPersist=60s",
        control_path_dir=str(tmp_path / "cp"),
    )
    try:
        async with sessions:
            assert await shell(await sessions.open(keeping), "echo in") == "in"
        (socket,) = (tmp_path / "cp").iterdir()
        assert socket.name == stock_name("127.0.0.1", sshd.port, keeping.user)
        # The connection of this run is gone; the master answers the next.
        assert tell_master(socket, "check").returncode == 0
    finally:
        for left in tmp_path.glob("cp/*"):
            tell_master(left, "exit")


def tell_master(socket, what):
    words = ["ssh", "-O", what, "-o", f"ControlPath={socket}", "x"]
    return subprocess.run(words, capture_output=True, check=False)


def stock_name(host, port, user):
    """The name of the socket, asked of stock's own ssh plugin."""
    code = (
        "from ansible.plugins.connection.ssh import Connection\n"
        f"print(Connection._create_control_path({host!r}, {port}, {user!r}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return said.stdout.strip().rpartition("/")[2]


def test_the_words_for_ssh_are_stocks_but_for_the_compression_of_what_is_compressed():
    code = """if True:
        import json, sys
        from ansible.playbook.play_context import PlayContext
        from ansible.plugins.loader import connection_loader
        connection = connection_loader.get("ssh", PlayContext())
        options = json.loads(sys.argv[1])
        connection.set_options(var_options=options)
        connection.host = options["ansible_host"]
        words = connection._build_command("ssh", "ssh", connection.host, "COMMAND")
        print(json.dumps([word.decode() for word in words]))
    """
    variables = {
        "ansible_host": "db.example",
        "ansible_port": 2222,
        "ansible_user": "some one",
        "ansible_ssh_private_key_file": "~/key file",
        "ansible_ssh_common_args": "-o 'ProxyCommand=ssh -W %h:%p jump'",
        "ansible_ssh_extra_args": "-v",
        "ansible_ssh_timeout": 7,
        "ansible_host_key_checking": False,
        "ansible_control_path_dir": "/tmp/outlast-words",
    }
    words = [sys.executable, "-c", code, json.dumps(variables)]
    said = subprocess.run(words, capture_output=True, check=True, text=True).stdout
    endpoint = endpoint_for(variables.get, Wishes(), Settings())
    stocks = json.loads(said.splitlines()[-1])
    assert stocks.pop(1) == "-C"
    assert openssh.argv(endpoint, "COMMAND") == stocks
    Path("/tmp/outlast-words").rmdir()


@pytest.fixture(scope="module")
def parcels(tmp_path_factory):
    content = open_content([], library=[], cache=Cache.at(tmp_path_factory.mktemp("cache")))
    for name in ("ping", "stat"):
        parcel = content.parcels.parcel(f"ansible.builtin.{name}")
        for _, digest in parcel.files.values():
            parcel.source(digest)
    return content.parcels


class Weighed:
    """A parcel's sources, counting what is asked for."""

    def __init__(self, parcel):
        self.asked = []
        self._source = parcel.source
        self.parcel = replace(parcel, source=self)

    def __call__(self, digest):
        self.asked.append(digest)
        return self._source(digest)


async def test_a_source_travels_once(sessions, endpoint, parcels):
    ping = Weighed(parcels.parcel("ansible.builtin.ping"))
    stat = Weighed(parcels.parcel("ansible.builtin.stat"))
    async with sessions:
        session = await sessions.open(endpoint)
        run = ModuleRun(parcel=ping.parcel, args={})
        await session.run(run)
        await session.run(run)
        await session.run(ModuleRun(parcel=stat.parcel, args={"path": "/"}))
    assert len(ping.asked) == len(set(ping.asked)) > 40
    assert not set(ping.asked) & set(stat.asked)
    assert len(stat.asked) < 5


async def test_an_sshd_that_goes_away_is_noticed(sessions, tmp_path):
    with running_sshd() as server:
        async with sessions:
            session = await sessions.open(server.endpoint(remote_tmp=str(tmp_path)))
            async with asyncio.TaskGroup() as group:
                ended = group.create_task(outcome(session, "sleep 604"))
                connection = await connection_of(session)
                server.process.terminate()
                server.process.wait()
                os.kill(connection, signal.SIGKILL)
            assert ended.result() is HostUnreachable
            with pytest.raises(HostUnreachable, match="Connection refused"):
                await sessions.open(server.endpoint(remote_tmp=str(tmp_path)))


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.12", "3.13"])
async def test_an_agent_runs_on_every_python_it_promises(version, sessions, parcels, tmp_path):
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    if not found:
        pytest.skip(f"no Python {version} here")
    local = Endpoint(kind="local", host="here", python=str(found[-1]), remote_tmp=str(tmp_path))
    async with sessions:
        session = await sessions.open(local)
        assert await shell(session, "echo hi") == "hi"
        for _ in range(3):
            run = ModuleRun(parcel=parcels.parcel("ansible.builtin.stat"), args={"path": "/"})
            assert json.loads((await session.run(run)).stdout)["stat"]["isdir"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await session.run(CommandRun(argv=["sleep", "605"]))
