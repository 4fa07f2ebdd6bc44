"""What a template names and a file has: text that may serve as a condition.

Knows which templates do nothing but name something. What a host, a fact, a loop or a template
gave is data, and evaluating it as an expression would run what somebody else said.
"""

from __future__ import annotations

import re

from outlast.values import Scope, Template, Vaulted

_STEP = r"""\.[A-Za-z_]\w*|\[\s*'[^'\\]*'\s*\]|\[\s*"[^"\\]*"\s*\]"""
_PATH = re.compile(rf"\{{\{{-?\s*([A-Za-z_]\w*)((?:{_STEP})*)\s*-?\}}\}}")
_DEEPEST = 20


def written(source: Template, scope: Scope, depth: int = 0) -> object:
    """Give unevaluated what *source* names, if it was written in a trusted file; else None."""
    match = _PATH.fullmatch(source.text.strip())
    if match is None or isinstance(source, Vaulted) or depth > _DEEPEST:
        return None
    name, steps = match.groups()
    if name not in scope or not scope.from_file(name):
        return None
    value: object = scope[name]
    for step in re.findall(_STEP, steps):
        value = _further(value, scope, depth)
        key = step.lstrip(".").strip("[]").strip().strip("'\"")
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return _further(value, scope, depth)


def _further(value: object, scope: Scope, depth: int) -> object:
    """Give *value*, or what it names in its turn."""
    return written(value, scope, depth + 1) if isinstance(value, Template) else value
