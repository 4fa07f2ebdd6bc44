"""What a job leaves behind: its result, in the words of the module that ran, and its end.

Knows how stock makes a result of what a module printed, why the job ended in the end, and what
is kept when the disk has no room. Loaded by a supervisor when its job is over, so that it
costs nothing before. Leaves the result of a command to `commands`, which answers for
waited-for ones as well.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
from collections.abc import Iterator

from outlast_agent import spool
from outlast_agent.commands import Command
from outlast_agent.supervision import finish as job_finish
from outlast_agent.supervision import restart
from outlast_agent.supervision.order import Ending, Order
from outlast_agent.supervision.printed import Printed, Stream, output_so_far, pieces

LARGEST_RESULT = 64 * 1024 * 1024
"""Bytes a module may print: its JSON, cut, would be worth nothing."""
LARGEST_READ = 1024 * 1024
"""Bytes of a module's JSON that are understood here; more would take thirty times the memory."""


def record(order: Order, entry: spool.Entry, ending: Ending) -> None:
    """Write the job's result and its end, so that each is there whole or not at all."""
    result = result_of(order, entry, ending)
    ending.cause = _cause(ending, result)
    if ending.cause == "out_of_memory":
        ours = result.before if isinstance(result, Printed) else result
        ours["outlast_cause"] = ending.cause
    if order.reboots and order.argv and ending.cause == "exited":
        _keep_for_later(entry, ending, result)
        return
    _remove_folders(entry)
    try:
        spool.put_pieces(entry.results_file, _document(result))
    except OSError as error:
        _record_in_no_room(entry, ending, error)
    if os.path.isdir(entry.private):  # somebody may have cleaned up while it ran
        spool.put(entry.path("end.json"), json.dumps(_end(ending)))
        spool.sync_folder(entry.private)
    spool.sync_folder(entry.folder)


def _document(result: dict[str, object] | Printed) -> Iterator[bytes]:
    if isinstance(result, Printed):
        return result.pieces()
    streams = [value for value in result.values() if isinstance(value, Stream)]
    left_out = sum(stream.left_out for stream in streams)
    return pieces({**result, "outlast_left_out": left_out} if left_out else result)


def _keep_for_later(
    entry: spool.Entry, ending: Ending, result: dict[str, object] | Printed
) -> None:
    """Keep what a program came to whose job is over only when its host is up again."""
    head = '{"rc": %d, "ended": %r, "result": ' % (ending.rc, ending.ended)
    kept = itertools.chain((head.encode(),), _document(result), (b"}",))
    spool.put_pieces(entry.path(restart.PROGRAM), kept)
    spool.sync_folder(entry.private)


def _remove_folders(entry: spool.Entry) -> None:
    """Remove what a module was given as files: only records are kept."""
    for name in os.listdir(entry.private) if os.path.isdir(entry.private) else ():
        if os.path.isdir(entry.path(name)):
            import shutil  # seldom needed, and slow to import while somebody waits for the end

            shutil.rmtree(entry.path(name), ignore_errors=True)


def _record_in_no_room(entry: spool.Entry, ending: Ending, error: OSError) -> None:
    """Keep at least how it ended: the room that its output took is enough for that."""
    for name in ("stdout", "stderr", "turns", "answer", "complaints"):
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
        "memory_kills": ending.memory_kills,
        "output_lost": ending.output_lost,
    }


def _how(ending: Ending) -> str:
    if ending.error:
        return "it could not be started: %s" % os.strerror(ending.error)
    return "killed by signal %d" % -ending.rc if ending.rc < 0 else "exit code %d" % ending.rc


def _cause(ending: Ending, result: dict[str, object] | Printed) -> str:
    """Give why it ended, now that its result is known, too."""
    if isinstance(result, Printed):
        failed: object = ending.rc != 0  # as modules end; what they say was not read
    else:
        failed = result.get("failed", result.get("rc") not in (None, 0, "0"))
    cause = "failed" if failed and ending.cause == "exited" else ending.cause
    if cause in ("failed", "signalled") and not ending.error:
        from outlast_agent.supervision import out_of_memory

        return "out_of_memory" if out_of_memory.was_reason(ending) else cause
    return cause


