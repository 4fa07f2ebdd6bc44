"""What a job leaves behind: its result, in the words of the module that ran, and its end.

Knows how stock makes a result of what a module printed, why the job ended in the end, and what
is kept when the disk has no room. Loaded by a supervisor when its job is over, so that it
costs nothing before. Leaves the result of a command to `commands`, which answers for
waited-for ones as well.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal

from outlast_agent import spool
from outlast_agent.commands import Command
from outlast_agent.supervisor import Ending, Order

LARGEST_STREAM = 8 * 1024 * 1024
"""Bytes of a command's stdout, and of its stderr, that become part of the result."""
LARGEST_RESULT = 64 * 1024 * 1024
"""Bytes of a module's JSON: cut, it would be worth nothing."""


def record(order: Order, entry: spool.Entry, ending: Ending) -> None:
    """Write the job's result and its end, so that each is there whole or not at all."""
    result = result_of(order, entry, ending)
    ending.cause = _cause(ending, result)
    if ending.cause == "out_of_memory":
        result["outlast_cause"] = ending.cause
    _remove_folders(entry)
    try:
        spool.put(entry.results_file, json.dumps(result))
    except OSError as error:
        _record_in_no_room(entry, ending, error)
    if os.path.isdir(entry.private):  # somebody may have cleaned up while it ran
        spool.put(entry.path("end.json"), json.dumps(_end(ending)))
        spool.sync_folder(entry.private)
    spool.sync_folder(entry.folder)


def _remove_folders(entry: spool.Entry) -> None:
    """Remove what a module was given as files: only records are kept."""
    for name in os.listdir(entry.private) if os.path.isdir(entry.private) else ():
        if os.path.isdir(entry.path(name)):
            import shutil  # seldom needed, and slow to import while somebody waits for the end

            shutil.rmtree(entry.path(name), ignore_errors=True)


def _record_in_no_room(entry: spool.Entry, ending: Ending, error: OSError) -> None:
    """Keep at least how it ended: the room that its output took is enough for that."""
    for name in ("stdout", "stderr", "turns"):
        if os.path.exists(entry.path(name)):
            os.truncate(entry.path(name), 0)
    said = {
        "failed": True,
        "rc": ending.rc,
        "msg": "The job ended (%s), but its result could not be recorded: %s"
        % (_how(ending), error.strerror),
    }
    spool.put(entry.results_file, json.dumps(said))


def _end(ending: Ending) -> dict[str, object]:
    return {
        "version": 2,
        "cause": ending.cause,
        "rc": ending.rc,
        "signal": -ending.rc if ending.rc < 0 else None,
        "began": ending.began,
        "ended": ending.ended,
        "survivors": ending.survivors,
        "output_lost": ending.output_lost,
    }


def _how(ending: Ending) -> str:
    if ending.error:
        return "it could not be started: %s" % os.strerror(ending.error)
    return "killed by signal %d" % -ending.rc if ending.rc < 0 else "exit code %d" % ending.rc


def _cause(ending: Ending, result: dict[str, object]) -> str:
    """Give why it ended, now that its result is known, too."""
    if ending.rc == -signal.SIGKILL and ending.cause == "signalled":
        from outlast_agent import out_of_memory

        return "out_of_memory" if out_of_memory.was_reason(ending) else "signalled"
    failed = result.get("failed", result.get("rc") not in (None, 0, "0"))
    return "failed" if failed and ending.cause == "exited" else ending.cause


def result_of(order: Order, entry: spool.Entry, ending: Ending) -> dict[str, object]:
    """Give the JSON that stock would have left, or our own word on an end that stock has not."""
    plan = order.finish if isinstance(order.finish, dict) else {}
    if ending.cause == "limit":  # to the letter what stock's watcher writes
        return {"msg": "Timeout exceeded", "failed": True, "child_pid": ending.pid}
    if ending.cause == "cancelled":
        return _ended_by_us("The job was cancelled.", ending)
    if ending.cause == "idle":
        return _ended_by_us("No output for %g s" % order.idle_limit, ending)
    if ending.trouble:
        said = "The job could not be run or watched over to its end: %s" % ending.trouble
        return {"msg": said, "failed": True}
    if "result" in plan:
        return json.loads(plan["result"])  # type: ignore[no-any-return]  # written by job_orders
    if "command" in plan:
        return command_result(str(plan["command"]), entry, ending)
    return module_result(str(plan["module"]), entry, ending)


def _ended_by_us(msg: str, ending: Ending) -> dict[str, object]:
    return {
        "msg": msg,
        "failed": True,
        "child_pid": ending.pid,
        "outlast_cause": ending.cause,
    }


def command_result(fields: str, entry: spool.Entry, ending: Ending) -> dict[str, object]:
    """Give what the module `command` says about a program that has ended."""
    command = Command(json.loads(fields), {})
    if ending.error:
        return command.not_started(ending.error)
    return command.ended(
        ending.rc,
        _stream(entry.path("stdout"), LARGEST_STREAM),
        _stream(entry.path("stderr"), LARGEST_STREAM),
        started=dt.datetime.fromtimestamp(ending.began),  # the host's time
        ended=dt.datetime.fromtimestamp(ending.ended),
    )


def module_result(name: str, entry: spool.Entry, ending: Ending) -> dict[str, object]:
    """Give what a module printed, or say that it printed nothing of use."""
    output = _text(entry.path("stdout"), LARGEST_RESULT)
    errors = _text(entry.path("stderr"), LARGEST_STREAM)
    try:
        result, junk = parse_output(output)
    except ValueError as error:
        return {
            "failed": True,
            "cmd": name,
            "data": output[:LARGEST_STREAM],
            "stderr": errors,
            "msg": "The module %s left no result (%s): %s" % (name, _how(ending), error),
            **({"outlast_cause": "signalled"} if ending.cause == "signalled" else {}),
        }
    if junk:
        warnings = result.get("warnings", [])
        result["warnings"] = [*(warnings if isinstance(warnings, list) else [warnings]), junk]
    if errors:
        result["stderr"] = errors
    return result


def parse_output(output: str) -> tuple[dict[str, object], str]:
    """Give the JSON object in a module's output, and stock's warning about what follows it.

    Raises `ValueError` with stock's words when there is none.
    """
    lines = output.splitlines()
    starts = (n for n, line in enumerate(lines) if line.strip().startswith("{"))
    start = next(starts, None)
    if start is None:
        raise ValueError("No start of json char found")
    stops = (n for n in range(len(lines) - 1, start - 1, -1) if lines[n].strip().endswith("}"))
    stop = next(stops, None)
    if stop is None:
        raise ValueError("No end of json char found")
    result = json.loads("\n".join(lines[start : stop + 1]))
    if not isinstance(result, dict):
        raise ValueError("It is not a JSON object")  # noqa: TRY004  # what was printed is wrong, not our types
    junk = "\n".join(lines[stop + 1 :])
    return result, "Module invocation had junk after the JSON data: %s" % junk if junk else ""


def _text(path: str, most: int) -> str:
    return _stream(path, most).decode("utf-8", "surrogateescape")


def _stream(path: str, most: int) -> bytes:
    """Give a stream's bytes, the end replaced by a mark when there are more than *most*."""
    try:
        with open(path, "rb") as file:
            content = file.read(most)
            left = os.fstat(file.fileno()).st_size - len(content)
    except OSError:
        return b""
    cut = b"\n[outlast left out %d more bytes of output]\n" % left if left > 0 else b""
    return content + cut
