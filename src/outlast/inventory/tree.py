"""Hosts and groups: who is in which, and what is said about them.

Knows the tree of groups, stock's orders in it, and the host that is always there
(`localhost`). Leaves what the variables add up to to `variables`, and how inventories are
written to the formats.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from outlast.errors import InventoryError
from outlast.names import named
from outlast.outcome import Deprecated, Notice, Warned
from outlast.values import Origin, Value
from outlast.vault import LOCKED, Vault

LOCALHOST = ("127.0.0.1", "localhost", "::1")
_NO_NAMES = frozenset({"False", "None", "True", "false", "none", "not", "true"})
_WORD = re.compile(r"[^\W\d]\w*")

_NAME_HELP = (
    "Variable names must be strings starting with a letter or underscore character, and contain"
    " only letters, numbers and underscores."
)

Notify = Callable[[Notice], None]


class Group:
    """Hosts and groups under one name; made by `Tree` only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.priority = 1
        self.depth = 0
        """The longest way down to here from a group without parents."""
        self.vars: dict[str, Value] = {}
        self.hosts: dict[str, Host] = {}
        """Its own ones, not those of its children."""
        self.children: dict[str, Group] = {}
        self.parents: dict[str, Group] = {}

    def __repr__(self) -> str:
        return f"<group {self.name}>"

    def descendants(self) -> list[Group]:
        """This group and all below it, level by level."""
        return _closure(self, lambda group: group.children)

    def ancestors(self) -> list[Group]:
        """This group and all above it, level by level."""
        return _closure(self, lambda group: group.parents)

    def all_hosts(self) -> list[Host]:
        """Every host in it or below it, in stock's order."""
        return list({host: None for group in self.descendants() for host in group.hosts.values()})

    def sink(self, depth: int) -> None:
        """Take note that this group lies at least *depth* levels down, and all below it lower."""
        if depth > self.depth:
            self.depth = depth
            for child in self.children.values():
                child.sink(depth + 1)


def _closure(start: Group, related: Callable[[Group], Mapping[str, Group]]) -> list[Group]:
    found, level = {start: None}, [start]
    while level:
        level = list(
            {near: None for group in level for near in related(group).values() if near not in found}
        )
        found |= dict.fromkeys(level)
    return list(found)


class Host:
    """A host by its inventory name; made by `Tree` only."""

    def __init__(self, name: str, *, implicit: bool = False) -> None:
        self.name = name
        self.implicit = implicit
        self.vars: dict[str, Value] = {}
        self.given: set[str] = set()
        """Variables that `add_host` gave it while the run went on: data, in no file."""
        self.direct_groups: dict[str, Group] = {}
        """Those that name it; their ancestors are its groups, too."""

    def __repr__(self) -> str:
        return f"<host {self.name}>"

    @property
    def groups(self) -> tuple[Group, ...]:
        """All its groups but `all`, what counts more coming later."""
        found = {up for group in self.direct_groups.values() for up in group.ancestors()}
        members = [group for group in found if group.name != "all"]
        return tuple(sorted(members, key=lambda one: (one.depth, one.priority, one.name)))


