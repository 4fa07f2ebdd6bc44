"""What a module is told beside its own arguments: check mode, diff, secrecy, its name.

Knows the internal `_ansible_*` arguments and that a module refuses those its version does
not know, so that only the accepted ones are sent. Leaves checking the user's arguments to
the module.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from outlast.call import Call
from outlast.content.core import AnsibleCore

_SPECIAL_FILESYSTEMS = ("fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat")


def module_args(
    core: AnsibleCore,
    call: Call,
    args: Mapping[str, object],
    *,
    name: str,
) -> dict[str, object]:
    """Give *args* for the wire, with what *call* adds to them.

    *name* is how the module calls itself in its messages.
    """
    internal: dict[str, object] = {
        "check_mode": call.check_mode,
        "debug": False,
        "diff": call.diff,
        "ignore_unknown_opts": False,
        "keep_remote_files": False,
        "module_name": name,
        "no_log": call.no_log,
        "remote_tmp": "~/.ansible/tmp",
        "selinux_special_fs": list(_SPECIAL_FILESYSTEMS),
        "shell_executable": "/bin/sh",
        "socket": None,
        "syslog_facility": "LOG_USER",
        "target_log_info": None,
        "tmpdir": None,
        "tracebacks_for": [],
        "verbosity": call.verbosity,
        "version": core.version,
    }
    known = core.accepted
    return {key: jsonable(value) for key, value in args.items()} | {
        f"_ansible_{key}": value for key, value in internal.items() if key in known
    }


def jsonable(value: object) -> object:
    """Give *value* as JSON can carry it: dates as ISO text, tuples and sets as lists."""
    if isinstance(value, dict):
        return {str(key): jsonable(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(member) for member in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value
