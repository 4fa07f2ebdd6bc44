"""What went wrong, with the lines it is written in.

Knows how stock lays out a chain of causes and quotes source. Leaves what the causes are to
whoever failed, and streams and colours to `screen`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

from outlast.errors import Cause, joined
from outlast.outcome import Deprecated, Warned
from outlast.values import Origin

_LINES_BEFORE: Final = 2
_WIDEST: Final = 120
_CUT: Final = "..."
_CAUSED_BY: Final = "\n<<< caused by >>>\n\n"


def explanation(why: Sequence[Cause], help_text: str = "") -> str:
    """Give the text after `[ERROR]: `: one sentence, then each cause with its place.

    Causes that add no place of their own are said together with the one they explain.
    Multi-line texts end with an empty line.
    """
    groups = list(_grouped(why))
    segments = []
    for number, group in enumerate(groups):
        message = joined([cause.message for cause in group])
        own = next((cause.help_text for cause in group if cause.help_text), "")
        advice = own or ("" if number else help_text)
        parts = [part for cause in group for part in cause.parts]
        segments.append(_segment(message, _place(group), advice) + _side_by_side(parts))
    if len(segments) > 1:
        segments[0] = f"{joined([cause.message for cause in why])}\n\n{segments[0]}"
    return _closed(_CAUSED_BY.join(segments))


def warning(notice: Warned) -> str:
    """Give the text after `[WARNING]: `."""
    if notice.why:
        return explanation((Cause(notice.text, notice.origin), *notice.why), notice.help_text)
    return _closed(_segment(notice.text, notice.origin, notice.help_text))


def deprecation(notice: Deprecated) -> str:
    """Give the text after `[DEPRECATION WARNING]: `."""
    text = " ".join(filter(None, map(_sentence, (notice.text, notice.removed_in))))
    return _closed(_segment(text, notice.origin, notice.help_text))


def excerpt(origin: Origin) -> list[str]:
    """Give the lines that lead to *origin*, numbered, and a mark below its column."""
    if origin.line < 1 or origin.path.startswith("<"):  # the command line is no file
        return [origin.shown] if origin.shown else []
    start = max(0, origin.line - 1 - _LINES_BEFORE)
    try:
        with Path(origin.path).open(encoding="utf-8") as source:
            first = source.readline()
            until = islice(chain((first,), source), start, origin.line)
            lines = [line.rstrip("\n") for line in until]
    except (OSError, UnicodeDecodeError) as error:
        return [f"(source not shown: {type(error).__name__})"]
    if re.match(r"\$ANSIBLE_VAULT", first):
        return ["(source not shown: content encrypted)"]
    if len(lines) != origin.line - start:
        return ["(source not shown: file truncated)"]
    return _quoted(lines, start + 1, origin)


def _quoted(lines: list[str], number: int, origin: Origin) -> list[str]:
    label = len(str(origin.line))
    room = usable = _WIDEST - label - 1
    quoted = []
    for offset, source_line in enumerate(lines):
        line = source_line.replace("\t", " ")
        if len(line) > room:
            usable = room - len(_CUT)
            line = line[:usable] + _CUT
        quoted.append(f"{number + offset:>{label}}{' ' if line else ''}{line}")
    blank = " " * (label + 1)
    if not origin.column:
        quoted.append(blank + "^" * (len(quoted[-1]) - label - 1))
    elif origin.column <= usable:
        quoted.append(blank + _mark(origin.column, room))
    return quoted


def _mark(column: int, room: int) -> str:
    text, before = f"column {column}", column - 1
    if before + 2 + len(text) > room:
        return f"{' ' * (before - len(text) - 1)}{text} ^"
    return f"{' ' * before}^ {text}"


def _grouped(why: Sequence[Cause]) -> Iterator[list[Cause]]:
    group: list[Cause] = []
    for cause in why:
        elsewhere = cause.origin is not None and cause.origin != _place(group)
        if group and (elsewhere or cause.apart or cause.help_text):
            yield group
            group = []
        group.append(cause)
    if group:
        yield group


def _place(group: list[Cause]) -> Origin | None:
    return group[0].origin if group else None


def _segment(message: str, origin: Origin | None, help_text: str) -> str:
    if help_text and origin is None and "\n" not in message and "\n" not in help_text:
        return f"{message} {help_text}\n"
    lines = [message]
    if origin is not None:
        lines.append(f"Origin: {origin}")
        if quoted := excerpt(origin):
            lines += ["", *quoted]
    if help_text:
        lines += ["", help_text]
    return "\n".join(lines) + "\n"


def _side_by_side(parts: Sequence[str]) -> str:
    if not parts:
        return ""
    lines = [""]
    for number, part in enumerate(parts, 1):
        told = part.strip().splitlines()
        lines.append(f"+--[ Sub-Event {number} of {len(parts)} ]---")
        lines += ["| ", *(f"| {line}" for line in told), "| "]
    return "\n".join([*lines, "+--[ End Sub-Event ]---"]) + "\n"


def _closed(text: str) -> str:
    text = text.strip()
    return f"{text}\n\n" if "\n" in text else f"{text}\n"


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text}." if text and text[-1] not in "!?." else text
