"""raw and script: a command line or a file of the controller's run on a host as it is."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from outlast.actions.argument_spec import Argument, Spec, text
from outlast.actions.modules import Modules, answered, started
from outlast.actions.saying import action_failed, with_warning
from outlast.actions.source_files import find_source, not_there, read_source
from outlast.call import Call
from outlast.errors import ActionFailed, Refused, SourceMissing
from outlast.outcome import Ok, Outcome, Performed, Skipped
from outlast.session import Session
from outlast.work import CommandRun, Finish, ScriptRun

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


_KEPT = ("rc", "stdout", "stdout_lines", "stderr", "stderr_lines")
_FAILED = "non-zero return code"
_FINISH = Finish(only=_KEPT, changed=True, complaint=_FAILED)


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
    session = await call.session()
    if call.limit:
        warnings = (_NO_ENVIRONMENT,) if call.environment else ()
        return await started(call, session, run, replace(_FINISH, warnings=warnings))
    outcome = await _ran(call, session, run)
    return Performed(with_warning(outcome, _NO_ENVIRONMENT) if call.environment else outcome)


async def _ran(call: Call, session: Session, run: CommandRun) -> Outcome:
    outcome = await answered(call, session, run)
    payload = {key: outcome.payload[key] for key in _KEPT if key in outcome.payload}
    if payload.get("rc") == 0:
        return Ok(payload, changed=True)
    failed = action_failed({**payload, "msg": _FAILED})
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
    if call.limit:
        return await started(call, session, _as_job(call, args, line, data), _FINISH)
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
        return await _ran(call, session, _command(call, args, line.replace(name, path), path))
    finally:
        await session.discard(path)


def _as_job(call: Call, args: Mapping[str, object], line: str, data: bytes) -> ScriptRun:
    """Give the run whose file lives as long as the job; the host knows where."""
    name = shlex.split(line)[0]
    folder = f"/outlast-script-{hashlib.sha256(data).hexdigest()[:16]}/"
    path = folder + Path(name).name
    return ScriptRun(
        command=_command(call, args, line.replace(name, path), path),
        name=Path(name).name,
        content=data,
        stands_as=folder,
    )


def _command(call: Call, args: Mapping[str, object], command: str, path: str) -> CommandRun:
    if args["executable"]:
        command = f"{args['executable']} {command}"
    return CommandRun(  # noqa: S604  # what the action is
        shell=f"chmod u+x {shlex.quote(path)} && {command}",
        chdir=str(args["chdir"]) if args["chdir"] else None,
        strip_empty_ends=False,
        environment=call.environment,
    )
