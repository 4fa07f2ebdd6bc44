"""raw and script: a command line or a file of the controller's run on a host as it is."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from pathlib import Path

from outlast.actions.argument_spec import Argument, Spec, text
from outlast.actions.modules import Modules, answered
from outlast.actions.saying import action_failed, with_warning
from outlast.actions.source_files import find_source, not_there, read_source
from outlast.call import Call
from outlast.errors import ActionFailed, Refused, SourceMissing
from outlast.outcome import Ok, Outcome, Performed, Skipped
from outlast.session import Session
from outlast.work import CommandRun

_NO_ENVIRONMENT = "raw module does not support the environment keyword"
_SCRIPT = Spec(
    {
        "_raw_params": Argument(),
        "cmd": Argument(text, "str"),
        "creates": Argument(text, "str"),
        "removes": Argument(text, "str"),
        "chdir": Argument(text, "str"),
        "executable": Argument(text, "str"),
    },
    exclusive=(("_raw_params", "cmd"),),
)


async def raw(call: Call, _modules: Modules) -> Performed:
    """Run a command line through the login shell, and call it changed whatever it did."""
    if call.check_mode:
        return Performed(Skipped({"failed": False}))
    line = call.args.get("_raw_params")
    if not isinstance(line, str) or not line:
        raise ActionFailed("raw needs a command line")
    executable = call.args.get("executable") or None
    run = CommandRun(
        shell=line,
        executable=str(executable) if executable else None,
        strip_empty_ends=False,
    )
    outcome = await _ran(call, await call.session(), run)
    return Performed(with_warning(outcome, _NO_ENVIRONMENT) if call.environment else outcome)


async def _ran(call: Call, session: Session, run: CommandRun) -> Outcome:
    outcome = await answered(call, session, run)
    kept = ("rc", "stdout", "stdout_lines", "stderr", "stderr_lines")
    payload = {key: outcome.payload[key] for key in kept if key in outcome.payload}
    if payload.get("rc") == 0:
        return Ok(payload, changed=True)
    failed = action_failed({**payload, "msg": "non-zero return code"})
    return type(failed)(failed.payload, failed.why, changed=True)


async def script(call: Call, _modules: Modules) -> Performed:
    """Send a file of the controller's and run it."""
    if "_raw_params" not in call.args and "cmd" not in call.args:
        raise Refused("one of the following is required: _raw_params, cmd")
    args = _SCRIPT.check(call.args, call.written_as)
    session = await call.session()
    reason = await _not_to_run(session, args)
    if reason:
        return Performed(Skipped({"msg": reason}))
    chdir = args["chdir"]
    if isinstance(chdir, str) and not chdir.startswith("/"):
        raise Refused(f"chdir {chdir} must be an absolute path for a Unix-aware remote node")
    line = str(args["_raw_params"] or args["cmd"]).strip()
    name = shlex.split(line)[0]
    try:
        data = await asyncio.to_thread(_content, call, name)
    except SourceMissing as error:
        return not_there(error)
    if call.check_mode:
        if args["creates"] or args["removes"]:
            return Performed(Ok({}, changed=True))
        return Performed(Skipped({"msg": "Check mode is not supported for this task."}))
    return Performed(await _sent_and_run(call, session, args, line, data))


async def _not_to_run(session: Session, args: Mapping[str, object]) -> str:
    for option, there in (("creates", True), ("removes", False)):
        path = args[option]
        if path and (await session.inspect(str(path)) is not None) is there:
            how = "exists" if there else "does not exist"
            return f"{path} {how}, matching {option} option"
    return ""


def _content(call: Call, name: str) -> bytes:
    return read_source(call, find_source(call, "files", name))


async def _sent_and_run(
    call: Call, session: Session, args: Mapping[str, object], line: str, data: bytes
) -> Outcome:
    name = shlex.split(line)[0]
    path = await session.store(data, Path(name).name)
    try:
        command = line.replace(name, path)
        if args["executable"]:
            command = f"{args['executable']} {command}"
        run = CommandRun(  # noqa: S604  # what the action is
            shell=f"chmod u+x {shlex.quote(path)} && {command}",
            chdir=str(args["chdir"]) if args["chdir"] else None,
            strip_empty_ends=False,
            environment=call.environment,
        )
        return await _ran(call, session, run)
    finally:
        await session.discard(path)
