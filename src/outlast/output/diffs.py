"""Differences as text: what `--diff` shows before a changed line.

Knows the shapes modules give differences in and stock's way to print each. Leaves whether
differences were asked for to the engine, and colours to whoever passes a painter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from outlast.output.results import plain, yaml_text
from outlast.output.screen import DIFF_ADDED, DIFF_LINES, DIFF_REMOVED
from outlast.values import is_list

Paint: TypeAlias = Callable[[str, str | None], str]

_COLOURS: Final = {"+": DIFF_ADDED, "-": DIFF_REMOVED}
_SKIPPED: Final = {
    "dst_binary": "diff skipped: destination file appears to be binary\n",
    "src_binary": "diff skipped: source file appears to be binary\n",
    "dst_larger": "diff skipped: destination file size is greater than %d\n",
    "src_larger": "diff skipped: source file size is greater than %d\n",
}


def difference(diff: object, *, paint: Paint, form: str = "json", context: int = 3) -> str:
    """Give the text for a result's `diff`; empty when there is nothing to show."""
    parts: Sequence[object] = diff if is_list(diff) else [diff]
    return "".join(
        line
        for part in parts
        if isinstance(part, Mapping)
        for line in _part(part, paint, form, context)
    )


def _part(diff: Mapping[str, Any], paint: Paint, form: str, context: int) -> Iterator[str]:
    for key, text in _SKIPPED.items():
        if key in diff:
            yield text % diff[key] if "%" in text else text
    if "before" in diff and "after" in diff:
        yield from _unified(diff, paint, form, context)
    if "prepared" in diff:
        yield str(diff["prepared"])


def _unified(diff: Mapping[str, Any], paint: Paint, form: str, context: int) -> Iterator[str]:
    import difflib  # noqa: PLC0415  # only who asks for differences pays for it

    lines = difflib.unified_diff(
        _lines(diff["before"], form),
        _lines(diff["after"], form),
        fromfile=_heading("before", diff),
        tofile=_heading("after", diff),
        n=context,
    )
    something = False
    for line in lines:
        something = True
        colour = DIFF_LINES if line.startswith("@@") else _COLOURS.get(line[:1])
        yield paint(line, colour)
    if something:
        yield "\n"


def _heading(side: str, diff: Mapping[str, Any]) -> str:
    header = f"{side}_header"
    return f"{side}: {diff[header]}" if header in diff else side


def _lines(text: object, form: str) -> list[str]:
    if isinstance(text, Mapping):
        text = _structure(text, form)
    lines = ("" if text is None else str(text)).splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def _structure(value: Mapping[str, object], form: str) -> str:
    if form == "yaml":
        return yaml_text(plain(value)) + "\n"
    return json.dumps(plain(value), sort_keys=True, indent=4) + "\n"
