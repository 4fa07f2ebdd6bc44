"""The simplest templates, evaluated without being compiled.

Knows that most templates are a name with attributes, perhaps between text (`{{ item.path }}`,
`{{ base }}/bin`), and most conditions a name or a test of one (`r is failed`): reading those
takes microseconds, while Jinja2 compiles for a millisecond. Whatever is less simple is
refused, and compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from jinja2.utils import missing

from outlast.templating.environment import Environment
from outlast.templating.markers import Marker
from outlast.templating.running import Running
from outlast.values import Scope

Code: TypeAlias = Callable[[Running], Any]
Path: TypeAlias = tuple[str, ...]

_PATH = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_NODE = re.compile(r"\{\{\s*(" + _PATH + r")\s*\}\}", re.ASCII)
_TESTED = re.compile(r"(not\s+)?(" + _PATH + r")(?:\s+is\s+(not\s+)?([a-z]+))?", re.ASCII)
_WORDS = frozenset(
    {
        "true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if",
        "else", "self", "loop", "caller", "super",
    }
)  # fmt: skip  # words with a meaning in Jinja2
_TESTS = frozenset(
    {
        "defined", "undefined", "failed", "failure", "succeeded", "success", "changed", "change",
        "skipped", "skip", "finished", "started", "reachable", "unreachable", "none", "string",
        "mapping", "sequence", "number",
    }
)  # fmt: skip  # tests that take nothing but their subject


def simple_template(text: str, environment: Environment) -> Code | None:
    """Give code for text with nothing but names in its braces; None: it needs Jinja2."""
    pieces = _NODE.split(text)
    literals, paths = pieces[::2], [tuple(path.split(".")) for path in pieces[1::2]]
    if text.endswith("\n") or "\r" in text or any(path[0] in _WORDS for path in paths):
        return None
    if any(mark in literal for literal in literals for mark in ("{{", "{%", "{#", "}}")):
        return None
    if any(literal.endswith("{") for literal in literals[:-1]):
        return None  # `{{{ a }}` is a dict, and wrong
    nodes: list[str | Path] = []
    for literal, path in zip(literals, [*paths, None], strict=True):
        nodes += [literal] if literal else []
        nodes += [path] if path else []

    def run(running: Running) -> Any:
        values = (
            node if isinstance(node, str) else _value(environment, node, running.scope)
            for node in nodes
        )
        return environment.concat(values)

    return run


def simple_expression(text: str, environment: Environment) -> Code | None:
    """Give code for a name, or for one test of a name; None: it needs Jinja2."""
    read = _TESTED.fullmatch(text.strip())
    if read is None:
        return None
    negated, path, but_not, test = read[1], tuple(read[2].split(".")), read[3], read[4]
    if path[0] in _WORDS or (test is not None and test not in _TESTS):
        return None

    def run(running: Running) -> Any:
        return environment.concat(_asked(running))

    def _asked(running: Running) -> Any:
        value = _value(environment, path, running.scope)
        if test is not None:
            check: Any = environment.tests[test]
            value = check(value)
        # A marker trips when it is negated, as it does in compiled code.
        for negation in (but_not, negated):
            value = (not value) if negation else value
        yield value

    return run


def _value(environment: Environment, path: Path, scope: Scope) -> Any:
    name, *attributes = path
    value = environment.variables.resolve(name, scope)
    if value is missing:
        value = environment.undefined(name=name)
    for attribute in attributes:
        if isinstance(value, Marker):
            return value
        value = environment.getattr(value, attribute)
    return value
