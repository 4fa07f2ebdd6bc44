"""The `#jinja2:` line with which a template file sets its own delimiters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from outlast.errors import EvaluationError
from outlast.templating.explaining import because
from outlast.values import Origin

HEADER = "#jinja2:"
_KNOWN = frozenset(
    [
        "block_start_string",
        "block_end_string",
        "variable_start_string",
        "variable_end_string",
        "comment_start_string",
        "comment_end_string",
        "line_statement_prefix",
        "line_comment_prefix",
        "trim_blocks",
        "lstrip_blocks",
        "newline_sequence",
        "keep_trailing_newline",
    ]
)


def with_header(
    text: str, options: Mapping[str, Any], origin: Origin | None
) -> tuple[str, dict[str, Any]]:
    """Give *text* without its header, and *options* with the header's on top."""
    settings = dict(options)
    if not text.startswith(HEADER):
        return text, settings
    try:
        line, mark, body = text.removeprefix(HEADER).partition("\n")
        if not mark:
            raise ValueError(f"Missing newline after {HEADER!r} override.")  # noqa: TRY301
        settings.update(_pair(pair) for pair in line.split(","))
    except (ValueError, SyntaxError) as error:
        raise because("Syntax error in template.", origin, error, EvaluationError) from error
    return body, settings


def _pair(pair: str) -> tuple[str, Any]:
    if not pair.strip():
        raise ValueError(f"Empty {HEADER!r} override pair not allowed.")
    key, mark, value = pair.partition(":")
    if not mark:
        raise ValueError(f"Missing key-value separator `:` in {HEADER!r} override pair {pair!r}.")
    key = key.strip()
    if key not in _KNOWN:
        raise ValueError(f"Invalid {HEADER!r} override key {key!r}.")
    return key, ast.literal_eval(value.strip())
