"""The hosts of an inventory as places where jobs may be.

Knows what the user says about hosts (which, as whom) and reads their variables as an ad-hoc
run would: the inventory's, group_vars and host_vars, vault included. Leaves entering them to
`reach`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from outlast.cli.aside import say
from outlast.cli.evaluating import EvaluateUponNeed
from outlast.cli.jobs.reach import Place
from outlast.cli.options import RunOptions
from outlast.cli.vaults import open_vault
from outlast.errors import InventoryError, OutlastError
from outlast.inventory.inventory import Inventory, Unread, load_inventory
from outlast.outcome import Notice, Warned
from outlast.settings import Settings
from outlast.transport.endpoint import Identity, Wishes, endpoint_for
from outlast.values import Scope
from outlast.vault import Vault

_NO_WISHES = Wishes()
_SHOWN = 20
"""Hosts that are named to who has named a wrong one."""


class Asked(Struct, frozen=True, kw_only=True):
    """How the user wants hosts to be found and entered."""

    inventory: tuple[str, ...] = ()
    host: str | None = None
    user: str | None = None
    become: bool = False
    become_user: str | None = None
    become_password: str | None = None
    vault_password_files: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Asked({self.inventory}, {self.host})"  # the password is nobody's business

    @property
    def becomes(self) -> bool:
        """Tell whether it was said whom to become."""
        return self.become or self.become_user is not None

    def settings(self, configured: Settings) -> Settings:
        """Give the settings with what was asked for on top."""
        changes: dict[str, object] = {}
        if self.inventory:
            changes["inventory"] = tuple(map(_source, self.inventory))
        if self.user:
            changes["remote_user"] = self.user
        if self.becomes:
            changes["become"] = True
        if self.become_user:
            changes["sudo_user"] = changes["su_user"] = self.become_user
        return replace(configured, **changes)


def _source(source: str) -> str:
    return source if "," in source else str(Path(source).expanduser().absolute())


class Hosts:
    """The hosts that the user means; an inventory is read once, when it is first needed."""

    def __init__(self, asked: Asked, configured: Settings) -> None:
        self.asked = asked
        self.settings = asked.settings(configured)

    def names(self, pattern: str | None = None) -> list[str]:
        """Give the hosts of the inventory that *pattern* means, all by default.

        Raises `InventoryError` when an inventory was named and none of its hosts is meant.
        """
        inventory = self._inventory
        hosts = inventory.match(pattern or "all")
        if hosts or not self.asked.inventory:
            return [host.name for host in hosts]
        named = ", ".join(self.asked.inventory)
        if not inventory.hosts:
            raise InventoryError(f"there are no hosts in {named}")
        raise InventoryError(
            f"no host of {named} matches {pattern!r}",
            help_text=f"It has: {', '.join(list(inventory.hosts)[:_SHOWN])}.",
        )

    def places(self, pattern: str | None = None) -> list[Place]:
        """Give a place for each host of `names`; one that cannot be had is warned of."""
        places = []
        for host in self.names(pattern):
            try:
                places.append(self._place(host))
            except OutlastError as error:
                say(f"warning: {host} is left out: {error}")
        return places

    def place_as(self, host: str, identity: Identity | None) -> Place | None:
        """Give the place of *host* where a job of *identity* is; None: it has no such host.

        What the inventory and the user say beats what was recorded, and knows passwords.
        """
        if host not in self._inventory.hosts and not self._inventory.match(host):
            return None
        if identity is None:
            return self._place(host)
        recorded = Wishes(
            become=True,
            become_user=identity.user,
            become_method=identity.method,
            become_exe=identity.exe,
            become_flags=identity.flags,
        )
        return self._place(host, Wishes() if self.asked.becomes else recorded)

    def _place(self, host: str, wishes: Wishes = _NO_WISHES) -> Place:
        scope = self._scope_of(host)

        def lookup(name: str) -> object | None:
            return self._evaluate.render(scope[name], scope) if name in scope else None

        endpoint = endpoint_for(
            *(lookup, wishes, self.settings), become_password=self.asked.become_password
        )
        folder = lookup("ansible_async_dir") or self.settings.async_dir
        return Place(host=host, endpoint=endpoint, async_dir=str(folder))

    @cached_property
    def _vault(self) -> Vault:
        options = RunOptions(playbooks=(), vault_password_files=self.asked.vault_password_files)
        return open_vault(options, self.settings, _warn)

    @cached_property
    def _inventory(self) -> Inventory:
        named = bool(self.asked.inventory)
        return load_inventory(
            self.settings.inventory,
            notify=_warn if named else _keep_quiet,
            unread=Unread(warns=named),
            vault=self._vault,
        )

    @cached_property
    def _evaluate(self) -> EvaluateUponNeed:
        from outlast.templating.evaluator import Evaluator  # noqa: PLC0415  # it imports Jinja2

        folder, vault = str(Path.cwd()), self._vault
        return EvaluateUponNeed(lambda: Evaluator(_warn, folders=(folder,), vault=vault))

    @cached_property
    def _scope_of(self) -> Callable[[str], Scope]:
        from importlib.metadata import version  # noqa: PLC0415  # it reads files

        from outlast.variables.magic import Options  # noqa: PLC0415  # only for inventories
        from outlast.variables.variables import Variables  # noqa: PLC0415

        variables = Variables(
            inventory=self._inventory,
            extra_vars={},
            options=Options(
                ansible_version=version("ansible-core"),
                inventory_sources=self._inventory.sources,
                config_file=self.settings.config_file,
            ),
            evaluate=self._evaluate,
            notify=_warn,
            vault=self._vault,
        )
        variables.begin_playbook(os.path.join(Path.cwd(), "-"))  # noqa: PTH118  # this folder's group_vars count
        return variables.scope


def _warn(notice: Notice) -> None:
    if isinstance(notice, Warned):
        say(f"warning: {notice.text}")


def _keep_quiet(_notice: Notice) -> None:
    """Say nothing about an inventory that nobody named."""
