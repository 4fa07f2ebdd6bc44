"""An inventory that ansible-inventory reads for us is decrypted with the run's passwords."""

from __future__ import annotations

import os
from pathlib import Path

from outlast.inventory import load_inventory
from outlast.values import Template
from outlast.vault import Vault, VaultSecret, encrypted


def descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_a_plugins_inventory_has_its_encrypted_group_vars(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ANSIBLE_VAULT")]:
        monkeypatch.delenv(name)
    wrong, right = VaultSecret("a", b"not this"), VaultSecret("b", b"pass word")
    (tmp_path / "hosts.ini").write_text("h1\n")
    (tmp_path / "z.yml").write_text("plugin: ansible.builtin.constructed\ngroups: {made: true}\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_bytes(encrypted(b"x: '{{ y }}'\n", right))
    told, before = [], descriptors()
    inventory = load_inventory(
        [str(tmp_path / "hosts.ini"), str(tmp_path / "z.yml")],
        notify=told.append,
        vault=Vault((wrong, right)),
    )
    assert [host.name for host in inventory.groups["made"].hosts.values()] == ["h1"]
    assert inventory.groups["all"].vars["x"] == Template("{{ y }}")
    assert not told
    assert descriptors() == before, "no pipe is left open"
