"""The inventory of a run: hosts, groups, and which hosts a pattern means.

The face of this room. Knows the sources it was read from and the tree they gave. Leaves
what variables add up to to `variables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from outlast.errors import InventoryError
from outlast.inventory import patterns
from outlast.inventory.sources import PluginNeeded, absolute, is_host_list, read_sources
from outlast.inventory.tree import LOCALHOST, Group, Host, Notify, Tree
from outlast.values import Value
from outlast.vault import LOCKED, Vault


class Inventory:
    """Hosts and groups; grows by `add_host` and `group_by`, never shrinks."""

    def __init__(
        self, tree: Tree, sources: Sequence[str], reread: Callable[[], Tree] | None = None
    ) -> None:
        """Take what was read, from where, and (to be able to refresh it) how to do so again."""
        self._tree = tree
        self._reread = reread
        self._added: list[Callable[[], bool]] = []
        """What the run has added, to be done again after the sources were read again."""
        self._limits: dict[str, tuple[str, ...]] = {}
        self.sources = tuple(absolute(source) for source in sources if source)
        """As `ansible_inventory_sources` shows them."""

    @property
    def tree(self) -> Tree:
        """What the sources and the run have made."""
        return self._tree

    @property
    def version(self) -> int:
        """A number that grows with every change."""
        return self._tree.version

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Every host by name, in the order they were named; without the implicit one."""
        return self._tree.hosts

    @property
    def groups(self) -> Mapping[str, Group]:
        """Every group by name, `all` and `ungrouped` first."""
        return self._tree.groups

    def host(self, name: str) -> Host | None:
        """Give a host by its exact name; localhost is always there."""
        return self._tree.host(name)

    @property
    def folders(self) -> tuple[str, ...]:
        """Where group_vars and host_vars of this inventory stand, in the order of sources."""
        paths = [Path(one) for one in self.sources if not is_host_list(one)]
        return tuple(str(path if path.is_dir() else path.parent) for path in paths)

    def match(
        self,
        pattern: str | Sequence[str] = "all",
        limit: str | None = None,
        order: str | None = None,
    ) -> list[Host]:
        """Give the hosts *pattern* means, those *limit* leaves, in stock's order or *order*.

        Raises `InventoryError` for what is no pattern or no order.
        """
        if not isinstance(pattern, str) and not pattern:
            return []
        chosen = patterns.select(self._tree, patterns.split(pattern))
        if limit and (narrowed := self._limit(limit)):
            allowed = set(patterns.select(self._tree, narrowed))
            chosen = [host for host in chosen if host in allowed]
        return _ordered(chosen, order)

    def _limit(self, limit: str) -> tuple[str, ...]:
        if limit not in self._limits:
            self._limits[limit] = patterns.read_limit(limit)
        return self._limits[limit]

    def check_targets(
        self, pattern: str | Sequence[str] = "all", limit: str | None = None, *, warn: bool = True
    ) -> list[Host]:
        """Give the hosts a whole run may touch, before it begins.

        Raises `InventoryError` when there are hosts and none is left; warns (the setting
        `localhost_warning`) when there are none at all.
        """
        nobody = not self.match()
        if nobody and warn and pattern not in LOCALHOST:
            self._tree.warn(
                "provided hosts list is empty, only localhost is available. Note that the"
                " implicit localhost does not match 'all'"
            )
        chosen = self.match(pattern, limit)
        if not chosen and not nobody:
            raise InventoryError(
                "Specified inventory, host pattern and/or --limit leaves us with no hosts to"
                " target."
            )
        return chosen

    def add_host(self, name: str, groups: Iterable[str], variables: Mapping[str, Value]) -> bool:
        """Add or change a host while the run goes on; tells whether that was news."""
        self._added.append(partial(self._add_host, name, tuple(groups), dict(variables)))
        return self._added[-1]()

    def _add_host(self, name: str, groups: Iterable[str], variables: Mapping[str, Value]) -> bool:
        before = self._tree.version
        if name not in self._tree.hosts:
            self._tree.add_host(name, "all")
        host = self._tree.hosts[name]
        if any(key not in host.vars or host.vars[key] != variables[key] for key in variables):
            host.vars |= variables
            host.given |= variables.keys()
            self._tree.version += 1
        for group in groups:
            self._tree.add_child(self._tree.add_group(group), name)
        return self._settled_since(before)

    def add_to_group(self, host: str, group: str, parents: Iterable[str] = ()) -> bool:
        """Put a host into a group, made if need be, while the run goes on; tells news."""
        if self._tree.host(host) is None:
            raise InventoryError(f"{host} cannot be matched in inventory")
        self._added.append(partial(self._add_to_group, host, group, tuple(parents)))
        return self._added[-1]()

    def _add_to_group(self, host: str, group: str, parents: Iterable[str]) -> bool:
        before = self._tree.version
        found = self._tree.host(host)
        if found is None:
            return False  # it was there, before the sources were read again
        self._tree.add_group(group)
        for parent in parents:
            self._tree.add_child(self._tree.add_group(parent), group)
        self._tree.join(group, found)
        return self._settled_since(before)

    def refresh(self) -> None:
        """Read the sources again; what the run has added is added to what they say now."""
        if self._reread is None:
            return
        before = self._tree.version
        self._tree = self._reread()
        self._tree.version += before + 1
        for add in self._added:
            add()

    def _settled_since(self, before: int) -> bool:
        if self._tree.version == before:
            return False
        self._tree.settle()
        return True


