"""Becoming another user, with the real sudo and su."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast.errors import ActionFailed, HostUnreachable
from outlast.transport.endpoint import Endpoint, Identity
from outlast.transport.sessions import Sessions
from outlast.work import CommandRun, ModuleRun

pytestmark = pytest.mark.ssh

SUDO = Identity(method="sudo", user="root", exe="sudo", flags="-H -S -n")
SU = Identity(method="su", user="root", exe="su", flags="")


@pytest.fixture
def sessions():
    return Sessions()


@pytest.fixture
def login(sshd, user):
    return sshd.endpoint(user=user.name)


async def shell(session, line):
    return json.loads((await session.run(CommandRun(shell=line))).stdout)["stdout"]


async def who(sessions, login, identity):
    async with sessions:
        session = await sessions.open(replace(login, identity=identity))
        return (await shell(session, "id -un; echo $HOME")).split()


async def refused(sessions, login, identity, kind=ActionFailed):
    async with sessions:
        with pytest.raises(kind) as caught:
            await sessions.open(replace(login, identity=identity))
        # Whatever was said to one identity, the login goes on.
        assert await shell(await sessions.open(login), "echo here") == "here"
    return caught.value.message


async def test_sudo_without_a_password(sessions, login):
    assert await who(sessions, login, replace(SUDO, user="daemon")) == ["daemon", "/usr/sbin"]


async def test_a_password_that_is_not_asked_for_is_not_told(sessions, login):
    identity = replace(SUDO, user="daemon", password="unasked")
    async with sessions:
        session = await sessions.open(replace(login, identity=identity))
        assert await shell(session, "cat; id -un") == "daemon"


async def test_sudo_with_a_password(sessions, login, user):
    identity = replace(SUDO, password=user.password)
    assert await who(sessions, login, identity) == ["root", "/root"]


async def test_a_wrong_sudo_password(sessions, login):
    identity = replace(SUDO, password="wrong")
    assert await refused(sessions, login, identity) == "Incorrect sudo password"


async def test_a_missing_sudo_password(sessions, login):
    assert await refused(sessions, login, SUDO) == "Missing sudo password"


async def test_a_user_that_does_not_exist(sessions, login, user):
    identity = replace(SUDO, user="nobody-at-all", password=user.password)
    message = await refused(sessions, login, identity)
    assert "sudo to nobody-at-all failed" in message
    assert "unknown user" in message


async def test_a_sudo_that_does_not_exist(sessions, login):
    message = await refused(sessions, login, replace(SUDO, exe="/no/such/sudo"))
    assert "/no/such/sudo: not found" in message


async def test_a_prompt_that_never_comes(sessions, login):
    # The word sudo never gets its turn: what stands before it is the user's own words.
    identity = replace(SUDO, exe="sleep 606; sudo", password="x")
    message = await refused(sessions, replace(login, timeout=0), identity, HostUnreachable)
    assert message == "Timeout (2s) waiting for privilege escalation prompt: "


async def test_su_with_a_password(sessions, login, user):
    identity = replace(SU, user=user.name, password=user.password)
    assert await who(sessions, login, identity) == [user.name, f"/home/{user.name}"]


async def test_a_wrong_su_password(sessions, login, user):
    identity = replace(SU, user=user.name, password="wrong")
    assert await refused(sessions, login, identity) == "Incorrect su password"


async def test_a_missing_su_password(sessions, login, user):
    assert await refused(sessions, login, replace(SU, user=user.name)) == "Missing su password"


async def test_root_becomes_anybody_unasked(sessions, sshd, user):
    login = sshd.endpoint(user="root")
    assert await who(sessions, login, replace(SU, user=user.name)) == [
        user.name,
        f"/home/{user.name}",
    ]


async def test_nobody_sees_the_password(sessions, login, user):
    identity = replace(SUDO, password=user.password)
    async with sessions:
        session = await sessions.open(replace(login, identity=identity))
        everything = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"
        assert user.password not in await shell(session, everything)
    assert user.password not in repr(identity)


async def test_many_identities_share_one_connection(sessions, sshd, user):
    login = sshd.endpoint(user=user.name)
    async with sessions:
        plain = await sessions.open(login)
        daemon = await sessions.open(replace(login, identity=replace(SUDO, user="daemon")))
        root = await sessions.open(replace(login, identity=replace(SUDO, password=user.password)))
        names = [await shell(session, "id -un") for session in (plain, daemon, root)]
        assert names == [user.name, "daemon", "root"]
        assert await shell(plain, f"ps --ppid {os.getpid()} -o comm= | grep -c '^ssh$'") == "1"
        again = await sessions.open(replace(login, identity=replace(SUDO, user="daemon")))
        assert again is daemon


async def test_nothing_is_left_of_an_identity(sessions, login, user, tmp_path):
    identity = replace(SUDO, password=user.password)
    async with sessions:
        session = await sessions.open(replace(login, identity=identity, remote_tmp=str(tmp_path)))
        assert Path(await session.store(b"x" * 1_000_000, "big")).stat().st_uid == 0
        agent = await shell(session, "echo $PPID")
    assert not Path(f"/proc/{agent}").exists()
    assert list(tmp_path.iterdir()) == []


async def test_an_identity_whose_agent_dies_is_unreachable_and_can_be_had_again(
    sessions, login, user
):
    endpoint = replace(login, identity=replace(SUDO, password=user.password))
    async with sessions:
        session = await sessions.open(endpoint)
        with pytest.raises(HostUnreachable):
            await shell(session, "kill -9 $PPID; sleep 0.5")
        assert await shell(await sessions.open(login), "id -un") == user.name
        assert await shell(await sessions.open(endpoint), "id -un") == "root"


async def test_a_local_connection_becomes_too(sessions, user, tmp_path):
    login = Endpoint(kind="local", host="here", python="/usr/bin/python3")
    assert (await who(sessions, login, replace(SUDO, user=user.name)))[0] == user.name


@pytest.fixture(scope="module")
def parcel(tmp_path_factory):
    content = open_content([], library=[], cache=Cache.at(tmp_path_factory.mktemp("cache")))
    found = content.parcels.parcel("ansible.builtin.copy")
    for _, digest in found.files.values():
        found.source(digest)
    return found


async def test_modules_and_their_files_travel_to_an_identity(
    sessions, login, user, parcel, tmp_path
):
    tmp_path.chmod(0o755)
    endpoint = replace(login, identity=replace(SUDO, password=user.password))
    async with sessions:
        session = await sessions.open(endpoint)
        for number in range(2):
            target = f"/root/outlast-become-{number}"
            args = {"dest": target, "_original_basename": "x", "mode": "0600"}
            run = ModuleRun(parcel=parcel, args=args, files={"src": b"secret" * 100_000})
            assert json.loads((await session.run(run)).stdout)["owner"] == "root"
            assert await shell(session, f"wc -c < {target}; rm {target}") == "600000"
