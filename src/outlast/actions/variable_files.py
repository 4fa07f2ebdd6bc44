"""include_vars: variables from a file, or from all files of a folder.

Knows which files of a folder count and in which order. Leaves the precedence of what was
read to `variables`, and evaluating it to whoever uses it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from outlast.actions.saying import action_failed
from outlast.actions.source_files import find_source
from outlast.actions.written_places import place_of
from outlast.call import Call
from outlast.errors import ActionFailed, SourceMissing, VaultError
from outlast.joining import merged
from outlast.loader import load_file
from outlast.names import RESERVED, named
from outlast.outcome import Notice, Ok, Performed, SetIncludedVars, Warned
from outlast.values import is_list
from outlast.vault import is_encrypted

_OF_FOLDERS = frozenset(
    {"dir", "depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions"}
)
_OF_FILES = frozenset({"file", "_raw_params"})
_OF_BOTH = frozenset({"name", "hash_behaviour"})
_EXTENSIONS = ("yaml", "yml", "json")


class _Unusable(Exception):
    """A file or folder cannot be used; the text becomes the result's `message`."""


async def include_vars(call: Call) -> Performed:
    """Read variables; they hold for the host from now on."""
    _check(call.args)
    notices: list[Notice] = []
    reading = _Reading(call, notices, [])
    read = reading.folder if call.args.get("dir") else reading.file
    try:
        found = await asyncio.to_thread(read)
    except _Unusable as error:
        said = [notice.text for notice in notices if isinstance(notice, Warned)]
        payload = {
            "ansible_included_var_files": reading.included,
            "ansible_facts": {str(name): {}} if (name := call.args.get("name")) else {},
            "message": str(error),
        } | ({"warnings": said} if said else {})
        failed = replace(action_failed(payload), notices=tuple(notices))
        return Performed(failed, secret=reading.secret)
    name = call.args.get("name")
    variables: dict[str, object] = {await _placed(call, str(name)): found} if name else found
    if _joins(call):
        variables = _merged(call, variables)
    # Templates stay what they are: whoever looks at the registered result evaluates them then.
    payload = {"ansible_included_var_files": reading.included, "ansible_facts": variables}
    outcome = Ok(payload, notices=tuple(notices))
    return Performed(outcome, effects=(SetIncludedVars(variables),), secret=reading.secret)


def _check(args: Mapping[str, object]) -> None:
    for name in args:
        if name not in _OF_FOLDERS | _OF_FILES | _OF_BOTH:
            raise ActionFailed(f"{name} is not a valid option in include_vars")
    if _OF_FOLDERS & args.keys() and _OF_FILES & args.keys():
        raise ActionFailed(
            "You are mixing file only and dir only arguments, these are incompatible"
        )


class _Reading(Struct):
    """One task's reading; notes the files it took."""

    call: Call
    notices: list[Notice]
    included: list[str]
    secret: bool = False
    """Whether any of the files was encrypted."""

    def file(self) -> dict[str, object]:
        named = self.call.args.get("file") or self.call.args.get("_raw_params")
        if named is None:
            said = 'Invalid request to find a file that matches a "null" value'
            self.notices.append(Warned(said))
        try:
            source = str(named).rstrip("\n") if named is not None else None
            return self._load(find_source(self.call, "vars", source))
        except SourceMissing as error:
            raise _Unusable(str(error)) from error

    def folder(self) -> dict[str, object]:
        top = Path(os.path.abspath(self._named_folder()))  # noqa: PTH100  # links stay
        extensions = self._extensions()
        if not top.exists():
            raise _Unusable(f"{top} directory does not exist")
        if not top.is_dir():
            raise _Unusable(f"{top} is not a directory")
        found: dict[str, object] = {}
        for path in self._files(top):
            if path.suffix[1:] not in extensions:
                if self.call.args.get("ignore_unknown_extensions"):
                    continue
                raise _Unusable(f"{path} does not have a valid extension: {', '.join(extensions)}")
            found |= self._load(str(path))
        return found

    def _named_folder(self) -> Path:
        named = str(self.call.args["dir"])
        if "role_path" not in self.call.scope:
            beside = Path(self.call.origin.path).parent if self.call.origin else Path()
            return beside / named
        role = Path(str(self.call.scope["role_path"]))
        inside = named.split("/", maxsplit=1)[0] == "vars" and (role / named).exists()
        return role / named if inside else role / "vars" / named

    def _extensions(self) -> list[str]:
        given = self.call.args.get("extensions", _EXTENSIONS)
        if isinstance(given, str):
            return list(given)  # as stock: each letter
        if not is_list(given):
            raise ActionFailed('Invalid type for "extensions" option, it must be a list')
        return [str(one) for one in given]

    def _files(self, top: Path) -> Iterator[Path]:
        depth = int(str(self.call.args.get("depth") or 0))
        pattern = self.call.args.get("files_matching")
        ignored = self.call.args.get("ignore_files") or ()
        ignored = ignored.split() if isinstance(ignored, str) else ignored
        for root, _, names in sorted(os.walk(top, followlinks=True)):
            if depth and len(Path(root).relative_to(top).parts) + 1 > depth:
                continue
            for name in sorted(names):
                if pattern and not re.search(str(pattern), name):
                    continue
                if is_list(ignored) and any(_ends_with(name, one) for one in ignored):
                    continue
                yield Path(root, name)

    def _load(self, path: str) -> dict[str, object]:
        data = self._content(path)
        if data is not None and not isinstance(data, dict):
            raise _Unusable(f"{path} must be stored as a dictionary/hash")
        self.included.append(path)
        return dict(data or {})

    def _content(self, path: str) -> object:
        try:
            found = load_file(path, self.notices.append, self.call.vault)
        except VaultError as error:
            raise _Unusable(error.message) from error
        with Path(path).open("rb") as file:
            self.secret |= is_encrypted(file.read(64))
        return found


def _ends_with(name: str, pattern: object) -> bool:
    try:
        return re.search(f"{pattern}$", name) is not None
    except re.error as error:
        raise ActionFailed(f"Invalid regular expression: {pattern}") from error


async def _placed(call: Call, name: str) -> str:
    """Give the name that all is to have, with its place if it is reserved."""
    place = await asyncio.to_thread(place_of, call, "name") if name in RESERVED else None
    return named(name, place)


def _joins(call: Call) -> bool:
    """Tell whether what was read is joined here; by the setting, the host's own would be."""
    return call.args.get("hash_behaviour") == "merge" != call.hash_behaviour


def _merged(call: Call, variables: Mapping[str, object]) -> dict[str, object]:
    """Put the new variables over the host's, dicts into dicts.

    As they are written: what is only to become a dict when it is evaluated is none (stock).
    """
    return merged({name: call.scope[name] for name in variables if name in call.scope}, variables)
