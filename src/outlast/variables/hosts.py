"""What is known of one host: what the inventory says, and what the run has learnt.

Knows how the two are kept and when they have changed. Leaves plays and tasks to
`variables`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct, field

from outlast.joining import Join, joined
from outlast.values import Value
from outlast.variables import facts as fact_names
from outlast.variables import magic
from outlast.variables.files import VarsFolders
from outlast.variables.ports import Group, Inventory, Place
from outlast.variables.precedence import LayeredScope, Layers, Precedence, folded


class Stranger(Struct, frozen=True):
    """A host that a task is delegated to and no inventory knows."""

    name: str
    vars: Mapping[str, Value] = field(default_factory=dict)
    groups: Sequence[Group] = ()
    given: Collection[str] = ()


class Knowledge(Struct):
    """What a run has learnt of one host; changed by `Variables` alone.

    The mappings are replaced, never changed: scopes that were made from them stay as they
    are.
    """

    facts: Mapping[str, object] = field(default_factory=dict)
    included: Mapping[str, object] = field(default_factory=dict)
    registered: Mapping[str, object] = field(default_factory=dict)
    version: int = 0
    fact_layer: Mapping[str, object] = field(default_factory=lambda: {"ansible_facts": {}})
    base: Mapping[str, object] = field(default_factory=dict)
    base_data: frozenset[str] = frozenset()
    """Names in `base` that no file gave."""
    base_version: object = None
    seen_by_others: LayeredScope | None = None
    """What `hostvars` shows, as long as `seen_version` holds."""
    seen_version: object = None

    def learn_facts(self, facts: Mapping[str, object], *, inject: bool) -> None:
        """Add *facts*; under their own names, too, if they are to be injected."""
        self.facts = {**self.facts, **facts}
        self._show_facts(inject=inject)

    def forget_facts(self, *, inject: bool) -> None:
        """Drop every fact."""
        self.facts = {}
        self._show_facts(inject=inject)

    def _show_facts(self, *, inject: bool) -> None:
        beside = (
            fact_names.public(self.facts)
            if inject
            else {"ansible_local": self.facts.get("ansible_local", {})}
        )
        self.fact_layer = {"ansible_facts": fact_names.namespaced(self.facts), **beside}
        self.version += 1

    def include(self, variables: Mapping[str, object], join: Join) -> None:
        """Add what include_vars read."""
        self.included = join(self.included, variables)
        self.version += 1

    def learn_set_facts(self, facts: Mapping[str, object]) -> None:
        """Add what set_fact and register gave."""
        self.registered = {**self.registered, **facts}
        self.version += 1

    def layers(self) -> dict[Precedence, Mapping[str, object]]:
        """Give what has been learnt, by precedence."""
        return {
            Precedence.FACTS: self.fact_layer,
            Precedence.INCLUDED_VARS: self.included,
            Precedence.REGISTERED: self.registered,
        }


def said_by_inventory(
    host: Place, inventory: Inventory, folders: VarsFolders, playbook_dir: str, join: Join
) -> dict[str, object]:
    """Fold everything that inventory and variable folders say about *host*."""
    level = Precedence
    everyone = inventory.groups["all"]
    groups = host.groups
    beside, play = inventory.folders, (playbook_dir,)
    layers: Layers = {
        level.ALL_IN_INVENTORY: everyone.vars,
        level.GROUPS_IN_INVENTORY: joined(join, *(group.vars for group in groups)),
        level.ALL_FILES_OF_INVENTORY: _group_files(folders, beside, [everyone], join),
        level.ALL_FILES_OF_PLAYBOOK: _group_files(folders, play, [everyone], join),
        level.GROUP_FILES_OF_INVENTORY: _group_files(folders, beside, groups, join),
        level.GROUP_FILES_OF_PLAYBOOK: _group_files(folders, play, groups, join),
        level.HOST_IN_INVENTORY: host.vars,
        level.HOST_IDENTITY: magic.of_host(host.name, [group.name for group in groups]),
        level.HOST_FILES_OF_INVENTORY: _host_files(folders, beside, host, join),
        level.HOST_FILES_OF_PLAYBOOK: _host_files(folders, play, host, join),
    }
    return folded(layers, join)


def _group_files(
    folders: VarsFolders, places: Sequence[str], groups: Sequence[Group], join: Join
) -> dict[str, object]:
    files = (folders.of_group(place, group.name) for place in places for group in groups)
    return joined(join, *files)


def _host_files(
    folders: VarsFolders, places: Sequence[str], host: Place, join: Join
) -> dict[str, object]:
    return joined(join, *(folders.of_host(place, host.name) for place in places))