def result_of(order: Order, entry: spool.Entry, ending: Ending) -> dict[str, object] | Printed:
    """Give the JSON that stock would have left, or our own word on an end that stock has not."""
    plan = order.finish if isinstance(order.finish, dict) else {}
    if ending.cause == "limit":  # to the letter what stock's watcher writes, and what was said
        said: dict[str, object] = {
            "msg": "Timeout exceeded",
            "failed": True,
            "child_pid": ending.pid,
        }
        return {**said, **output_so_far(entry)}
    if ending.cause == "cancelled":
        return _ended_by_us("The job was cancelled.", entry, ending)
    if ending.cause == "idle":
        return _ended_by_us("No output for %g s" % order.idle_limit, entry, ending)
    if ending.trouble:
        why = "The job could not be run or watched over to its end: %s" % ending.trouble
        return {"msg": why, "failed": True, **output_so_far(entry)}
    if "result" in plan:
        return json.loads(plan["result"])  # type: ignore[no-any-return]  # written by job_orders
    result: dict[str, object] | Printed
    if "command" in plan:
        result = command_result(str(plan["command"]), entry, ending)
    else:
        result = module_result(str(plan["module"]), entry, ending)
    return job_finish.finished(result, str(plan.get("rules", "")))


def _ended_by_us(msg: str, entry: spool.Entry, ending: Ending) -> dict[str, object] | Printed:
    return {
        "msg": msg,
        "failed": True,
        "child_pid": ending.pid,
        "outlast_cause": ending.cause,
        **output_so_far(entry),
    }


def command_result(fields: str, entry: spool.Entry, ending: Ending) -> dict[str, object]:
    """Give what the module `command` says about a program that has ended."""
    given = json.loads(fields)
    command = Command(given, {})
    if ending.error:
        return command.not_started(ending.error)
    result = command.ended(
        ending.rc,
        b"",
        b"",
        started=dt.datetime.fromtimestamp(ending.began),  # the host's time
        ended=dt.datetime.fromtimestamp(ending.ended),
    )
    for name in ("stdout", "stderr"):
        result[name] = Stream(entry.path(name), strip=command.strips)
    return result


def module_result(name: str, entry: spool.Entry, ending: Ending) -> dict[str, object] | Printed:
    """Give what a module printed, or say that it printed nothing of use."""
    apart = os.path.exists(entry.path("answer"))  # from what its programs print
    output = entry.path("answer" if apart else "stdout")
    errors = Stream(entry.path("complaints" if apart else "stderr"))
    try:
        result = _printed(output)
    except ValueError as error:
        return {
            "failed": True,
            "cmd": name,
            "data": Stream(output),
            "stderr": errors,
            "msg": "The module %s left no result (%s): %s" % (name, _how(ending), error),
            **({"outlast_cause": "signalled"} if ending.cause == "signalled" else {}),
        }
    if errors:
        (result.after if isinstance(result, Printed) else result)["stderr"] = errors
    return result


def _printed(path: str) -> dict[str, object] | Printed:
    """Give the result in a module's output, with stock's warning about what follows it."""
    size = os.path.getsize(path) if os.path.exists(path) else 0
    if size > LARGEST_RESULT:
        raise ValueError("it printed %d bytes, and %d are the most" % (size, LARGEST_RESULT))
    if size > LARGEST_READ:
        result = Printed(path)
        if result.junk:
            result.before["warnings"] = [_JUNK % result.junk]
        return result
    read, junk = parse_output("".join(Stream(path).texts()))
    if junk:
        warnings = read.get("warnings", [])
        read["warnings"] = [*(warnings if isinstance(warnings, list) else [warnings]), junk]
    return read


_JUNK = "Module invocation had junk after the JSON data: %s"


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
    return result, _JUNK % junk if junk else ""
