"""`module_defaults`: which arguments an action has that its task does not give.

Knows how entries for actions and groups of several levels become one action's. Leaves
evaluating them to the engine: only then is it known which ones apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.call import ResolvedAction
from outlast.errors import PlaybookError
from outlast.playbook.model import ActionCall, Keywords
from outlast.values import Value

_GROUP: Final = "group/"
_GATHER: Final = "ansible.builtin.gather_facts"


class ActionNames(Protocol):
    """Knows which actions exist."""

    def resolve(self, name: str, collections: Sequence[str] = ()) -> ResolvedAction | None:
        """Give the full name of the action *name*; None when nobody knows it.

        A short one is looked for in *collections* alone, if there are any. Raises
        `OutlastError` for one that is gone or cannot be used.
        """
        ...


def no_groups(_name: str) -> frozenset[str] | None:
    """Know no groups."""
    return None


class DefaultsReader(Struct, frozen=True):
    """Finds an action's defaults; remembers the names it has looked up."""

    names: ActionNames
    group: Callable[[str], frozenset[str] | None] = no_groups
    """Gives the actions of a group by their full names; None: there is none."""
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    def applied(self, call: ActionCall, keywords: Keywords) -> ActionCall:
        """Give *call* with what the levels around it say of its action."""
        if not keywords.module_defaults:
            return call
        levels = keywords.module_defaults
        handed: dict[str, tuple[Value, ...]] = {}
        if call.resolved == _GATHER:
            handed = {name: tuple(self._layers(name, levels)) for name in self._named(levels)}
        layers = self._layers(call.resolved, levels)
        return replace(call, defaults=tuple(layers), handed=handed) if layers or handed else call

    def _named(self, levels: Sequence[Mapping[str, Value]]) -> set[str]:
        """Give the actions that anything is said of, by their full names."""
        found: set[str] = set()
        for name in (name for level in levels for name in level):
            group = name.startswith(_GROUP)
            found |= self._grouped(name.removeprefix(_GROUP)) if group else self._actions(name)
        return found

    def _layers(self, action: str, levels: Sequence[Mapping[str, Value]]) -> list[Value]:
        """Give what applies to *action*, groups first; the innermost entry of a name replaces."""
        entries = {name: value for level in levels for name, value in level.items()}
        groups = [value for name, value in entries.items() if self._in_group(action, name)]
        own: dict[str, Value] = {}
        for level in levels:
            for name, value in level.items():
                if not name.startswith(_GROUP) and action in self._actions(name):
                    own[action] = value
        return [value for value in (*groups, *own.values()) if value is not None]

    def _in_group(self, action: str, name: str) -> bool:
        return name.startswith(_GROUP) and action in self._grouped(name.removeprefix(_GROUP))

    def _grouped(self, name: str) -> frozenset[str]:
        members = self.group(name)
        if members is None:
            full = name if name.count(".") > 1 else f"ansible.builtin.{name}"
            told = (
                f"Error loading module_defaults: could not resolve the module_defaults group {full}"
            )
            raise PlaybookError(told)
        return members

    def _actions(self, name: str) -> frozenset[str]:
        """Give the full names an entry stands for: a short one, of the core's action as well."""
        if name not in self._known:
            short = name.count(".") < 2  # noqa: PLR2004  # namespace.collection.action
            full = f"ansible.legacy.{name}" if short else name
            self._known[name] = self._one(
                full, f"Could not resolve action {full} in module_defaults"
            )
            if full.startswith("ansible.legacy."):
                core = full.replace("ansible.legacy.", "ansible.builtin.", 1)
                self._known[name] |= self._one(core, "")
        return self._known[name]

    def _one(self, name: str, missing: str) -> frozenset[str]:
        action = self.names.resolve(name)
        if action is None and missing:
            raise PlaybookError(missing)
        return frozenset({action.fqcn}) if action else frozenset()
