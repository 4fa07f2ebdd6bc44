"""Finding the controller's files that tasks name, and what stands in a folder of them.

Knows stock's order of places and its words when nothing is found. Leaves what is done with
a file to the actions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from outlast.actions.argument_spec import boolean
from outlast.call import Call
from outlast.errors import ActionFailed, Cause, SourceMissing, VaultError
from outlast.outcome import Failed, Performed
from outlast.vault import is_encrypted

_HINT = (
    " on the Ansible Controller.\nIf you are using a module and expect the file to exist on the"
    " remote, see the remote_src option"
)


def find_source(call: Call, kind: str, source: str | None) -> str:
    """Give the path of *source*, looked for in folders named *kind* first.

    The text of the `SourceMissing` it raises is stock's, with every place that was searched.
    """
    if source is None:
        raise SourceMissing(f"Could not find file{_HINT}")
    if source.startswith(("~", "/")):
        places = [os.path.normpath(Path(source).expanduser())]
        shown = ""
    else:
        places = _places(call, kind, source)
        shown = "\nSearched in:\n\t" + "\n\t".join(places)
    for place in places:
        if Path(place).exists():
            return place
    raise SourceMissing(f"Could not find or access '{source}'{shown}{_HINT}")


def read_source(call: Call, path: str) -> bytes:
    """Give what a file holds, decrypted unless the task says `decrypt: false`.

    Raises `OSError`, and `ActionFailed` for what cannot be decrypted.
    """
    data = Path(path).read_bytes()
    if not boolean(call.args.get("decrypt", True), strict=False):
        return data
    if is_encrypted(data) and not call.vault.secrets:
        told = f"A vault password or secret must be specified to decrypt {path}"
        raise ActionFailed(told)
    try:
        return call.vault.opened(data, path)
    except VaultError as error:
        raise undecrypted(error) from error


def undecrypted(error: VaultError) -> ActionFailed:
    """Give the failure of a task whose file cannot be decrypted."""
    return ActionFailed(error.message, error.origin)


def folders_of(call: Call) -> tuple[str, ...]:
    """Give where the task looks for files: in its roles, beside its file, beside the playbook."""
    beside = str(Path(call.origin.path).parent) if call.origin and call.origin.path else ""
    known = not beside or beside in call.search_path[:-1]
    return call.search_path if known else (beside, *call.search_path)


def _places(call: Call, kind: str, source: str) -> list[str]:
    """Give every path to look at, folder by folder."""
    inside = source.split("/", 1)[0] == kind
    places = []
    for folder in folders_of(call):
        home = os.path.abspath(folder)  # noqa: PTH100  # stock leaves links alone
        if not inside:
            places.append(f"{home}/{kind}/{source}")
        places.append(f"{home}/{source}")
    return places


def not_there(error: SourceMissing) -> Performed:
    """Give what becomes of a task whose file was not found."""
    message = str(error)
    failed = Failed({"msg": message}, (Cause(message, apart=True),))
    return Performed(failed, begun=False, cut_short=True)


class Tree(Struct):
    """What a folder holds, each as (where it is or points to, its path below the top)."""

    files: list[tuple[str, str]] = field(default_factory=list)
    folders: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


def walk(top: str, *, follow: bool) -> Tree:
    """Give the tree below *top*; its own name is part of the paths unless it ends in `/`.

    With *follow*, links are taken for what they point to, except one that leads back above
    itself: that one stays a link.
    """
    tree = Tree()
    prefix = "" if top.endswith("/") else Path(top).name
    _walk(Path(top), prefix, (_identity(Path(top)),), tree, follow=follow)
    return tree


def _walk(
    folder: Path, prefix: str, above: tuple[tuple[int, int], ...], tree: Tree, *, follow: bool
) -> None:
    inside: list[tuple[Path, str, tuple[int, int]]] = []
    for entry, below in _entries(folder, prefix):
        link = entry.is_symlink()
        if entry.is_dir() and (follow or not link):
            if _identity(entry) in above:
                tree.links.append((str(entry.readlink()), below))
                continue
            real = entry.resolve() if link else entry
            tree.folders.append((str(real), below))
            inside.append((real, below, _identity(entry)))
        elif link and not (follow and entry.is_file()):
            tree.links.append((str(entry.readlink()), below))
        else:
            tree.files.append((str(entry.resolve() if link else entry), below))
    for real, below, identity in inside:
        _walk(real, below, (*above, identity), tree, follow=follow)


def _entries(folder: Path, prefix: str) -> Iterator[tuple[Path, str]]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208  # names, not paths
        yield folder / name, f"{prefix}/{name}" if prefix else name


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