def _ordered(hosts: list[Host], order: str | None) -> list[Host]:
    match order:
        case None | "inventory":
            return hosts
        case "reverse_inventory":
            return hosts[::-1]
        case "sorted" | "reverse_sorted":
            return sorted(hosts, key=lambda host: host.name, reverse=order == "reverse_sorted")
        case "shuffle":
            import random  # noqa: PLC0415  # hardly ever asked for

            return random.sample(hosts, len(hosts))
    raise InventoryError(f"Invalid 'order' specified for inventory hosts: {order}")


class Unread(Struct, frozen=True, kw_only=True):
    """What becomes of sources that cannot be read, by stock's settings."""

    warns: bool = True
    """`inventory_unparsed_warning`: that none could be is told."""
    all_fail: bool = False
    """`unparsed_is_failed`: it is an error."""
    one_fails: bool = False
    """`any_unparsed_is_failed`: so it is when one could not be."""


TOLD: Final = Unread()
"""They are told of and passed over."""


def load_inventory(
    sources: Sequence[str],
    *,
    notify: Notify,
    unread: Unread = TOLD,
    vault: Vault = LOCKED,
    flush: bool = False,
) -> Inventory:
    """Read every source; what cannot be read is told through *notify* and passed over.

    *flush*: what plugins have kept from earlier runs does not count.
    *unread* is what becomes of sources that cannot be read. Raises `InventoryError` when an
    inventory plugin fails, or what must be read cannot be.
    """
    tree = Tree(notify, vault)
    try:
        read = read_sources(tree, sources, all_must=unread.one_fails)
    except PluginNeeded:
        from outlast.inventory.plugins import read_by_stock  # noqa: PLC0415  # few need it

        # Plugins build upon what other sources say, so all are read in the one place.
        tree = Tree(notify, vault)
        read = read_by_stock(tree, [absolute(source) for source in sources if source], flush=flush)
    if read:
        tree.settle()
    elif unread.all_fail:
        told = "No inventory was parsed, please check your configuration and options."
        raise InventoryError(told)
    elif unread.warns:
        tree.warn("No inventory was parsed, only implicit localhost is available")

    def again() -> Tree:
        return load_inventory(sources, notify=notify, unread=unread, vault=vault).tree

    return Inventory(tree, sources, again)
