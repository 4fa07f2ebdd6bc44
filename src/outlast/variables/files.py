"""Variables in files: group_vars and host_vars, `vars_files`.

Knows where such files may stand, in which order they are read, and what they must contain;
reads each group_vars file once a run, as stock does. Leaves whose variables they are to
`variables`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from outlast.errors import PlaybookError, VaultError
from outlast.joining import Join, replaced
from outlast.loader import Document, SeqNode, load_file, read_text
from outlast.outcome import Notice, Warned
from outlast.values import Origin, Value
from outlast.vault import LOCKED, Vault

_ENDINGS = (".yml", ".yaml", ".json")
_TAGGED = {str: "Str", int: "Int", float: "Float", list: "List"}

Notify = Callable[[Notice], None]
Vars = Mapping[str, Value]


def load_vars_file(
    path: str, notify: Notify, vault: Vault = LOCKED, join: Join = replaced
) -> dict[str, Value]:
    """Give the variables in a file: one mapping, or a list of them, the later winning.

    Raises `PlaybookError` for anything else, `SourceMissing` and `VaultError`.
    """
    content = load_file(path, notify, vault)
    found: dict[str, Value] = {}
    for part in content if isinstance(content, list) else [content or {}]:
        if not isinstance(part, dict):
            raise PlaybookError(
                "Invalid variable file contents.",
                _place_of(path, part, content, vault),
                help_text="Variable files must contain either a dictionary of variables, or a"
                " list of dictionaries.",
            )
        found = join(found, part)
    return found


def _place_of(path: str, part: object, content: object, vault: Vault) -> Origin:
    """Find where *part* of a file's *content* is written: it is wrong, so it is read again."""
    document = Document(path, read_text(path, vault))
    node = document.root
    if node is not None and isinstance(content, list):
        number = next(n for n, one in enumerate(content) if one is part)
        node = node.value[number] if isinstance(node, SeqNode) else node
    return Origin(path) if node is None else document.origin(node)


def find_vars_file(name: str, folders: Sequence[str]) -> str | None:
    """Give where a `vars_files` entry is: in a `vars` folder first, then beside the play."""
    if name.startswith(("~", "/")):
        places = [str(Path(name).expanduser())]
    else:
        beside = name.split("/", maxsplit=1)[0] == "vars"
        places = [
            os.path.normpath(Path(folder) / between / name)
            for folder in folders
            for between in (("",) if beside else ("vars", ""))
        ]
    return next((place for place in places if Path(place).exists()), None)


class VarsFolders:
    """The group_vars and host_vars folders of a run, each file read once."""

    def __init__(self, notify: Notify, vault: Vault = LOCKED, join: Join = replaced) -> None:
        self._notify = notify
        self._vault = vault
        self._join = join
        self._read: dict[tuple[str, str, str], Vars] = {}
        self._places: dict[tuple[str, str], Path | None] = {}

    def of_group(self, folder: str, name: str) -> Vars:
        """Give what the group_vars in *folder* say about a group."""
        return self._of(folder, "group_vars", name)

    def of_host(self, folder: str, name: str) -> Vars:
        """Give what the host_vars in *folder* say about a host."""
        return self._of(folder, "host_vars", name)

    def _of(self, folder: str, kind: str, name: str) -> Vars:
        known = self._read.get((folder, kind, name))
        if known is None:
            known = self._read[folder, kind, name] = self._load(folder, kind, name)
        return known

    def _load(self, folder: str, kind: str, name: str) -> Vars:
        if (folder, kind) not in self._places:
            self._places[folder, kind] = self._place(folder, kind)
        place = self._places[folder, kind]
        if place is None or name.startswith(os.sep):  # a chroot is called by its path
            return {}
        found: dict[str, Value] = {}
        for path in _files_of(place, name):
            found = self._join(found, self._content(path))
        return found

    def _place(self, folder: str, kind: str) -> Path | None:
        place = Path(folder).resolve() / kind
        if place.exists() and not place.is_dir():
            self._notify(Warned(f"Found {kind} that is not a directory, skipping: {place}"))
        return place if place.is_dir() else None

    def _content(self, path: Path) -> Vars:
        try:
            content = load_file(path, self._notify, self._vault)
        except VaultError as error:  # stock ends such a run as it does for a wrong text
            raise PlaybookError(error.message, error.origin, causes=error.causes) from error
        if not content:
            return {}
        if not isinstance(content, dict):
            kind = _TAGGED.get(type(content))
            shown = f"_AnsibleTagged{kind}" if kind else type(content).__name__
            raise PlaybookError(
                f"Could not process {str(path)!r}: failed to combine variables, expected dicts"
                f" but got a 'dict' and a {shown!r}.",
                Origin(str(path)),
            )
        return content


def _files_of(place: Path, name: str) -> Iterator[Path]:
    """Yield the files about *name*: of `name`, `name.yml`, ... the first that is there counts."""
    for ending in ("", *_ENDINGS):
        path = place / f"{name}{ending}"
        if path.is_dir():
            yield from _files_below(path)
            return
        if path.exists():
            yield path
            return


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _files_below(path)
        elif path.is_file() and (not path.suffix or path.suffix in _ENDINGS):
            yield path
