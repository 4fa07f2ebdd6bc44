"""`-e`: variables from the command line.

Knows the three ways to write them and which text is refused. How `key=value` text is cut
into words is asked of whoever is given: playbooks write arguments the same way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from outlast.errors import PlaybookError, SourceMissing, UsageError
from outlast.joining import Join, replaced
from outlast.loader import load_file, load_text
from outlast.names import named
from outlast.outcome import Notice
from outlast.values import Origin, Template, Value, looks_like_template
from outlast.vault import LOCKED, Vault

_PLACE = "<CLI option '-e'>"


class KeyValues(Protocol):
    """Cuts text into arguments, as a playbook's one-line arguments are cut."""

    def __call__(self, text: str, *, command: bool) -> Mapping[str, str]:
        """Give the words of `a=1 b="x y"`; *command* is false here: every word may be one.

        Raises `ValueError` with stock's message.
        """
        ...


def parse_extra_vars(
    texts: Sequence[str],
    *,
    key_values: KeyValues,
    notify: Callable[[Notice], None],
    vault: Vault = LOCKED,
    join: Join = replaced,
) -> dict[str, Value]:
    """Give the variables of every `-e`, the later winning.

    `@file` and text that begins with a brace are YAML or JSON and keep their types; of
    `key=value` every value is text. Raises `UsageError`, `SourceMissing`, `PlaybookError` or
    `VaultError`.
    """
    found: dict[str, Value] = {}
    for text in filter(None, texts):
        found = join(found, _one(text, key_values, notify, vault))
    return found


def _one(
    text: str, key_values: KeyValues, notify: Callable[[Notice], None], vault: Vault
) -> dict[str, Value]:
    if text.startswith(("/", ".")):
        raise UsageError(f"Please prepend extra_vars filename '{text}' with '@'")
    if text.startswith("@"):
        path = _existing(text[1:])
        text = f"@{path}"
        content = load_file(path, notify, vault)
    elif text.startswith(("[", "{")):
        content = load_text(text, _PLACE, notify)
    else:
        return _words(text, key_values)
    if not isinstance(content, dict):
        raise UsageError(
            f"Invalid extra vars data supplied. '{text}' could not be made into a dictionary"
        )
    return content


def _existing(text: str) -> str:
    path = os.path.abspath(os.path.expandvars(Path(text).expanduser()))  # noqa: PTH100  # `..` goes, links stay, as stock names it
    if not Path(path).exists():
        raise SourceMissing(
            f"Unable to retrieve file contents.\nCould not find or access '{path}' on the"
            " Ansible Controller.\nIf you are using a module and expect the file to exist on the"
            f" remote, see the remote_src option: [Errno 2] No such file or directory: '{path}'"
        )
    return path


def _words(text: str, key_values: KeyValues) -> dict[str, Value]:
    try:
        words = key_values(text, command=False)
    except ValueError as error:
        raise PlaybookError(str(error)) from error
    origin = Origin(_PLACE)
    return {
        named(key, Origin(_PLACE, shown=key)): Template(value, origin)
        if looks_like_template(value)
        else value
        for key, value in words.items()
    }
