"""What kind of module a file is: Python that imports ansible's, or a program of its own.

Knows stock's marks, in stock's order, and what a program's first line says of who runs it.
Leaves what a module imports to `closure`, and packing it to `parcels`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from outlast.errors import NotSupportedYet, PlaybookError
from outlast.values import Origin
from outlast.work import Program, ProgramKind

_TEXT: Final = frozenset({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x100)} - {0x7F})
_LOOKED_AT: Final = 1024
"""Bytes in which one that is no text makes a binary of it."""
_LEGACY_IMPORT: Final = b"#<<INCLUDE_ANSIBLE_MODULE_COMMON>>"
_IMPORTS_US: Final = re.compile(
    rb"from +\.{2,} *module_utils.* +import |"
    rb"from +ansible_collections\.[^.]+\.[^.]+\.plugins\.module_utils.* +import |"
    rb"import +ansible_collections\.[^.]+\.[^.]+\.plugins\.module_utils.*|"
    rb"from +ansible\.module_utils.* +import |"
    rb"import +ansible\.module_utils\."
)
_POWERSHELL: Final = re.compile(
    rb"# POWERSHELL_COMMON|#Requires -Module|#Requires -Version|"
    rb"#AnsibleRequires -(OSVersion|PowerShell|CSharpUtil|Wrapper)",
    re.IGNORECASE,
)


def python_source(data: bytes) -> bytes | None:
    """Give the text of a module that imports ansible's module_utils; None: it is a program."""
    if _is_binary(data):
        return None
    if _LEGACY_IMPORT in data:
        return data.replace(_LEGACY_IMPORT, b"from ansible.module_utils.basic import *")
    return data if _IMPORTS_US.search(data) else None


def program(path: Path, data: bytes) -> Program:
    """Say how a module that is a program wants to be run.

    Raises `NotSupportedYet`, and `PlaybookError` for a first line that is no words.
    """
    kind = _kind(path, data)
    try:
        words = () if kind == "binary" else _first_line(data)
    except ValueError as error:
        raise PlaybookError(
            f"What starts this module cannot be told: {error}.", Origin(str(path), 1)
        ) from error
    return Program(kind=kind, file=path.name, interpreter=words)


def _kind(path: Path, data: bytes) -> ProgramKind:
    if _is_binary(data):
        return "binary"
    if _POWERSHELL.search(data):
        raise NotSupportedYet(f"PowerShell modules are not supported yet: {path}")
    if b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>" in data:
        return "filled"
    return "json" if b"WANT_JSON" in data else "old"


def _is_binary(data: bytes) -> bool:
    return any(byte not in _TEXT for byte in data[:_LOOKED_AT])


def _first_line(data: bytes) -> tuple[str, ...]:
    """Give the words behind `#!`; none, if it does not begin so."""
    line = data.partition(b"\n")[0].strip()
    if not line.startswith(b"#!"):
        return ()
    return tuple(shlex.split(line[2:].decode(errors="surrogateescape")))