class Tree:
    """An inventory under construction, and later growth by `add_host` and `group_by`.

    `version` changes whenever anything does: whoever keeps what he computed from here
    compares it.
    """

    def __init__(self, notify: Notify, vault: Vault = LOCKED) -> None:
        self.notify = notify
        self.vault = vault
        self.groups: dict[str, Group] = {}
        self.hosts: dict[str, Host] = {}
        self.localhost: Host | None = None
        """The first host with one of localhost's names, or the implicit one once needed."""
        self.version = 0
        self._source: str | None = None
        self._folder: str | None = None
        self.add_group("all")
        self.add_group("ungrouped")
        self.add_child("all", "ungrouped")

    def reading(self, source: str | None) -> None:
        """Say what is being read: new hosts remember it."""
        self._source = source
        self._folder = folder_of(source) if source else None

    def host(self, name: str) -> Host | None:
        """Give a host by its exact name; localhost is made when it is asked for."""
        found = self.hosts.get(name)
        if found is None and name in LOCALHOST:
            return self._implicit_localhost(name)
        return found

    def _implicit_localhost(self, name: str) -> Host:
        if self.localhost is None:
            self.localhost = Host(name, implicit=True)
            self.localhost.vars |= {
                "ansible_python_interpreter": sys.executable or "/usr/bin/python",
                "ansible_connection": "local",
            }
        return self.localhost

    def add_group(self, name: object) -> str:
        """Make sure there is a group *name*."""
        if not name:
            raise InventoryError(f"Invalid empty/false group name provided: {name}")
        if not isinstance(name, str):
            raise InventoryError(
                "Invalid group name supplied, expected a string but got"
                f" {stock_type(name)} for {name}"
            )
        if name not in self.groups:
            if not is_word(name):
                self.warn(
                    "Invalid characters were found in group names but not replaced,"
                    " use -vvvv to see details"
                )
            self.groups[name] = Group(name)
            self.version += 1
        return name

    def add_host(self, name: object, group: str | None = None, port: int | None = None) -> str:
        """Make sure there is a host *name*, in *group* if given; a port counts for new ones."""
        if not name:
            raise InventoryError(f"Invalid empty host name provided: {name}")
        if not isinstance(name, str):
            raise InventoryError(
                "Invalid host name supplied, expected a string but got"
                f" {stock_type(name)} for {name}"
            )
        if group is not None and group not in self.groups:
            raise InventoryError(f"Could not find group {group} in inventory")
        if name not in self.hosts:
            self._new_host(name, port)
        if group is not None:
            self.join(group, self.hosts[name])
        return name

    def _new_host(self, name: str, port: int | None) -> None:
        host = self.hosts[name] = Host(name)
        self.version += 1
        if port:
            host.vars["ansible_port"] = port
        self.set_variable(name, "inventory_file", self._source)
        self.set_variable(name, "inventory_dir", self._folder)
        if name not in LOCALHOST:
            return
        if self.localhost is None:
            self.localhost = host
        else:
            self.warn(
                f"A duplicate localhost-like entry was found ({name})."
                f" First found localhost was {self.localhost.name}"
            )

    def join(self, name: str, host: Host) -> bool:
        """Put *host* into the group *name*; tells whether that was news."""
        group = self.groups[name]
        if host.name in group.hosts:
            return False
        group.hosts[host.name] = host
        host.direct_groups[group.name] = group
        self.version += 1
        return True

    def add_child(self, group: str, child: str) -> bool:
        """Put a group or a host into *group*; tells whether that was news."""
        if group not in self.groups:
            raise InventoryError(f"{group} is not a known group")
        if child in self.groups:
            return self._add_child_group(self.groups[group], self.groups[child])
        if child in self.hosts:
            return self.join(group, self.hosts[child])
        raise InventoryError(f"{child} is not a known host nor group")

    def _add_child_group(self, parent: Group, child: Group) -> bool:
        if parent is child:
            raise InventoryError("can't add group to itself")
        if child.name in parent.children:
            return False
        if child in parent.ancestors():
            raise InventoryError(
                f"Adding group '{child.name}' as child to '{parent.name}' creates a"
                " recursive dependency loop."
            )
        parent.children[child.name] = child
        child.parents[parent.name] = parent
        child.sink(parent.depth + 1)
        self.version += 1
        return True

    def set_variable(
        self, entity: str, name: str, value: Value, origin: Origin | None = None
    ) -> None:
        """Set a variable of a group or, when there is no such group, of a host."""
        if not is_variable_name(name):
            self._notice_bad_name(name, origin or getattr(value, "origin", None))
        owner = self.groups.get(entity) or self.hosts.get(entity)
        if owner is None:
            raise InventoryError(f"Could not identify group or host named {entity}")
        if name == "ansible_group_priority" and isinstance(owner, Group):
            owner.priority = int(value)  # type: ignore[arg-type]  # what int says is the error
        else:
            owner.vars[named(name, origin)] = value
        self.version += 1

    def _notice_bad_name(self, name: object, origin: Origin | None) -> None:
        self.notify(
            Deprecated(
                f"Accepting inventory variable with invalid name {name!r}.",
                removed_in="This feature will be removed from ansible-core version 2.23.",
                origin=origin or (Origin(self._source) if self._source else None),
                help_text=_NAME_HELP,
            )
        )

    def settle(self) -> None:
        """Bring the tree into order: everything is under `all`, nobody is twice `ungrouped`."""
        self.reading(None)
        for group in list(self.groups.values()):
            if group.name != "all" and not group.parents:
                self.add_child("all", group.name)
        for host in self.hosts.values():
            self._settle_host(host)
        for name in self.groups:
            if name in self.hosts:
                self.warn(f"Found both group and host with same name: {name}")
        self.version += 1

    def _settle_host(self, host: Host) -> None:
        mine = {up.name for group in host.direct_groups.values() for up in group.ancestors()}
        if not mine - {"all"}:
            self.join("ungrouped", host)
        elif "ungrouped" in host.direct_groups and mine - {"all", "ungrouped"}:
            del self.groups["ungrouped"].hosts[host.name]
            del host.direct_groups["ungrouped"]

    def warn(self, text: str) -> None:
        """Tell a person."""
        self.notify(Warned(text))


def folder_of(source: str) -> str | None:
    """Give the folder an inventory source stands in; None when it is no path."""
    # os.path, for a list of hosts may be longer than pathlib lets a path be.
    if os.path.isdir(source):  # noqa: PTH112
        return str(Path(source).absolute())
    return str(Path(source).absolute().parent) if os.path.isfile(source) else None  # noqa: PTH113


def is_word(name: str) -> bool:
    """Tell names of letters, digits and underscores, the first no digit."""
    return _WORD.fullmatch(name) is not None


def is_variable_name(name: object) -> bool:
    """Tell what stock accepts as a variable's name without a word."""
    return (
        isinstance(name, str) and name.isidentifier() and name.isascii() and name not in _NO_NAMES
    )


def stock_type(value: object) -> str:
    """Spell the type of *value* as stock's messages do: what it read has types of its own."""
    tagged = {int: "Int", float: "Float", str: "Str", list: "List", dict: "Dict"}
    if kind := tagged.get(type(value)):
        return f"<class 'ansible.module_utils._internal._datatag._AnsibleTagged{kind}'>"
    return str(type(value))
