"""A play's `vars_files`: which files they are for a host, and what stands in them.

Knows that a list means the first file that is there, that what is missing is passed over,
and when a name that cannot be evaluated is an error. Leaves precedence to others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from outlast.call import Evaluate
from outlast.errors import PlaybookError, UndefinedVariable, VaultError
from outlast.joining import Join, replaced
from outlast.outcome import Warned
from outlast.values import Origin, Scope, Template, Value
from outlast.variables.files import Notify, Vars, find_vars_file, load_vars_file
from outlast.vault import LOCKED, Vault

_STAMP = tuple[int, int, int]


class VarsFiles:
    """Reads them, again only when they have changed on disk."""

    def __init__(
        self, evaluate: Evaluate, notify: Notify, vault: Vault = LOCKED, join: Join = replaced
    ) -> None:
        self._evaluate = evaluate
        self._notify = notify
        self._vault = vault
        self._join = join
        self._read: dict[str, tuple[_STAMP, Vars]] = {}

    def layer(
        self,
        entries: Sequence[tuple[Value, Origin]],
        scope_with: Callable[[Mapping[str, object]], Scope],
        folders: Sequence[str],
        *,
        sure: bool,
    ) -> Mapping[str, object]:
        """Give what the files in *entries*, each with its place, say.

        Each name is evaluated with those before it.

        *scope_with* gives the scope for what has been read so far. When facts are there
        (*sure*), an undefined name is an error, else a warning.
        """
        found: dict[str, object] = {}
        for entry, at in entries:
            try:
                found = self._join(found, self._first_found(entry, scope_with(found), folders))
            except UndefinedVariable as error:
                self._not_defined(entry, at, error, sure=sure)
        return found

    def _not_defined(
        self, entry: Value, origin: Origin, error: UndefinedVariable, *, sure: bool
    ) -> None:
        if sure:
            text = entry.text if isinstance(entry, Template) else entry
            raise UndefinedVariable(
                "an undefined variable was found when attempting to template the vars_files"
                f" item '{text}'",
                origin,
                causes=error.chain,
            ) from error
        self._notify(Warned("skipping vars_files item due to an undefined variable", origin))

    def _first_found(self, entry: Value, scope: Scope, folders: Sequence[str]) -> Vars:
        for candidate in entry if isinstance(entry, list) else [entry]:
            name = self._evaluate.render(candidate, scope)
            if not isinstance(name, str):
                raise PlaybookError(
                    f"Invalid `vars_files` value of type {type(name).__name__!r}.",
                    candidate.origin if isinstance(candidate, Template) else None,
                    help_text="A `vars_files` value should either be a string or list of strings.",
                )
            path = find_vars_file(name, folders)
            if path is not None:
                return self._content(path)
        return {}

    def _content(self, path: str) -> Vars:
        stat = os.stat(path)  # noqa: PTH116  # asked for every scope: Path costs more than the call
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            known = self._read[path] = (stamp, self._loaded(path))
        return known[1]

    def _loaded(self, path: str) -> Vars:
        try:
            return load_vars_file(path, self._notify, self._vault, self._join)
        except VaultError as error:
            told = f"Invalid vars_files file {path!r}."
            raise VaultError(told, causes=error.chain) from error
