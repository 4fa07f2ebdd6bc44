"""What is wrong with a YAML text, in words a person can act on.

Knows how stock reads the faulty line: it looks for tabs, unquoted templates, colons and
quotes there before it falls back on the YAML library's own words. Leaves reading YAML to
`loader`.
"""

from __future__ import annotations

import re

import yaml

from outlast.errors import PlaybookError
from outlast.values import Origin

_START = r"^\s*(?:-\s+)*"
_UNQUOTED_TEMPLATE = re.compile(_START + r"(?:[\w\s]+:\s+)?(?P<value>\{\{.*}})")
_VALUE = re.compile(_START + r"(?:[\w\s\[\]{}]+:\s+)?(?P<value>.*)$")
_QUOTED_VALUE = re.compile(_START + r"(?:[\w\s]+:\s+)?(?P<value>[\"'].*?\s*)$")
_WHOLLY_QUOTED = re.compile(r"""^\s*('[^']*'|"[^"]*")\s*$""")

TOO_DEEP = "This YAML is too deeply nested or too large."
"""What is said of every such text, whichever library counted first."""
_LIBRARY_TOO_DEEP = "exceeded maximum nesting depth"  # libyaml 0.2.6 and later count, to 1,000


def explained(
    error: yaml.YAMLError, path: str, text: str, *, look_closer: bool = True
) -> PlaybookError:
    """Say what *error* found in *text*, at the place where a person should look.

    *look_closer*: whether the error may be a consequence of something odd in its line.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return PlaybookError(_failed(_one_line(str(error))), Origin(path))
    line, column = error.problem_mark.line, error.problem_mark.column
    if error.problem == _LIBRARY_TOO_DEEP:
        return PlaybookError(TOO_DEEP, Origin(path, line + 1))
    if look_closer:
        lines = text.splitlines()
        target = lines[line] if line < len(lines) else ""
        hint = _tab(target) or _template(target) or _colon(target) or _quotes(target)
        if hint:
            at, message, help_text = hint
            return PlaybookError(
                _failed(message), Origin(path, line + 1, at + 1), help_text=help_text
            )
    said = _one_line(" ".join(part for part in (error.context, error.problem) if part))
    said = f"{said[:1].upper()}{said[1:]}"
    return PlaybookError(
        _failed(said if said.endswith(".") else said + "."), Origin(path, line + 1, column + 1)
    )


def _failed(message: str) -> str:
    return f"YAML parsing failed: {message}"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


_Hint = tuple[int, str, str]
"""Column from 0, message, help."""


def _tab(line: str) -> _Hint | None:
    at = line.find("\t")
    return None if at < 0 else (at, "Tabs are usually invalid in YAML.", "")


def _template(line: str) -> _Hint | None:
    match = _UNQUOTED_TEMPLATE.search(line)
    if not match:
        return None
    message = "This may be an issue with missing quotes around a template block."
    return match.start("value"), message, _example("{{ some_var }}", '"{{ some_var }}"')


def _colon(line: str) -> _Hint | None:
    if line.lstrip().startswith(":"):
        return None
    match = _VALUE.search(line)
    if not match:
        return None
    value = _WHOLLY_QUOTED.sub(lambda quoted: "." * len(quoted.group(0)), match.group("value"))
    colon = re.search(r":($| )", value)
    if not colon:
        return None
    message = "Colons in unquoted values must be followed by a non-space character."
    example = _example("echo 'name: ansible'", "\"echo 'name: ansible'\"")
    return match.start("value") + colon.start(), message, example


def _quotes(line: str) -> _Hint | None:
    match = _QUOTED_VALUE.search(line)
    if not match:
        return None
    value, at = match.group("value"), match.start("value")
    message = "Values starting with a quote must end with the same quote"
    if value[0] != value[-1]:
        return at, f"{message}.", _example('"foo" in bar', "'\"foo\" in bar'")
    if line.count(value[0]) > 2:  # noqa: PLR2004  # an opening and a closing one are right
        message += ", and not contain that quote."
        return at, message, _example('"foo" in "bar"', '\'"foo" in "bar"\'')
    return None


def _example(wrong: str, right: str) -> str:
    return f"\nFor example:\n\n    raw: {wrong}\n\nShould be:\n\n    raw: {right}\n"
