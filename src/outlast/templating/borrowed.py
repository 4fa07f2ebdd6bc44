"""Plugins that ansible-core, collections and plugin folders bring: imported on first use.

Knows that importing ansible-core's plugin loader costs more than our whole start-up, so
nothing here touches it until a template asks for a name nobody else knows. Leaves calling
the plugins to `plugins` and `lookups`.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Sequence
from typing import Any

from outlast.errors import EvaluationError, joined
from outlast.outcome import Deprecated, Notice, Warned
from outlast.removal import removal
from outlast.templating.explaining import because
from outlast.templating.plugins import Plugin
from outlast.templating.running import Stack


class Talk:
    """Stands in for ansible-core's display inside a plugin's module: notices, not prints."""

    def __init__(self, notify: Callable[[Notice], None]) -> None:
        self._notify = notify

    def warning(self, msg: str, *_: Any, **__: Any) -> None:
        """Pass a warning on."""
        self._notify(Warned(str(msg)))

    def deprecated(self, msg: str, version: str | None = None, *_: Any, **said: Any) -> None:
        """Pass a deprecation on."""
        collection = getattr(said.get("deprecator"), "resolved_name", None) or "ansible.builtin"
        date = said.get("date")
        until = removal(collection, version=version, date=None if date is None else str(date))
        known = version or date or collection != "ansible.builtin"
        self._notify(Deprecated(str(msg), until if known else ""))

    def error_as_warning(self, msg: str | None, exception: Exception, *_: Any, **__: Any) -> None:
        """Pass an error that was survived on."""
        self._notify(Warned(joined([msg, str(exception)]) if msg else str(exception)))

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Say nothing: `v`, `vvv`, `debug`, `display`."""
        return lambda *_, **__: None


class Borrowed:
    """Finds filters, tests and lookups through ansible-core's own plugin loader."""

    def __init__(
        self,
        stack: Stack,
        notify: Callable[[Notice], None],
        playbook_dirs: Sequence[str] = (),
    ) -> None:
        """Take what runs, who hears of warnings, and beside which folders collections may lie."""
        self._stack = stack
        self._playbook_dirs = list(playbook_dirs)
        self.talk = Talk(notify)
        self._loaders: Any = None
        self._folders: set[str] = set()

    @property
    def loaders(self) -> Any:
        """ansible-core's plugin loaders, imported when they are first needed."""
        if self._loaders is None:
            from ansible.plugins import loader  # noqa: PLC0415  # 250 ms: only when asked for
            from ansible.utils.collection_loader import AnsibleCollectionConfig  # noqa: PLC0415

            if AnsibleCollectionConfig.collection_finder is None:  # one for the whole process
                loader.init_plugin_loader()
            if self._playbook_dirs:
                AnsibleCollectionConfig.playbook_paths = self._playbook_dirs
            loader.display = self.talk  # it tells of collections and of names that go
            self._loaders = loader
        return self._loaders

    def find(self, kind: str, name: str) -> Plugin | None:
        """Give a filter or test; None: there is none by that name."""
        loader = getattr(self.loaders, f"{kind}_loader")
        self.add_folders(loader, f"{kind}_plugins")
        try:
            found = loader.get(name)
        except KeyError:
            return None
        except Exception as error:
            raise because(f"The {kind} plugin {name!r} failed to load.", None, error) from error
        if found is None:
            return None
        function = found.j2_function
        self._hush(function)
        # Some of them give something new each time (`password_hash`): none is remembered.
        return Plugin(function, volatile=True, name=found.ansible_name)

    def lookup(self, name: str, **made_with: Any) -> Any:
        """Give a lookup's instance; raises `EvaluationError` when there is none."""
        loader = self.loaders.lookup_loader
        self.add_folders(loader, "lookup_plugins")
        try:
            found = loader.get(name, **made_with)
        except Exception as error:
            raise because(f"The lookup plugin {name!r} failed to load.", None, error) from error
        if found is None:
            raise EvaluationError(f"The lookup plugin {name!r} was not found.")
        self._hush(type(found).run)
        return found

    def add_folders(self, loader: Any, subfolder: str) -> None:
        """Look beside the playbook and in the role too, as stock does."""
        top = self._stack.top
        for variable in ("playbook_dir", "role_path") if top else ():
            home = top.scope.get(variable) if top else None
            folder = os.path.join(home, subfolder) if isinstance(home, str) else ""  # noqa: PTH118
            if folder and folder not in self._folders and os.path.isdir(folder):  # noqa: PTH112
                self._folders.add(folder)
                loader.add_directory(folder)

    def _hush(self, function: Any) -> None:
        """Make a plugin's module speak through us; it prints from anywhere otherwise."""
        names = getattr(function, "__globals__", None)
        if names is not None and "display" in names:
            names["display"] = self.talk
