"""Facts as variables: under `ansible_facts`, and beside it by their full names.

Knows which names a host may not give itself (how it is reached is not its own to say).
Leaves gathering them to `actions`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMES = """
    connection module_compression shell_type shell_executable ssh_host host ssh_user user
    ssh_pass password ssh_port port ssh_pipelining pipelining ssh_timeout timeout
    ssh_private_key_file private_key_file network_os connection_user ssh_executable
    ssh_common_args sftp_extra_args scp_extra_args ssh_extra_args ssh_transfer_method
    docker_extra_args become become_method become_user become_password become_pass
    become_exe become_flags
"""
_HOW_TO_REACH = frozenset(f"ansible_{name}" for name in _NAMES.split())
_OURS = frozenset(
    {"ansible_rsync_path", "ansible_playbook_python", "ansible_facts", "add_host", "add_group"}
)
_OF_A_CONNECTION = re.compile(r"ansible_(?:local|paramiko_ssh|psrp|ssh|winrm)_")
_BRIDGES = ("_bridge", "_gwbridge")  # container networks are named like connection settings
_INTERPRETER = re.compile(r"ansible_.*_interpreter")
_HOST_KEYS = "ansible_ssh_host_key_"


def namespaced(facts: Mapping[str, object]) -> dict[str, object]:
    """Give *facts* as they stand under `ansible_facts`: without the prefix."""
    return {
        name if name == "ansible_local" else name.removeprefix("ansible_"): value
        for name, value in facts.items()
    }


def forbidden(name: str) -> bool:
    """Tell whether a fact called *name* would change how its host is reached or run."""
    if name.startswith(_HOST_KEYS):
        return False
    return (
        name in _HOW_TO_REACH
        or name in _OURS
        or name.startswith("ansible_become_")
        or (_OF_A_CONNECTION.match(name) is not None and not name.endswith(_BRIDGES))
        or _INTERPRETER.fullmatch(name) is not None
    )


def public(facts: Mapping[str, object]) -> dict[str, object]:
    """Give *facts* as variables of their own: without internal and forbidden ones."""
    return {
        name: _without_internals(value)
        for name, value in facts.items()
        if not name.startswith("_ansible_") and not forbidden(name)
    }


def _without_internals(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {
        name: _without_internals(member)
        for name, member in value.items()
        if not str(name).startswith("_ansible_")
    }
