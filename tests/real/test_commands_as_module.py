"""A program run natively gives, key by key, what `ansible.builtin.command` gives."""

from __future__ import annotations

import json
import re

import pytest
from real_hosts import SYSTEM_PYTHON

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast.transport.endpoint import Endpoint
from outlast.transport.sessions import Sessions
from outlast.work import CommandRun, ModuleRun

TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$|^\d:\d\d:\d\d\.\d{6}$")

CASES = [
    {"argv": ["echo", "hi"]},
    {"argv": ["printf", "a\n\n"]},
    {"argv": ["printf", "a\n\n"], "strip_empty_ends": False},
    {"argv": ["printf", r"a\377\r\n"]},
    {"argv": ["false"]},
    {"argv": ["sh", "-c", "echo out; echo err >&2; exit 7"]},
    {"argv": ["echo", "$GREETING", "~", "$nothing"], "environment": {"GREETING": "hi"}},
    {"argv": ["echo", "$GREETING", "~"], "expand_argument_vars": False},
    {"argv": ["/no/such/program", "--password=secret", "--pass", "x", "http://me:secret@h/"]},
    {"argv": ["/no/such", "a@b", "me:secret@h", "http://h/:x", "x://a:1@b", "x://y@h y://a:b@c"]},
    {"argv": ["/etc/passwd"]},
    {"argv": ["echo", "x"], "executable": "/bin/bash"},
    {"argv": ["pwd"], "chdir": "/usr"},
    {"argv": ["pwd"], "chdir": "$PLACE", "environment": {"PLACE": "/usr/lib"}},
    {"argv": ["pwd"], "chdir": "/no/such/folder"},
    {"argv": ["echo", "x"], "creates": "/etc/pass*"},
    {"argv": ["echo", "x"], "creates": "/no/such"},
    {"argv": ["echo", "x"], "creates": "passwd", "chdir": "/etc"},
    {"argv": ["echo", "x"], "removes": "/no/such"},
    {"argv": ["echo", "x"], "removes": "~", "creates": "/no/such"},
    {"argv": ["echo", "x"], "check_mode": True},
    {"argv": ["echo", "x"], "check_mode": True, "creates": "/no/such"},
    {"argv": ["echo", "x"], "check_mode": True, "removes": "/etc/passwd"},
    {"argv": ["echo", "x"], "check_mode": True, "creates": "/etc/passwd"},
    {"argv": ["cat"], "stdin": "hello"},
    {"argv": ["wc", "-c"], "stdin": "hello", "stdin_add_newline": False},
    {"argv": ["wc", "-c"], "stdin": "é" * 300_000},
    {"argv": ["cat"], "stdin": ""},
    {"shell": "echo $0 a | tr a b; exit 3"},
    {"shell": "echo hi", "executable": "/bin/bash"},
    {"shell": "echo hi", "executable": "/no/such/shell"},
    {"shell": "no-such-program"},
    {"shell": "kill -9 $$"},
    {"shell": "(sleep 0.2; echo late) & echo early"},
    {"shell": "locale >&2; echo $LANG", "environment": {"LANG": "xx_YY.UTF-8", "LC_ALL": ""}},
]


@pytest.fixture(scope="module")
def parcel(tmp_path_factory):
    content = open_content([], library=[], cache=Cache.at(tmp_path_factory.mktemp("cache")))
    found = content.parcels.parcel("ansible.builtin.command")
    for _, digest in found.files.values():
        found.source(digest)
    return found


@pytest.fixture
def sessions():
    return Sessions()


def module_args(case):
    args = {name: value for name, value in case.items() if name not in ("shell", "environment")}
    if "shell" in case:
        args |= {"_raw_params": case["shell"], "_uses_shell": True}
    args["_ansible_check_mode"] = args.pop("check_mode", False)
    return args


def comparable(reply):
    """The result with times made equal, and the reply's other parts."""
    result = json.loads(reply.stdout)
    for name in ("start", "end", "delta"):
        if isinstance(result.get(name), str):
            assert TIME.match(result[name])
            result[name] = "a time"
    return result, reply.stderr, reply.rc


async def test_native_and_module_agree(parcel, sessions, tmp_path):
    endpoint = Endpoint(kind="local", host="here", python=SYSTEM_PYTHON, remote_tmp=str(tmp_path))
    async with sessions:
        session = await sessions.open(endpoint)
        for case in CASES:
            native = await session.run(CommandRun(**case))
            args, environment = module_args(case), case.get("environment", {})
            module = await session.run(ModuleRun(parcel=parcel, args=args, environment=environment))
            assert comparable(native) == comparable(module), case
