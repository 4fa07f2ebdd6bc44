"""From `-i` to a tree of hosts: what each source is, and what is said when it is nothing.

Knows folders and what is passed over in them, the order in which formats are tried, and
stock's warnings. Leaves the formats to their modules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from outlast.errors import InventoryError, NotSupportedYet, OutlastError
from outlast.inventory.addresses import split_port
from outlast.inventory.ini import read_ini
from outlast.inventory.mappings import read_groups
from outlast.inventory.places import place_names
from outlast.inventory.tree import Tree
from outlast.loader import Document, load_file, read_text
from outlast.values import Origin

_PASSED_OVER = re.compile(
    r"^\.|^host_vars$|^group_vars$|^vars_plugins$"
    r"|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$"
)
_YAML_ENDINGS = ("", ".yaml", ".yml", ".json")
_INI_FAILED = "Failed to parse inventory"
_CAUSED_BY = "\n\n<<< caused by >>>\n\n"
_DEFAULT = "/etc/ansible/hosts"

# What a format that does not fit may raise: our own errors, and Python's where int() or a
# codec say what is wrong, for their words are part of stock's message.
_DOES_NOT_FIT = (OutlastError, OSError, ValueError, TypeError, RecursionError, MemoryError)


class PluginNeeded(Exception):
    """A source is read by one of Ansible's plugins: the whole inventory has to be."""


def absolute(source: str) -> str:
    """Give a source as it is named in messages and variables; a host list stays as it is."""
    if "," in source:
        return source
    return os.path.normpath(Path(os.path.expandvars(source)).expanduser().absolute())


def is_host_list(source: str) -> bool:
    """Tell `h1,h2` from a path with a comma in it."""
    # os.path, for a long list is more than pathlib would ask the system about.
    return "," in source and not os.path.exists(source)  # noqa: PTH110


def read_sources(tree: Tree, sources: Sequence[str], *, all_must: bool = False) -> bool:
    """Read every source into *tree*; tells whether any could be read.

    Raises `InventoryError` for one that could not, if *all_must*.
    """
    read = [_read_source(tree, absolute(source), all_must=all_must) for source in sources if source]
    return any(read)


def _read_source(tree: Tree, source: str, *, all_must: bool) -> bool:
    if is_host_list(source) or not Path(source).is_dir():
        return _read_one(tree, source, all_must=all_must)
    names = sorted(name for name in os.listdir(source) if not _PASSED_OVER.search(name))  # noqa: PTH208  # names are asked for
    read = [_read_source(tree, str(Path(source) / name), all_must=all_must) for name in names]
    if not any(read):
        _warn_unread(tree, source, [], all_must=all_must)
    return any(read)


def _read_one(tree: Tree, source: str, *, all_must: bool) -> bool:
    """Try the formats that may be meant, in stock's order; the first that fits wins."""
    tree.reading(source)
    failures: list[tuple[str, BaseException]] = []
    for name, read in _formats(source):
        try:
            read(tree, source)
        except (NotSupportedYet, PluginNeeded):
            raise
        except _DOES_NOT_FIT as error:
            failures.append((name, error))
        else:
            tree.reading(None)
            return True
    tree.reading(None)
    _warn_unread(tree, source, failures, all_must=all_must)
    return False


Reader = Callable[[Tree, str], None]


def _formats(source: str) -> list[tuple[str, Reader]]:
    """Give the formats *source* may be written in, by name."""
    path = Path(source)
    if is_host_list(source):
        return [("host_list", _read_host_list)]
    if not path.exists():
        return []
    if not os.access(source, os.R_OK):
        return []
    ending = path.suffix
    found: list[tuple[str, Reader]] = []
    if os.access(source, os.X_OK):
        found.append(("script", _read_script))
    if ending in (".yml", ".yaml"):
        found.append(("auto", _read_plugin_config))
    if ending in _YAML_ENDINGS:
        found.append(("yaml", _read_yaml))
    found.append(("toml", _read_toml) if ending == ".toml" else ("ini", _read_ini_file))
    return found


def _read_script(tree: Tree, source: str) -> None:
    from outlast.inventory.scripts import read_script  # noqa: PLC0415  # brings in subprocess

    read_script(tree, source)


def _read_host_list(tree: Tree, source: str) -> None:
    for name in filter(None, map(str.strip, source.split(","))):
        try:
            host, port = split_port(name, ranges=False)
        except InventoryError:
            host, port = name, None
        if host not in tree.hosts:
            tree.add_host(host, "ungrouped", port)


def _read_yaml(tree: Tree, source: str) -> None:
    content = load_file(source, tree.notify, tree.vault)
    place_names(content, lambda: Document(source, read_text(source, tree.vault)))
    read_groups(tree, content)


def _read_ini_file(tree: Tree, source: str) -> None:
    try:
        read_ini(tree, source, tree.vault.opened(Path(source).read_bytes(), source))
    except _DOES_NOT_FIT as error:
        raise InventoryError(f"{_INI_FAILED}: {error}", Origin(source)) from error


def _read_plugin_config(tree: Tree, source: str) -> None:
    document = load_file(source, vault=tree.vault)
    plugin = document.get("plugin") if isinstance(document, dict) else None
    if not plugin:
        raise InventoryError(
            f"no root 'plugin' key found, '{source}' is not a valid YAML inventory plugin"
            " config file"
        )
    raise PluginNeeded(source)


def _read_toml(tree: Tree, source: str) -> None:
    from outlast.inventory.toml import read_toml  # noqa: PLC0415  # few write it

    read_toml(tree, source)


def _warn_unread(
    tree: Tree, source: str, failures: list[tuple[str, BaseException]], *, all_must: bool
) -> None:
    if source == _DEFAULT and not Path(source).exists():
        return
    for name, error in failures:
        tree.warn(_explained(name, source, error))
    if all_must:
        raise InventoryError(f"Completely failed to parse inventory source {source}")
    tree.warn(f"Unable to parse {source} as an inventory source")


def _explained(name: str, source: str, error: BaseException) -> str:
    """Say why a format did not fit; once in short and once at length, as stock does."""
    # What the INI reader says has a place of its own; else the file as such is to blame.
    own = error.origin if isinstance(error, InventoryError) else None
    origin = own or f"<inventory plugin {name!r} with source {source!r}>"
    short = f"Failed to parse inventory with {name!r} plugin"
    text = f"{short}: {error}\n\n{short}.{_CAUSED_BY}{_at_length(error, str(origin))}\n"
    if isinstance(error, InventoryError) and error.help_text:
        text += f"\n{error.help_text}\n"
    return text


def _at_length(error: BaseException, origin: str) -> str:
    """Give the explanation's links; stock joins the last two unless they have a cause, too."""
    cause = error.__cause__
    if isinstance(error, InventoryError) and cause and cause.__cause__:
        return f"{_INI_FAILED}.\nOrigin: {origin}{_CAUSED_BY}{cause}"
    return f"{error}\nOrigin: {origin}"
