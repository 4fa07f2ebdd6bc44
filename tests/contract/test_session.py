"""What every `call.Session` promises, held against a shell here and a real sshd."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from real_hosts import SYSTEM_PYTHON

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast.errors import ActionFailed
from outlast.transport.endpoint import Endpoint
from outlast.transport.sessions import Sessions
from outlast.work import CommandRun, ModuleRun
from outlast_agent.spool import process_start

PINGING = {"_ansible_check_mode": False}


@pytest.fixture(scope="module")
def parcels(tmp_path_factory):
    """The parcels of a run, their sources read already: what is not transport must not count."""
    content = open_content([], library=[], cache=Cache.at(tmp_path_factory.mktemp("cache")))
    for name in ("ping", "copy", "command"):
        parcel = content.parcels.parcel(f"ansible.builtin.{name}")
        for _, digest in parcel.files.values():
            parcel.source(digest)
    return content.parcels


@pytest.fixture(params=["local", "ssh"])
def endpoint(request, tmp_path, sshd):
    places = {"python": SYSTEM_PYTHON, "remote_tmp": str(tmp_path / "remote")}
    if request.param == "local":
        return Endpoint(kind="local", host="here", **places)
    return sshd.endpoint(**places)


@pytest.fixture
def sessions():
    return Sessions()


@pytest.fixture
async def session(sessions, endpoint):
    async with sessions:
        yield await sessions.open(endpoint)


def result(reply):
    return json.loads(reply.stdout)


async def shell(session, line, **changes):
    return result(await session.run(CommandRun(shell=line, **changes)))


async def test_a_program_runs_and_its_result_is_the_modules(session):
    seen = result(await session.run(CommandRun(argv=["printf", "%s", "a b"])))
    assert (seen["rc"], seen["stdout"], seen["changed"]) == (0, "a b", True)
    assert seen["cmd"] == ["printf", "%s", "a b"]


async def test_a_module_runs_with_its_arguments(session, parcels):
    run = ModuleRun(
        parcel=parcels.parcel("ansible.builtin.ping"), args={**PINGING, "data": "hallo"}
    )
    reply = await session.run(run)
    assert (result(reply)["ping"], reply.rc, reply.stderr) == ("hallo", 0, "")


async def test_a_module_runs_as_often_as_it_is_asked_to(session, parcels):
    for number in range(4):
        run = ModuleRun(
            parcel=parcels.parcel("ansible.builtin.ping"), args={**PINGING, "data": number}
        )
        assert result(await session.run(run))["ping"] == str(number)


async def test_a_module_that_crashes_says_so_in_its_result(session, parcels):
    run = ModuleRun(
        parcel=parcels.parcel("ansible.builtin.ping"), args={**PINGING, "data": "crash"}
    )
    reply = await session.run(run)
    assert reply.rc == 1
    assert result(reply)["exception"]["event"]["msg"] == "boom"


async def test_a_file_given_with_a_run_is_there_during_the_run_only(session, parcels, tmp_path):
    target = tmp_path / "target"
    run = ModuleRun(
        parcel=parcels.parcel("ansible.builtin.copy"),
        args={**PINGING, "dest": str(target), "_original_basename": "x", "mode": "0640"},
        files={"src": b"content\n" * 100_000},
    )
    seen = result(await session.run(run))
    assert seen["changed"], seen
    assert target.read_bytes() == b"content\n" * 100_000
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [entry for entry in (tmp_path / "remote").rglob("*") if entry.is_file()] == []


async def test_environment_reaches_modules_and_programs_and_nobody_after_them(session):
    seen = await shell(session, 'echo "$GREETING"', environment={"GREETING": "hé $x"})
    assert seen["stdout"] == "hé $x"
    assert (await shell(session, 'echo "$GREETING"'))["stdout"] == ""


async def test_requests_overlap(session):
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        # Each waits for the other: one after the other, neither would ever end.
        folder = (await shell(session, "mktemp -d"))["stdout"]
        await shell(session, f"mkfifo {folder}/a")
        reader = group.create_task(shell(session, f"cat {folder}/a"))
        await shell(session, f"echo through > {folder}/a; rm -r {folder}")
    assert reader.result()["stdout"] == "through"


async def test_much_output_comes_whole(session):
    seen = await shell(session, "seq 1 300000; seq 1 100000 >&2")
    assert len(seen["stdout"].split()) == 300_000
    assert len(seen["stderr"].split()) == 100_000


async def test_bytes_that_are_no_text_come_through(session):
    seen = await shell(session, r"printf 'a\377\0b'")
    assert seen["stdout"].encode("utf-8", "surrogateescape") == b"a\xff\x00b"


async def test_cancelling_ends_the_whole_tree(session, tmp_path):
    line = f"echo $$ > {tmp_path}/one; setsid sh -c 'echo $$ > {tmp_path}/two; sleep 600' & wait"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(session.run(CommandRun(shell=line)))
        await shell(session, f"until [ -s {tmp_path}/two ]; do sleep 0.01; done")
        running.cancel()
    pids = [int((tmp_path / name).read_text()) for name in ("one", "two")]
    waiting = f"while [ -d /proc/{pids[0]} ] || [ -d /proc/{pids[1]} ]; do sleep 0.01; done"
    async with asyncio.timeout(10):
        await shell(session, waiting)


async def test_cancelling_ends_what_hides_from_its_run_and_nothing_of_another(session, tmp_path):
    """It left the session and lost its parent; a second one of a run that goes on stays."""
    hide = "(setsid sh -c 'echo $$ > {0}/{1}.new; mv {0}/{1}.new {0}/{1}; exec sleep 600' &)"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            session.run(CommandRun(shell=hide.format(tmp_path, "one") + "; exec sleep 600"))
        )
        waits = f"until [ -e {tmp_path}/end ]; do sleep 0.01; done"
        other = group.create_task(
            session.run(CommandRun(shell=hide.format(tmp_path, "two") + "; " + waits))
        )
        for name in ("one", "two"):
            await shell(session, f"until [ -s {tmp_path}/{name} ]; do sleep 0.01; done")
        one, two = (int((tmp_path / name).read_text()) for name in ("one", "two"))
        try:
            running.cancel()
            async with asyncio.timeout(10):
                await shell(session, f"while kill -0 {one}; do sleep 0.01; done")
            assert (await shell(session, f"kill -0 {two}"))["rc"] == 0
        finally:
            (tmp_path / "end").touch()
            await shell(session, f"kill {one} {two}")
    assert result(other.result())["rc"] == 0


async def test_cancelling_a_module_ends_what_hides_from_it(session, parcels, tmp_path):
    line = f"(setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 600' &); exec sleep 600"
    args = {**PINGING, "_raw_params": line, "_uses_shell": True}
    run = ModuleRun(parcel=parcels.parcel("ansible.builtin.command"), args=args)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(session.run(run))
        await shell(session, f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done")
        running.cancel()
    pid = int((tmp_path / "pid").read_text())
    async with asyncio.timeout(10):
        await shell(session, f"while kill -0 {pid}; do sleep 0.01; done")


async def test_nothing_tells_a_program_that_it_can_be_found(session):
    line = "env; ulimit -n; ulimit -u; ulimit -v"
    first = await shell(session, line)
    assert first["stdout"] == (await shell(session, line))["stdout"]


async def test_what_a_program_leaves_behind_lives_on(session, tmp_path):
    line = f"sleep 600 >/dev/null 2>&1 & echo $! > {tmp_path}/pid"
    async with asyncio.timeout(10):
        await shell(session, line)
    pid = int((tmp_path / "pid").read_text())
    assert (await shell(session, f"kill -0 {pid} && kill {pid}"))["rc"] == 0


async def test_inspecting_tells_kinds_sizes_and_modes(session, tmp_path):
    (tmp_path / "file").write_text("hello")
    (tmp_path / "file").chmod(0o604)
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    found = await session.inspect(str(tmp_path / "file"), checksum=True)
    assert (found.kind, found.size, found.mode) == ("file", 5, 0o604)
    assert found.sha1 == "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
    link = await session.inspect(str(tmp_path / "link"), checksum=True)
    assert (link.kind, link.sha1) == ("link", found.sha1)
    folder = await session.inspect(str(tmp_path), checksum=True)
    assert (folder.kind, folder.sha1) == ("directory", None)
    pipe = await session.inspect(str(tmp_path / "pipe"), checksum=True)
    assert (pipe.kind, pipe.sha1) == ("other", None)
    assert await session.inspect(str(tmp_path / "nothing")) is None
    assert await session.inspect(str(tmp_path / "file" / "below")) is None


async def test_a_long_file_is_checked_too(session, tmp_path):
    with (tmp_path / "long").open("wb") as file:
        file.truncate(40_000_000)
    found = await session.inspect(str(tmp_path / "long"), checksum=True)
    assert (found.size, found.sha1) == (40_000_000, hashlib.sha1(bytes(40_000_000)).hexdigest())


async def test_a_home_is_found_by_its_tilde(session):
    home = await session.inspect("~")
    assert home.kind == "directory"


async def test_reading_gives_the_content_or_says_why_not(session, tmp_path):
    (tmp_path / "file").write_bytes(b"\x00\xff" * 200_000)
    assert await session.read(str(tmp_path / "file"), 400_000) == b"\x00\xff" * 200_000
    with pytest.raises(ActionFailed, match="longer than 10 bytes"):
        await session.read(str(tmp_path / "file"), 10)
    with pytest.raises(ActionFailed, match="No such file or directory"):
        await session.read(str(tmp_path / "nothing"), 10)
    with pytest.raises(ActionFailed, match="directory"):
        await session.read(str(tmp_path), 10)


@pytest.mark.parametrize("content", [b"", b"x" * 3_000_000], ids=["empty", "long"])
async def test_what_is_stored_is_private_and_gone_when_discarded(session, content):
    path = Path(await session.store(content, "name.txt"))
    assert path.name == "name.txt"
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await session.discard(str(path))
    assert not path.parent.exists()


async def test_only_a_plain_name_can_be_stored(session):
    for name in ("../x", "a/b", "", ".."):
        with pytest.raises(ActionFailed, match="no name for a file"):
            await session.store(b"", name)


async def test_nothing_is_left_on_the_host(sessions, endpoint, tmp_path):
    async with sessions:
        session = await sessions.open(endpoint)
        await session.store(b"x", "left")
        assert list((tmp_path / "remote").iterdir()) != []
    assert list((tmp_path / "remote").iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "echo $$ > {}/pid; sleep 600",
        "(setsid sh -c 'echo $$ > {}/pid; exec sleep 600' &); sleep 600",
    ],
    ids=["in sight", "hidden"],
)
async def test_what_still_runs_ends_with_the_run(sessions, endpoint, tmp_path, line):
    async with sessions, asyncio.TaskGroup() as group:
        session = await sessions.open(endpoint)
        line = line.format(tmp_path)
        running = group.create_task(session.run(CommandRun(shell=line)))
        await shell(session, f"until [ -s {tmp_path}/pid ]; do sleep 0.01; done")
        running.cancel()
    pid = int((tmp_path / "pid").read_text())
    assert not await asyncio.to_thread(process_start, pid), "it may wait to be buried"


async def test_the_interpreter_is_known(session):
    assert session.python == SYSTEM_PYTHON
    assert not session.discovered
