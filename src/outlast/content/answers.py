"""What a module's answer means: its JSON found, cleaned as stock cleans it, and judged.

Knows stock's rules about stray output, internal keys, `failed` and `rc`, and the typed
warnings and errors of 2.19. Leaves conditions (failed_when and its like) to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from outlast.content.remarks import Remarks, brief
from outlast.errors import Cause
from outlast.outcome import Failed, Notice, Ok, Outcome, Skipped, Unreachable
from outlast.work import Reply

_UNREADABLE: Final = "Module result deserialization failed"
_SEE: Final = "See stdout/stderr for the returned output."
_NOT_TEXT: Final = "Refusing to deserialize an invalid UTF8 string value"
_UNKNOWN: Final = "Unknown error."
_INTERNAL: Final = frozenset({"add_host", "add_group"})
_ENVELOPE: Final = ("failed", "changed", "skipped", "unreachable", "warnings", "deprecations")
_TRACEBACK: Final = "(traceback unavailable)"


class _Unreadable(ValueError):
    """The output holds no JSON object."""


def judge(reply: Reply, *, interpreter: str = "") -> Outcome:
    """Give the outcome a module's (or command's) reply stands for.

    The module's own account of its arguments (`invocation`) stays: loops register it.
    *interpreter* is what was to start it, if that was the task's choice.
    """
    try:
        data, junk = _object_in(reply.stdout)
    except ValueError as error:
        cause = _why_unreadable(reply, error, interpreter)
        payload = {
            "module_stdout": reply.stdout,
            "module_stderr": reply.stderr,
            "rc": reply.rc if reply.rc >= 0 else 128 - reply.rc,  # as a shell counts signals
            "msg": cause.message,
        }
        return Failed(payload, (Cause("Action failed."), cause))
    return judge_payload(data, junk)


def _why_unreadable(reply: Reply, error: ValueError, interpreter: str) -> Cause:
    if interpreter and f"{interpreter}: not found" in reply.stderr:
        return Cause(
            f"The module interpreter {interpreter!r} was not found.",
            help_text=f"Consider overriding the configured interpreter path for this host. {_SEE}",
        )
    return Cause(f"{_UNREADABLE}: {error}", help_text=_SEE)


def judge_payload(data: Mapping[str, object], said: Sequence[str] = ()) -> Outcome:
    """Give the outcome of a module's result; *said* are warnings made before it was read."""
    remarks = Remarks()
    for text in said:
        remarks.say(text)
    try:
        payload = _cleaned(data, remarks)
    except UnicodeEncodeError as error:
        return Failed({}, (Cause(f"{_NOT_TEXT}: {error}", apart=True),))
    event = _event(payload.pop("exception", None), payload)
    try:
        _split_into_lines(payload)
    except AttributeError as error:
        return Failed({}, (Cause(str(error)),))
    remarks.take(data)
    told = {key: value for key, value in payload.items() if key not in _ENVELOPE}
    told |= remarks.registered()
    return _verdict(data, told, event, remarks.notices())


def _verdict(
    data: Mapping[str, object], told: dict[str, object], event: str, notices: tuple[Notice, ...]
) -> Outcome:
    changed = bool(data.get("changed"))
    if data.get("failed") or ("failed" not in data and _bad_rc(data)):
        kind = "Module" if data.get("failed") or "exception" in data else "Action"
        if data.get("skipped"):
            told["skipped"] = True
        return Failed(told, (Cause(f"{kind} failed."), Cause(event)), changed, notices)
    if data.get("exception"):
        told["exception"] = _TRACEBACK
    if data.get("unreachable"):
        return Unreachable({**told, "failed": False}, (), changed, notices)
    if data.get("skipped"):
        # Skipped by the module itself: unlike a `when`, it leaves `failed` in the result.
        return Skipped({**told, "failed": False}, changed, notices)
    return Ok(told, changed, notices)


def _object_in(stdout: str) -> tuple[dict[str, Any], list[str]]:
    """Find the JSON object among the lines; what follows it is worth a warning."""
    lines = stdout.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip().startswith("{")), None)
    if start is None:
        raise _Unreadable("No start of json char found")
    end = next(
        (n for n in range(len(lines), start, -1) if lines[n - 1].strip().endswith("}")), None
    )
    if end is None:
        raise _Unreadable("No end of json char found")
    junk = lines[end:]
    data = json.loads("\n".join(lines[start:end]))
    said = []
    if any(line.strip() for line in junk):
        text = "\n".join(junk)
        said.append(f"Module invocation had junk after the JSON data: {text}")
    return data, said


def _cleaned(data: Mapping[str, object], remarks: Remarks) -> dict[str, object]:
    """Give the result without what is ours to say, and say what was odd about it."""
    payload = dict(data)
    results = payload.get("results")
    if "results" in payload and not isinstance(results, list | tuple):
        # A list there is taken for a loop's items, so anything else must not look like it.
        payload["ansible_module_results"] = payload.pop("results")
        remarks.say(
            "Found internal 'results' key in module return, renamed to 'ansible_module_results'."
        )
    for key in list(payload):
        if key.startswith("_ansible_") or key in _INTERNAL:
            value = payload.pop(key)
            if key != "_ansible_parsed":
                remarks.say(f"Removed unexpected internal key in module return: {key} = {value}")
    facts = payload.get("ansible_facts")
    if isinstance(facts, dict):
        # Interpreters are discovered by us alone: a module's word on it is not taken.
        hidden = ("discovered_interpreter_", "ansible_discovered_interpreter_")
        kept = {key: value for key, value in facts.items() if not key.startswith(hidden)}
        payload["ansible_facts"] = kept
    return {key: _stripped(value) for key, value in payload.items()}


def _stripped(value: object) -> object:
    """Give *value* without the internal keys that may stand deep inside it.

    Raises `UnicodeEncodeError` for text that is none, as stock refuses it.
    """
    if isinstance(value, dict):
        return {
            key: _stripped(member)
            for key, member in value.items()
            if not (isinstance(key, str) and key.startswith("_ansible_"))
        }
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # raises for what is no text: bytes that came through in disguise
        return value
    return [_stripped(member) for member in value] if isinstance(value, list) else value


def _bad_rc(data: Mapping[str, object]) -> bool:
    return "rc" in data and data["rc"] not in (0, "0")


def _event(exception: object, payload: Mapping[str, object]) -> str:
    """Give the sentence for a failure: from the module's exception, else from its `msg`."""
    if isinstance(exception, Mapping) and isinstance(exception.get("event"), Mapping):
        return brief(exception["event"])
    return str(payload.get("msg", _UNKNOWN))


def _split_into_lines(payload: dict[str, object]) -> None:
    for stream in ("stdout", "stderr"):
        if stream in payload and f"{stream}_lines" not in payload:
            text: Any = payload[stream] or ""
            payload[f"{stream}_lines"] = text.splitlines()
