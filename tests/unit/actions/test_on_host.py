"""Actions that bring files, run things plainly, or pick a module: really run in a folder."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path

import pytest
from unit.actions.calls import a_call, actions, done
from unit.actions.scratch import ScratchHost

from outlast.actions.prompting import answer, interactive
from outlast.actions.source_files import walk
from outlast.outcome import Failed, Skipped


@pytest.fixture
def performing(tmp_path):
    return actions(tmp_path)


@pytest.fixture
def host(tmp_path):
    (tmp_path / "host").mkdir()
    return ScratchHost(tmp_path / "host")


async def seen_of(performing, name, args, host, **options):
    seen, _ = await done(performing, a_call(name, args, session=host, **options))
    return seen


# -- fetch ----------------------------------------------------------------------------------


async def test_a_file_is_fetched_once_and_kept_below_the_hosts_name(performing, host, tmp_path):
    source = tmp_path / "there"
    await asyncio.to_thread(source.write_text, "content\n")
    args = {"src": str(source), "dest": "got"}
    first = await seen_of(performing, "fetch", args, host, folder=tmp_path)
    kept = tmp_path / "got" / "localhost" / str(source)[1:]
    assert await asyncio.to_thread(kept.read_text) == "content\n"
    assert first == {
        "changed": True,
        "failed": False,
        "dest": str(kept),
        "checksum": "7fe70820e08a1aac0ef224d9c66ab66831cc4ab1",
        "md5sum": "f75b8179e4bbe7e2b4a074dcef62de95",
        "remote_checksum": "7fe70820e08a1aac0ef224d9c66ab66831cc4ab1",
        "remote_md5sum": None,
    }
    again = await seen_of(performing, "fetch", args, host, folder=tmp_path)
    assert not again["changed"]
    assert again["file"] == str(source)


async def test_a_missing_file_fails_or_is_ignored(performing, host, tmp_path):
    args = {"src": str(tmp_path / "nope"), "dest": "got"}
    strict = await seen_of(performing, "fetch", args, host, folder=tmp_path)
    assert strict["failed"]
    assert strict["msg"] == "the remote file does not exist, not transferring, ignored"
    lenient = await seen_of(
        performing, "fetch", {**args, "fail_on_missing": False}, host, folder=tmp_path
    )
    assert lenient["file"] == str(tmp_path / "nope")
    assert not lenient["failed"]


@pytest.mark.parametrize(
    ("args", "msg"),
    [
        ({"src": "/etc/hostname"}, "src and dest are required"),
        ({"src": 5, "dest": "x"}, "Invalid type supplied for source option, it must be a string"),
        (
            {"src": "/etc", "dest": "x"},
            "remote file is a directory, fetch cannot work on directories",
        ),
        (
            {"src": "/etc/hostname", "dest": "/tmp", "flat": True},
            "dest is an existing directory, use a trailing slash if you want to fetch src into"
            " that directory",
        ),
    ],
)
async def test_fetch_refuses_in_stocks_words(performing, host, args, msg):
    assert (await seen_of(performing, "fetch", args, host))["msg"] == msg


# -- raw and script -------------------------------------------------------------------------


async def test_raw_keeps_the_output_as_it_is_and_is_always_changed(performing, host):
    seen = await seen_of(performing, "raw", {"_raw_params": "echo hi; exit 3"}, host)
    assert seen == {
        "changed": True,
        "failed": True,
        "exception": "(traceback unavailable)",
        "msg": "non-zero return code",
        "rc": 3,
        "stdout": "hi\n",
        "stdout_lines": ["hi"],
        "stderr": "",
        "stderr_lines": [],
    }


async def test_raw_is_skipped_in_check_mode(performing, host):
    performed = await performing.perform(
        a_call("raw", {"_raw_params": "exit 3"}, session=host, check_mode=True)
    )
    assert performed.outcome == Skipped({"failed": False})


async def test_a_script_is_sent_run_with_its_arguments_and_removed(performing, host, tmp_path):
    await asyncio.to_thread((tmp_path / "say.sh").write_text, '#!/bin/sh\necho "$1-$2" "$WHERE"\n')
    args = {"_raw_params": "say.sh 'a b' c", "chdir": "/"}
    seen = await seen_of(
        performing, "script", args, host, folder=tmp_path, environment={"WHERE": "here"}
    )
    assert seen["stdout"] == "a b-c here\n"
    assert seen["changed"]
    assert not await asyncio.to_thread(lambda: list(host.folder.glob("stored*")))


@pytest.mark.parametrize(
    ("args", "msg"),
    [
        ({}, "one of the following is required: _raw_params, cmd"),
        ({"cmd": "x", "_raw_params": "y"}, "parameters are mutually exclusive: _raw_params|cmd"),
        (
            {"cmd": "x", "chdir": "y"},
            "chdir y must be an absolute path for a Unix-aware remote node",
        ),
        ({"cmd": "x", "creates": "/"}, "/ exists, matching creates option"),
        ({"cmd": "x", "removes": "/nope"}, "/nope does not exist, matching removes option"),
    ],
)
async def test_a_script_that_is_not_to_run_says_why(performing, host, args, msg):
    assert (await seen_of(performing, "script", args, host))["msg"] == msg


# -- modules that are picked ----------------------------------------------------------------


async def test_facts_are_gathered_by_setup_and_not_shown_at_length(performing, host):
    args = {"gather_subset": ["!all", "!min"], "gather_timeout": None}
    performed = await performing.perform(a_call("gather_facts", args, session=host))
    assert performed.shown == "never"
    assert performed.outcome.payload.keys() == {"ansible_facts"}
    assert performed.outcome.payload["ansible_facts"]["module_setup"] is True


async def test_facts_that_cannot_be_gathered_name_the_module(performing, host):
    performed = await performing.perform(
        a_call("gather_facts", {"gather_subset": ["nonsense"]}, session=host)
    )
    assert isinstance(performed.outcome, Failed)
    msg = "The following modules failed to execute: ansible.legacy.setup."
    assert performed.outcome.payload["msg"] == msg
    assert "Bad subset" in str(performed.outcome.payload["failed_modules"])


async def test_the_package_manager_is_the_one_the_facts_name(performing, host):
    scope = {"ansible_facts": {"pkg_mgr": "no_such_manager"}}
    seen = await seen_of(performing, "package", {"name": "x"}, host, scope=scope)
    assert seen["msg"] == (
        'Could not find a matching action for the "no_such_manager" package manager.'
    )


async def test_a_service_manager_nobody_knows_falls_back_to_the_service_module(performing, host):
    scope = {"ansible_facts": {"service_mgr": "no_such_manager"}}
    await seen_of(performing, "service", {"name": "x", "bad": 1}, host, scope=scope)
    assert host.runs[-1].parcel.main == "ansible.modules.service"


async def test_uri_brings_the_file_it_sends(performing, host, tmp_path):
    await asyncio.to_thread((tmp_path / "body").write_text, "hello")
    args = {"url": "file:///nope", "src": "body", "nonsense": 1}
    await seen_of(performing, "uri", args, host, folder=tmp_path)
    assert host.runs[-1].files == {"src": b"hello"}


async def test_an_interpreter_that_was_found_is_told_with_the_first_result_only(performing, host):
    host.discovered = True
    first = await seen_of(performing, "ping", {}, host)
    assert first["ansible_facts"] == {"discovered_interpreter_python": host.python}
    known = {"ansible_facts": {"discovered_interpreter_python": host.python}}
    assert "ansible_facts" not in await seen_of(performing, "ping", {}, host, scope=known)


async def test_an_interpreter_that_was_found_is_warned_of_unless_that_is_not_wanted(
    performing, host
):
    host.discovered = True
    assert "warnings" not in await seen_of(performing, "ping", {}, host)
    host.discovered_aloud = True
    [said] = (await seen_of(performing, "ping", {}, host))["warnings"]
    assert f"is using the discovered Python interpreter at '{host.python}'" in said


async def test_a_module_complains_about_itself_by_the_name_it_is_written_with(performing, host):
    seen = await seen_of(performing, "ping", {"nonsense": 1}, host)
    assert seen["msg"].startswith("Unsupported parameters for (ping) module: nonsense.")


def packed(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("inside.txt")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))


async def test_an_archive_is_sent_and_unpacked(performing, host, tmp_path):
    await asyncio.to_thread(packed, tmp_path / "a.tar.gz")
    args = {"src": "a.tar.gz", "dest": str(host.folder)}
    seen = await seen_of(performing, "unarchive", args, host, folder=tmp_path)
    assert seen["changed"], seen
    inside = host.folder / "inside.txt"
    assert await asyncio.to_thread(inside.read_text) == "hello"
    again = await seen_of(performing, "unarchive", args, host, folder=tmp_path)
    assert not again["changed"]


@pytest.mark.parametrize(
    ("args", "msg"),
    [
        ({"src": "x"}, "src (or content) and dest are required"),
        (
            {"src": "x", "dest": "/", "copy": True, "remote_src": True},
            "parameters are mutually exclusive: ('copy', 'remote_src')",
        ),
        ({"src": "x", "dest": "/", "creates": "/tmp"}, "skipped, since /tmp exists"),
        ({"src": "/etc/hostname", "dest": "/nope"}, "dest '/nope' must be an existing dir"),
        (
            {"src": "http://h/x", "dest": "/"},
            "Unsupported option, an URI src (http://h/x) is only supported when remote_src is True",
        ),
    ],
)
async def test_an_archive_that_cannot_be_unpacked_says_why(performing, host, args, msg):
    assert (await seen_of(performing, "unarchive", args, host))["msg"] == msg


async def test_fragments_on_the_host_are_assembled_there(performing, host, tmp_path):
    def fragments():
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "a").write_text("1\n")
        (tmp_path / "parts" / "b").write_text("2\n")

    await asyncio.to_thread(fragments)
    args = {"src": str(tmp_path / "parts"), "dest": str(tmp_path / "whole")}
    seen = await seen_of(performing, "assemble", args, host)
    assert seen["changed"], seen
    assert await asyncio.to_thread((tmp_path / "whole").read_text) == "1\n2\n"
    refused = await seen_of(performing, "assemble", {**args, "remote_src": False}, host)
    assert refused["msg"] == "assemble with remote_src: false is not supported yet"


@pytest.mark.parametrize(("fact", "module"), [("dnf", "dnf"), ("dnf5", "dnf5"), ("yum", "dnf")])
async def test_dnf_runs_the_module_for_the_dnf_the_host_has(performing, host, fact, module):
    scope = {"ansible_facts": {"pkg_mgr": fact}}
    await seen_of(performing, "dnf", {"name": "x", "nonsense": 1}, host, scope=scope)
    assert host.runs[-1].parcel.main == f"ansible.modules.{module}"


# -- copies of folders with links -----------------------------------------------------------


def linked(top: Path) -> None:
    (top / "sub" / "deep").mkdir(parents=True)
    (top / "file").write_text("x")
    (top / "to_file").symlink_to("file")
    (top / "to_nothing").symlink_to("nowhere")
    (top / "to_sub").symlink_to("sub")
    (top / "sub" / "up").symlink_to("..")


def test_links_are_followed_unless_they_lead_back_above_themselves(tmp_path):
    top = tmp_path / "top"
    linked(top)
    tree = walk(str(top), follow=True)
    assert sorted(tree.files) == [
        (str(top / "file"), "top/file"),
        (str(top / "file"), "top/to_file"),
    ]
    assert sorted(name for _, name in tree.folders) == [
        "top/sub",
        "top/sub/deep",
        "top/to_sub",
        "top/to_sub/deep",
    ]
    assert sorted(tree.links) == [
        ("..", "top/sub/up"),
        ("..", "top/to_sub/up"),
        ("nowhere", "top/to_nothing"),
    ]


def test_links_stay_links_when_they_are_not_to_be_followed(tmp_path):
    top = tmp_path / "top"
    linked(top)
    tree = walk(f"{top}/", follow=False)
    assert sorted(name for _, name in tree.links) == ["sub/up", "to_file", "to_nothing", "to_sub"]
    assert [name for _, name in tree.files] == ["file"]


async def test_a_folder_with_links_arrives_with_them(performing, host, tmp_path):
    await asyncio.to_thread(linked, tmp_path / "top")
    args = {"src": "top", "dest": str(tmp_path / "dest"), "local_follow": False}
    seen = await seen_of(performing, "copy", args, host, folder=tmp_path)
    assert not seen["failed"], seen
    arrived = await asyncio.to_thread(os.readlink, tmp_path / "dest" / "top" / "to_sub")
    assert arrived == "sub"


async def test_a_link_on_the_host_is_replaced_and_what_it_points_to_is_not(
    performing, host, tmp_path
):
    def prepare():
        (tmp_path / "real").write_text("same\n")
        (tmp_path / "link").symlink_to(tmp_path / "real")

    await asyncio.to_thread(prepare)
    args = {"content": "same\n", "dest": str(tmp_path / "link")}
    seen = await seen_of(performing, "copy", args, host)
    assert seen["changed"]
    assert not await asyncio.to_thread((tmp_path / "link").is_symlink)


async def test_under_no_log_a_diff_shows_nothing(performing, host, tmp_path):
    await asyncio.to_thread((tmp_path / "out").write_text, "old secret")
    args = {"content": "new secret", "dest": str(tmp_path / "out")}
    seen = await seen_of(performing, "copy", args, host, diff=True, no_log=True, check_mode=True)
    assert "secret" not in str(seen["diff"])


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        (b"a\x00b", b"text", "dst_binary"),
        (b"text", b"a\x00b", "src_binary"),
        (b"x" * 104449, b"text", "dst_larger"),
        (b"text", b"x" * 104449, "src_larger"),
    ],
)
async def test_what_makes_no_readable_diff_is_only_named(
    performing, host, tmp_path, before, after, key
):
    await asyncio.to_thread((tmp_path / "out").write_bytes, before)
    await asyncio.to_thread((tmp_path / "new").write_bytes, after)
    args = {"src": str(tmp_path / "new"), "dest": str(tmp_path / "out")}
    seen = await seen_of(performing, "copy", args, host, diff=True, check_mode=True)
    assert key in seen["diff"][0]


# -- prompting ------------------------------------------------------------------------------


def test_only_a_terminal_of_ours_is_interactive(tmp_path):
    assert not interactive(None)
    with (tmp_path / "file").open("w") as file:
        assert not interactive(file)
    assert not interactive(file), "closed"


@pytest.mark.parametrize("echo", [True, False])
async def test_an_answer_is_one_line_from_the_terminal(echo):
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "r") as terminal:
        asking = asyncio.timeout(5)
        async with asking, asyncio.TaskGroup() as group:
            asked = group.create_task(answer(terminal, echo=echo))
            await asyncio.to_thread(os.write, ours, b"yes please\n")
        assert asked.result() == "yes please"
    os.close(ours)


VALIDATE = "sh -c 'case %s in *.service);; *) exit 1;; esac'"


async def test_what_validates_a_file_sees_the_ending_it_is_going_to_have(
    performing, host, tmp_path
):
    dest = str(tmp_path / "some.service")
    args = {
        "content": "x",
        "dest": dest,
        "validate": VALIDATE,
    }
    seen = await seen_of(performing, "copy", args, host)
    assert not seen["failed"], seen
    assert seen["src"].endswith("/.source.service")
