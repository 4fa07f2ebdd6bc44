"""Where a file named in a lookup lies: the task's search path, with stock's subfolders."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import Any

from outlast.values import Scope


def search_path(scope: Scope) -> list[str]:
    """Give the folders a task looks for its files in, nearest first."""
    paths = scope.get("ansible_search_path")
    if isinstance(paths, list | tuple):
        return [str(path) for path in paths]
    return [str(scope.get("role_path") or basedir(scope))]


def basedir(scope: Scope) -> str:
    """Give the playbook's folder."""
    return str(scope.get("playbook_dir") or ".")


def find_file(scope: Scope, subfolder: str, name: Any) -> str | None:
    """Give the first existing file by that name; None: there is none."""
    name = str(name)
    if name.startswith(("~", "/")):
        path = _cleaned(name)
        return path if os.path.exists(path) else None  # noqa: PTH110  # text in, text out
    for path in candidates(scope, subfolder, name):
        if os.path.exists(path):  # noqa: PTH110  # the same
            return path
    return None


def candidates(scope: Scope, subfolder: str, name: str) -> Iterator[str]:
    """Yield where a relative name is looked for, in order."""
    in_subfolder = bool(subfolder) and name.split("/", maxsplit=1)[0] != subfolder
    for folder in search_path(scope):
        here = _cleaned(folder)
        above = os.path.dirname(here)  # noqa: PTH120  # the same
        if above.endswith("/tasks"):
            yield _joined(os.path.dirname(above), subfolder, name)  # noqa: PTH120  # the same
            yield _joined(above, name)
        if in_subfolder:
            yield _joined(here, subfolder, name)
        yield _joined(here, name)
    home = _cleaned(basedir(scope))
    if in_subfolder:
        yield _joined(home, subfolder, name)
    yield _joined(home, name)


def _cleaned(path: str) -> str:
    return os.path.normpath(os.path.abspath(os.path.expanduser(os.path.expandvars(path))))  # noqa: PTH100, PTH111


def _joined(*parts: str) -> str:
    return os.path.join(*parts)  # noqa: PTH118  # the same
