"""The folder, environment and locale a program starts in, lent for a moment.

The agent has one thread, so what it changes and puts back before it returns to its loop
nobody else sees. Leaves starting the program to others.
"""

from __future__ import annotations

import contextlib
import locale
import os
import subprocess
from collections.abc import Iterator, Mapping

from outlast_agent.processes import find_footing

_PREFERRED = ("C.utf8", "C.UTF-8", "en_US.utf8", "en_US.UTF-8", "C", "POSIX")


@contextlib.contextmanager
def surroundings(environment: Mapping[str, str]) -> Iterator[None]:
    """Have *environment* on top of ours, and a folder we may be in; then all as it was."""
    before = dict(os.environ)
    here = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
    try:
        os.environ.update(environment)
        find_footing()
        os.environ.update(_usable_locale())
        yield
    finally:
        os.fchdir(here)
        os.close(here)
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)


def _usable_locale() -> dict[str, str]:
    """Give the variables to set when the host does not have the locale it was told to use."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        best = _best_locale()
        return {"LANG": best, "LC_ALL": best, "LC_MESSAGES": best}
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return {}


def _best_locale() -> str:
    try:
        said = subprocess.run(
            ["locale", "-a"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "C"
    known = said.stdout.decode("utf-8", "replace").split()
    return next((name for name in _PREFERRED if name in known), "C")
