"""Variables that nobody sets: what the run, the play and a host's name say by themselves.

Knows their names and values. Leaves their place among the others to `precedence`.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Collection, Sequence

from msgspec import Struct, field

from outlast.values import Template, Value, is_list
from outlast.variables.ports import Role

_IP_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|[01]?\d{1,2})(?:\.(?!$)|$)){4}", re.ASCII)


class Options(Struct, frozen=True, kw_only=True):
    """What was asked for on the command line, as playbooks can see it."""

    ansible_version: str
    """Of the ansible-core whose modules are used: `2.19.14`."""
    check_mode: bool = False
    diff_mode: bool = False
    forks: int = 5
    verbosity: int = 0
    limit: str | None = None
    inventory_sources: Sequence[str] = ()
    run_tags: Sequence[str] = ("all",)
    skip_tags: Sequence[str] = ()
    config_file: str | None = None
    inject_facts: bool = True
    """The setting `inject_facts_as_vars`."""


def of_run(options: Options, playbook_dir: str) -> dict[str, object]:
    """Give what holds for a whole playbook."""
    found: dict[str, object] = {
        "playbook_dir": playbook_dir,
        "ansible_playbook_python": sys.executable,
        "ansible_config_file": options.config_file,
        "ansible_version": _version(options.ansible_version),
        "ansible_check_mode": options.check_mode,
        "ansible_diff_mode": options.diff_mode,
        "ansible_forks": options.forks,
        # Tuples, as in stock: no list is equal to one.
        "ansible_inventory_sources": tuple(options.inventory_sources),
        "ansible_run_tags": tuple(options.run_tags),
        "ansible_skip_tags": tuple(options.skip_tags),
        "ansible_verbosity": options.verbosity,
    }
    return found if options.limit is None else {**found, "ansible_limit": options.limit}


def _version(text: str) -> dict[str, object]:
    numbers = [int(digits) for digits in re.findall(r"\d+", text)[:3]]
    names = ("major", "minor", "revision")
    return {"string": text, "full": text, **dict(zip(names, numbers, strict=False))}


class Company(Struct):
    """Which hosts a play has, and which of them have dropped out."""

    everyone: Sequence[str] = ()
    batch: Sequence[str] = ()
    gone: frozenset[str] = field(default_factory=frozenset)

    def set_batch(self, batch: Sequence[str], active: Collection[str]) -> bool:
        """Take note of the batch and of those still in it, who may come back; tells news."""
        before = self.batch, self.gone
        self.batch = tuple(batch)
        self.gone = (self.gone | set(batch)) - set(active)
        return before != (self.batch, self.gone)

    def welcome(self, host: str) -> bool:
        """Take note of a host that has come while the play runs; tells news."""
        if host in self.everyone:
            return False
        self.everyone = (*self.everyone, host)
        return True

    def variables(self) -> dict[str, object]:
        """Give the lists of hosts that playbooks see."""
        batch = [host for host in self.batch if host not in self.gone]
        return {
            "ansible_play_hosts_all": list(self.everyone),
            "ansible_play_hosts": [host for host in self.everyone if host not in self.gone],
            "ansible_play_batch": batch,
            "play_hosts": batch,
        }


def play_name(name: Value, hosts: Value) -> Value:
    """Give a play's name; one without is called by its pattern."""
    if name:
        return name
    if not is_list(hosts):
        return hosts
    return ",".join(one.text if isinstance(one, Template) else str(one) for one in hosts)


def of_roles(roles: Sequence[Role]) -> dict[str, object]:
    """Give the lists of a play's roles and of those they depend on."""
    names = [role.full_name for role in roles]
    needed = list(dict.fromkeys(name for role in roles for name in role.dependencies))
    return {
        "role_names": names,
        "ansible_role_names": list(dict.fromkeys([*needed, *names])),
        "ansible_play_role_names": names,
        "ansible_dependent_role_names": needed,
    }


def of_role(role: Role) -> dict[str, object]:
    """Give what the tasks of a role know of it."""
    return {
        "role_name": role.name,
        "role_path": role.path,
        "role_uuid": f"{zlib.crc32(role.identity.encode()):08x}",
        "ansible_role_name": role.full_name,
        "ansible_collection_name": role.collection,
    }


def of_host(name: str, groups: Sequence[str]) -> dict[str, object]:
    """Give what a host's name and groups say."""
    return {
        "inventory_hostname": name,
        "inventory_hostname_short": name if _is_address(name) else name.split(".", maxsplit=1)[0],
        "group_names": sorted(groups),
    }


def _is_address(name: str) -> bool:
    """A dot in an address does not end a short name; in IPv6 there are few dots and no names."""
    return _IP_V4.fullmatch(name) is not None or name.count(":") > 1
