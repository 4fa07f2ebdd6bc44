"""template: a file of the controller evaluated, and placed on a host.

Knows the action's own options, and the names a template file sees beside the host's. Leaves
evaluating to `templating`, and placing the outcome to `placing`.
"""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from outlast.actions.argument_spec import boolean
from outlast.actions.modules import Modules
from outlast.actions.placing import Placing, placed
from outlast.actions.source_files import find_source, folders_of, not_there, undecrypted
from outlast.call import Call
from outlast.errors import Refused, SourceMissing, VaultError
from outlast.loader import read_text
from outlast.outcome import Performed
from outlast.templating import template_variables
from outlast.values import Origin, Overlaid

_LARGE = 100_000  # characters; what takes milliseconds is kept off the loop
_MAY_BLOCK = re.compile(r"\b(lookup|query|q)\b|\{%-?\s*(include|import|from|extends)\b")
_TEXTS = (
    "src",
    "dest",
    "state",
    "newline_sequence",
    "variable_start_string",
    "variable_end_string",
    "block_start_string",
    "block_end_string",
    "comment_start_string",
    "comment_end_string",
)
_OF_JINJA = _TEXTS[4:]
_OWN = frozenset({*_TEXTS[3:], "trim_blocks", "lstrip_blocks", "output_encoding"})
_ESCAPED = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}


async def template(call: Call, modules: Modules) -> Performed:
    """Evaluate a template file and place the outcome on the host."""
    args = _checked(call.args)
    newline = _newline(args)
    try:
        file = await asyncio.to_thread(_read, call, args)
    except SourceMissing as error:
        return not_there(error)
    data = await _evaluated(call, args, file, newline)
    what = Placing(
        data=data,
        name=Path(file.path).name,
        dest=str(args["dest"]),
        follow=boolean(args.get("follow", False), strict=False),
        force=boolean(args.get("force", True), strict=False),
        source=file.path,
        mode=file.mode if args.get("mode") == "preserve" else None,
    )
    told = {key: value for key, value in args.items() if key not in _OWN}
    return await placed(call, modules, told, what)


class _File(Struct, frozen=True):
    """A template file as it was found."""

    path: str
    text: str
    mode: str
    names: dict[str, object]
    """What stock tells a template about its file."""


def _read(call: Call, args: Mapping[str, object]) -> _File:
    path = find_source(call, "templates", str(args["src"]))
    mode = f"0{stat.S_IMODE(Path(path).stat().st_mode):03o}"
    names = template_variables(path, str(args["src"]), call.managed, str(args["dest"]))
    try:
        return _File(path, read_text(path, call.vault), mode, names)
    except VaultError as error:
        raise undecrypted(error) from error


def _checked(args: Mapping[str, object]) -> dict[str, object]:
    checked = dict(args)
    for name in _TEXTS:
        value = args.get(name)
        if value is not None and not isinstance(value, str):
            if isinstance(value, list | dict):
                what = f"{name} is expected to be a string, but got {type(value)} instead"
                raise Refused(what)
            checked[name] = str(value)
    if checked.get("state") is not None:
        raise Refused("'state' cannot be specified on a template")
    if checked.get("src") is None or checked.get("dest") is None:
        raise Refused("src and dest are required")
    return checked


def _newline(args: Mapping[str, object]) -> str:
    given = str(args.get("newline_sequence", "\n"))
    newline = _ESCAPED.get(given, given)
    if newline not in _ESCAPED.values():
        raise Refused("newline_sequence needs to be one of: \n, \r or")
    return newline


async def _evaluated(call: Call, args: Mapping[str, object], file: _File, newline: str) -> bytes:
    names = dict(file.names)
    if "ansible_managed" in call.scope:
        del names["ansible_managed"]  # the user's own
    scope = Overlaid(names, call.scope)
    options: dict[str, object] = {name: args[name] for name in _OF_JINJA if name in args}
    options |= {
        "trim_blocks": boolean(args.get("trim_blocks", True), strict=False),
        "lstrip_blocks": boolean(args.get("lstrip_blocks", False), strict=False),
        "newline_sequence": newline,
    }

    def evaluate() -> object:
        origin = Origin(file.path)  # Jinja tells no line of most faults: none is better than 1
        return call.evaluate.render_file_text(
            file.text, scope, origin=origin, search_path=_includes(call, file.path), **options
        )

    # A template may read files or run programs (`lookup`), and a long one takes its time.
    busy = len(file.text) > _LARGE or _MAY_BLOCK.search(file.text)
    value = await asyncio.to_thread(evaluate) if busy else evaluate()
    encoding = str(args.get("output_encoding") or "utf-8")
    return ("" if value is None else str(value)).encode(encoding, "surrogateescape")


def _includes(call: Call, source: str) -> tuple[str, ...]:
    """Give the folders in which a template finds what it includes."""
    folders = dict.fromkeys([*folders_of(call), str(Path(source).parent)])
    return tuple(place for folder in folders for place in (f"{folder}/templates", folder))
