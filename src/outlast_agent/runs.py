"""Ops that run things: a module in a fork, a program by itself.

Knows how a request becomes a process and its end an answer. Leaves modules to `modules`,
programs to `commands`, and processes to `processes`.
"""

from __future__ import annotations

import datetime as dt
import json
import os

from outlast_agent.agent import Agent
from outlast_agent.channel import Outbox
from outlast_agent.folder import remove_tree
from outlast_agent.loop import exit_code
from outlast_agent.marks import marked
from outlast_agent.processes import Gathering, fork
from outlast_agent.request import Refused, Request

_COMMAND_PATIENCE = 1.0
_MODULE_PATIENCE = 0.0


def alive(_agent: Agent, request: Request) -> None:
    """Op `alive`: answered at once, so that a host that is gone is told from one that works."""
    request.reply()


def receive(agent: Agent, request: Request) -> None:
    """Op `parcel`: keep a module. `digests` names the blobs that come with it."""
    digests = request.body["digests"]
    if not isinstance(digests, list) or len(digests) != len(request.blobs):
        raise Refused("a parcel's digests and blobs differ in number")
    agent.modules.receive(request.body, dict(zip(digests, request.blobs)))
    request.reply()


def run(agent: Agent, request: Request) -> None:
    """Op `run`: a module (`parcel`, `args`) or a program (`command`).

    Answered with `rc` and the blobs stdout and stderr when it has ended.
    """
    environment = _environment(request)
    if "command" in request.body:
        _run_command(agent, request, environment)
    else:
        _run_module(agent, request, environment)


def _environment(request: Request) -> dict[str, str]:
    environment = request.body.get("environment", {})
    if not isinstance(environment, dict):
        raise Refused("an environment is a mapping")
    return {str(name): str(value) for name, value in environment.items()}


def _run_module(agent: Agent, request: Request, environment: dict[str, str]) -> None:
    args = request.body.get("args")
    files = request.body.get("files", {})
    if not isinstance(args, dict) or not isinstance(files, dict):
        raise Refused("arguments and files are mappings")
    parcel = agent.modules.parcel(request.text("parcel"))
    args.update({name: agent.stored.path(str(key)) for name, key in files.items()})
    agent.modules.prepare(parcel)
    interpreter = request.body.get("interpreter", [])
    if not isinstance(interpreter, list):
        raise Refused("an interpreter is a list of words")
    folder = "" if parcel.program is None else agent.folder.make()

    def finished(status: int, stdout: bytes, stderr: bytes) -> None:
        request.reply({"rc": exit_code(status)}, stdout, stderr)

    def forget() -> None:
        for key in files.values():
            agent.stored.discard(str(key))
        if folder:
            remove_tree(folder)

    with marked() as mark:
        child = fork(lambda: agent.modules.run(parcel, args, interpreter, folder), environment)
    request.before_answer = forget
    _follow(request, Gathering(agent.loop, child, _MODULE_PATIENCE, finished, mark))


def _run_command(agent: Agent, request: Request, environment: dict[str, str]) -> None:
    from outlast_agent.commands import Command

    fields = request.body["command"]
    if not isinstance(fields, dict):
        raise Refused("a command is a mapping")
    command = Command(fields, environment)
    started = dt.datetime.now()  # the module gives the host's local time
    with marked() as mark:
        process = command.start()
    if isinstance(process, dict):
        _answer(request, process)
        return
    assert process.stdout is not None  # noqa: S101  # we asked for pipes
    assert process.stderr is not None  # noqa: S101
    if process.stdin is not None:
        stdin = Outbox(agent.loop, os.dup(process.stdin.fileno()), lambda: None)
        process.stdin.close()
        stdin.send([command.data or b""])
        stdin.finish()

    def finished(status: int, stdout: bytes, stderr: bytes) -> None:
        process.returncode = exit_code(status)
        ended = dt.datetime.now()
        result = command.ended(process.returncode, stdout, stderr, started=started, ended=ended)
        _answer(request, result)

    child = (process.pid, os.dup(process.stdout.fileno()), os.dup(process.stderr.fileno()))
    process.stdout.close()
    process.stderr.close()
    _follow(request, Gathering(agent.loop, child, _COMMAND_PATIENCE, finished, mark))


def _answer(request: Request, result: dict[str, object]) -> None:
    rc = 1 if result.get("failed") else 0
    request.reply({"rc": rc}, b"\n" + json.dumps(result).encode() + b"\n", b"")


def _follow(request: Request, gathering: Gathering) -> None:
    """Have a cancelled request end what it started before it is answered."""

    def cancel() -> None:
        gathering.end_with(request.cancelled)

    request.on_cancel = cancel
